//! Processors with stores and timers; Kafka Streams' are in `tests/java/OracleProcessors.java`.

use headwater_model::Timestamp;
use headwater_schema::{KeyValueSerde, Utf8, serdes, utf8};
use headwater_streams::{
    FixedKeyProcessor, FixedKeyProcessorContext, FixedKeyRecord, KeyValueStore, ProcessingContext, Processor,
    ProcessorContext, ProcessorError, PunctuationType, Record, Timer, TopologyBuilder, WindowStore,
};

use super::{Build, Text, first, input, ms, nullable, other, tail, text, write, write_table};

pub(super) const ALL: &[(&str, Build)] = &[
    ("process-store-timer", process_store_timer),
    ("processors-share-store", processors_share_store),
    ("process-window-store", process_window_store),
    ("process-values", process_values),
];

type Lent<'a> = ProcessorContext<'a, Text, Text>;
type Done = Result<(), ProcessorError>;
type Texts = KeyValueStore<String, String>;

fn texts() -> KeyValueSerde<Utf8, Utf8> {
    serdes(utf8(), utf8())
}

fn process_store_timer(app: &mut TopologyBuilder) {
    let texts = app.key_value_store("texts", texts());
    write(&input(app).process("tell-texts", &texts, TellTexts));
}

fn processors_share_store(app: &mut TopologyBuilder) {
    let newest = app.key_value_store("newest", texts());
    input(app).process("keep", &newest, Keeper);
    let asked = other(app).process("ask", &newest, |newest| Asker { newest, turns: 0 });
    write(&asked);
}

fn process_window_store(app: &mut TopologyBuilder) {
    let values = app.window_store("values", ms(50), texts());
    write(&input(app).process("recent", &values, Recent));
}

fn process_values(app: &mut TopologyBuilder) {
    let before = app.key_value_store("befores", texts());
    let both = input(app).process_values("before", &before, Before).with_serdes(nullable());
    write_table(&both.group_by_key().count("counts"));
}

/// Strings the values of a key together; tells all of them every ten milliseconds, and forgets the long ones.
struct TellTexts(Texts);

impl Processor<Text, Text> for TellTexts {
    type Key = Text;
    type Value = Text;

    fn init(&mut self, context: &mut ProcessingContext<'_>) -> Done {
        context.schedule(ms(10), PunctuationType::StreamTime);
        Ok(())
    }

    fn process(&mut self, record: Record<Text, Text>, context: &mut Lent<'_>) -> Done {
        let Some(key) = &record.key else {
            context.forward(record.with_value(Some("keyless".to_owned())));
            return Ok(());
        };
        let before = self.0.get(key, context)?.unwrap_or_default();
        let joined = tail(before + text(record.value.as_deref()));
        self.0.put(key, &joined, context)?;
        context.forward(record.with_key(first(Some(&joined))).with_value(Some(joined)));
        Ok(())
    }

    fn punctuate(&mut self, _timer: Timer, time: Timestamp, context: &mut Lent<'_>) -> Done {
        let range = "b".to_owned()..="d".to_owned();
        let all: Vec<_> = self.0.range(range, context)?.collect::<Result<_, _>>()?;
        for (key, value) in all {
            context.forward(Record::new(Some(key.clone()), Some(format!("timer/{value}")), time));
            if value.len() > 8 {
                self.0.delete(&key, context)?;
            }
        }
        Ok(())
    }
}

/// Keeps the newest value of each key.
struct Keeper(Texts);

impl Processor<Text, Text> for Keeper {
    type Key = ();
    type Value = ();

    fn process(&mut self, record: Record<Text, Text>, context: &mut ProcessorContext<'_, (), ()>) -> Done {
        match (record.key, record.value) {
            (Some(key), Some(value)) => self.0.put(&key, &value, context),
            (Some(key), None) => self.0.delete(&key, context),
            (None, _) => Ok(()),
        }
    }
}

/// Looks up what the other keeps; its timer starts anew, in steps of another length, now and then.
struct Asker {
    newest: Texts,
    turns: u32,
}

impl Processor<Text, Text> for Asker {
    type Key = Text;
    type Value = Text;

    fn init(&mut self, context: &mut ProcessingContext<'_>) -> Done {
        context.schedule(ms(7), PunctuationType::StreamTime);
        Ok(())
    }

    fn process(&mut self, record: Record<Text, Text>, context: &mut Lent<'_>) -> Done {
        let found = match &record.key {
            Some(key) => self.newest.get(key, context)?,
            None => None,
        };
        let both = format!("{}+{}", text(record.value.as_deref()), text(found.as_deref()));
        context.forward(record.with_value(Some(both)));
        Ok(())
    }

    fn punctuate(&mut self, timer: Timer, time: Timestamp, context: &mut Lent<'_>) -> Done {
        let count = self.newest.range(.., context)?.count();
        let told = format!("{count}/{}", self.turns);
        context.forward(Record::new(Some("timer".to_owned()), Some(told), time));
        self.turns += 1;
        if self.turns.is_multiple_of(5) {
            context.cancel(timer);
            let start = time.plus_ms(if self.turns.is_multiple_of(2) { -30 } else { 30 }).max(Timestamp(0));
            let interval = ms(u64::from(10 + self.turns % 7));
            context.schedule_from(start, interval, PunctuationType::StreamTime);
        }
        Ok(())
    }
}

/// What was said under the key a short time before and after; now and then, of all keys.
struct Recent(WindowStore<String, String>);

impl Processor<Text, Text> for Recent {
    type Key = Text;
    type Value = Text;

    fn init(&mut self, context: &mut ProcessingContext<'_>) -> Done {
        context.schedule(ms(30), PunctuationType::StreamTime);
        Ok(())
    }

    fn process(&mut self, record: Record<Text, Text>, context: &mut Lent<'_>) -> Done {
        let (Some(key), time) = (&record.key, record.timestamp) else {
            return Ok(());
        };
        match &record.value {
            Some(value) => self.0.put(key, time, value, context)?,
            None => self.0.delete(key, time, context)?,
        }
        let near = self.0.fetch(key, time.plus_ms(-40)..=time.plus_ms(5), context)?;
        let near = near.map(|entry| entry.map(|(time, value)| format!("{time}{value}")));
        let found = near.collect::<Result<String, _>>()?;
        context.forward(record.with_value(Some(tail(found))));
        Ok(())
    }

    fn punctuate(&mut self, _timer: Timer, time: Timestamp, context: &mut Lent<'_>) -> Done {
        let recent = self.0.fetch_all(time.plus_ms(-60)..=time, context)?;
        for (time, key, value) in recent.collect::<Result<Vec<_>, _>>()? {
            context.forward(Record::new(Some(key), Some(format!("timer/{value}")), time));
        }
        Ok(())
    }
}

/// Hands on the value and the one before it.
struct Before(Texts);

impl FixedKeyProcessor<Text, Text> for Before {
    type Value = Text;

    fn process(
        &mut self,
        record: FixedKeyRecord<Text, Text>,
        context: &mut FixedKeyProcessorContext<'_, Text, Text>,
    ) -> Done {
        let (Some(key), Some(value)) = (record.key().clone(), record.value.clone()) else {
            return Ok(());
        };
        let last = self.0.get(&key, context)?;
        self.0.put(&key, &value, context)?;
        context.forward(record.clone());
        if last.is_some() {
            let later = record.timestamp.plus_ms(1);
            context.forward(record.with_value(last).with_timestamp(later));
        }
        Ok(())
    }
}
