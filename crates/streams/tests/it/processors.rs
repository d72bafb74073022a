//! Processors: what they hand on, their timers, how they fail.

use std::time::Duration;

use expect_test::expect;
use headwater_model::{Timestamp, TopicName};
use headwater_schema::{long, serdes, utf8};
use headwater_streams::{
    ErrorPolicies, FixedKeyProcessor, FixedKeyProcessorContext, FixedKeyRecord, OnError, ProcessingContext,
    Processor, ProcessorContext, ProcessorError, PunctuationType, Record, TaskConfig, TestConfig, Timer,
    Topology, TopologyBuilder,
};

use crate::support::{World, app, check, check_with, sentence, skipping, text};

type Lent<'a> = ProcessorContext<'a, String, String>;
type Done = Result<(), ProcessorError>;

const fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

/// Makes a record of each letter, keyed by it.
struct Letters;

impl Processor<String, String> for Letters {
    type Key = String;
    type Value = String;

    fn process(&mut self, record: Record<String, String>, context: &mut Lent<'_>) -> Done {
        for letter in record.value.chars() {
            context.forward(record.clone().with_key(letter.to_string()));
        }
        Ok(())
    }
}

#[test]
fn a_processor_makes_any_number_of_records_with_keys_of_their_own() {
    let topology = app(|app| {
        app.stream("in", text()).process("letters", (), |()| Letters).to("out", text());
    });
    check(
        &topology,
        "in a=xy @7 #trace=1
         in a= @8",
        &expect![[r#"
            out x=xy @7 #trace=1
            out y=xy @7 #trace=1
        "#]],
    );
}

#[test]
fn keyed_operators_behind_a_processor_get_a_repartition_unless_the_keys_are_fixed() {
    let topology = app(|app| {
        let words = app.stream("in", text());
        let letters = words.process("letters", (), |()| Letters).with_serdes(text());
        letters.group_by_key().count("by-letter");
        words.process_values("halves", (), |()| Halves).with_serdes(text()).group_by_key().count("by-key");
    });
    expect![[r#"
        topology app, at least once

        sub-topology 0, stateful
          stream in
            process letters
              repartition by-letter -> app-by-letter-repartition
            process values halves
              count by-key
          store by-key: value per key, backed by app-by-key-changelog

        sub-topology 1, stateful
          repartition by-letter <- app-by-letter-repartition
            count by-letter
          store by-letter: value per key, backed by app-by-letter-changelog
    "#]]
    .assert_eq(&topology.to_string());
}

/// Hands on the two halves of each value, the second a millisecond later.
struct Halves;

impl FixedKeyProcessor<String, String> for Halves {
    type Value = String;

    fn process(
        &mut self,
        record: FixedKeyRecord<String, String>,
        context: &mut FixedKeyProcessorContext<'_, String, String>,
    ) -> Done {
        let (first, second) = record.value.split_at(record.value.len() / 2);
        let (first, second) = (format!("{}:{first}", record.key()), second.to_owned());
        context.forward(record.clone().with_value(first));
        let later = record.timestamp.plus_ms(1);
        context.forward(record.with_value(second).with_timestamp(later));
        Ok(())
    }
}

#[test]
fn a_processor_whose_keys_are_fixed_makes_records_under_the_key_that_came() {
    let topology = app(|app| {
        app.stream("in", text()).process_values("halves", (), |()| Halves).to("out", text());
    });
    check(
        &topology,
        "in a=weir @7 #trace=1",
        &expect![[r#"
            out a=a:we @7 #trace=1
            out a=ir @8 #trace=1
        "#]],
    );
}

/// Tells of each turn of its timers, and of records.
struct Ticks {
    set: fn(&mut ProcessingContext<'_>) -> Vec<Timer>,
    timers: Vec<Timer>,
}

impl Ticks {
    fn of(set: fn(&mut ProcessingContext<'_>) -> Vec<Timer>) -> impl Fn(()) -> Self + Send + Sync + 'static {
        move |()| Self { set, timers: Vec::new() }
    }
}

impl Processor<String, String> for Ticks {
    type Key = String;
    type Value = String;

    fn init(&mut self, context: &mut ProcessingContext<'_>) -> Done {
        self.timers = (self.set)(context);
        Ok(())
    }

    fn process(&mut self, record: Record<String, String>, context: &mut Lent<'_>) -> Done {
        if record.value == "cancel" {
            self.timers.iter().for_each(|timer| context.cancel(*timer));
        }
        context.forward(record);
        Ok(())
    }

    fn punctuate(&mut self, timer: Timer, time: Timestamp, context: &mut Lent<'_>) -> Done {
        let number = self.timers.iter().position(|known| *known == timer).unwrap();
        let clocks = format!("{}/{}", context.stream_time(), context.wall_clock_time());
        assert_eq!(context.record_metadata(), None);
        context.forward(Record::new(format!("timer{number}"), clocks, time));
        Ok(())
    }
}

fn ticking(set: fn(&mut ProcessingContext<'_>) -> Vec<Timer>) -> Topology {
    app(move |app| {
        app.stream("in", text()).process("ticks", (), Ticks::of(set)).to("out", text());
    })
}

#[test]
fn a_timer_by_stream_time_is_due_with_the_first_record_and_behind_those_that_pass_its_steps() {
    let topology = ticking(|context| vec![context.schedule(ms(10), PunctuationType::StreamTime)]);
    check(
        &topology,
        "in a=first @13
         in a=late @2
         in a=before @19
         in a=at @20
         in a=behind @21
         in a=jump @58
         in a=next @60",
        &expect![[r#"
            out a=first @13
            out timer0=13/0 @13
            out a=late @2
            out a=before @19
            out a=at @20
            out timer0=20/0 @20
            out a=behind @21
            out a=jump @58
            out timer0=58/0 @58
            out a=next @60
            out timer0=60/0 @60
        "#]],
    );
}

#[test]
fn a_timer_from_a_start_is_due_at_its_steps_alone() {
    let topology = ticking(|context| {
        let start = Timestamp(15);
        vec![context.schedule_from(start, ms(10), PunctuationType::StreamTime)]
    });
    check(
        &topology,
        "in a= @13
         in a= @16
         in a= @24
         in a= @25",
        &expect![[r#"
            out a= @13
            out a= @16
            out timer0=16/0 @16
            out a= @24
            out a= @25
            out timer0=25/0 @25
        "#]],
    );
}

#[test]
fn timers_are_told_apart_and_are_over_when_they_are_cancelled() {
    let topology = ticking(|context| {
        let often = context.schedule(ms(2), PunctuationType::StreamTime);
        let seldom = context.schedule(ms(4), PunctuationType::StreamTime);
        vec![often, seldom]
    });
    check(
        &topology,
        "in a= @0
         in a= @2
         in a= @4
         in a=cancel @8
         in a= @20",
        &expect![[r#"
            out a= @0
            out timer0=0/0 @0
            out timer1=0/0 @0
            out a= @2
            out timer0=2/0 @2
            out a= @4
            out timer0=4/0 @4
            out timer1=4/0 @4
            out a=cancel @8
            out a= @20
        "#]],
    );
}

#[test]
fn a_timer_by_the_wall_clock_goes_by_that_alone_and_is_counted_from_the_start() {
    let topology = ticking(|context| vec![context.schedule(ms(100), PunctuationType::WallClockTime)]);
    let mut world = World::new(&topology, &TestConfig::default());
    for (advance, fed) in
        [(99, ""), (0, "in a= @500"), (1, ""), (99, ""), (1, "in a= @7"), (350, ""), (50, "")]
    {
        world.driver.advance(ms(advance)).unwrap();
        world.feed(fed);
    }
    assert_eq!(world.driver.wall_clock(), Timestamp(600));
    expect![[r#"
        out a= @500
        out timer0=500/100 @100
        out timer0=500/200 @200
        out a= @7
        out timer0=500/550 @550
        out timer0=500/600 @600
    "#]]
    .assert_eq(&world.finish());
}

/// Has one turn only, which it sets with each record.
struct Alarm(Option<Timer>);

impl Processor<String, String> for Alarm {
    type Key = String;
    type Value = String;

    fn process(&mut self, record: Record<String, String>, context: &mut Lent<'_>) -> Done {
        self.0.into_iter().for_each(|timer| context.cancel(timer));
        let in_ten = record.timestamp.plus_ms(10);
        self.0 = Some(context.schedule_from(in_ten, ms(1), PunctuationType::StreamTime));
        Ok(())
    }

    fn punctuate(&mut self, timer: Timer, time: Timestamp, context: &mut Lent<'_>) -> Done {
        context.cancel(timer);
        context.forward(Record::new("quiet".to_owned(), "since ten".to_owned(), time));
        Ok(())
    }
}

#[test]
fn timers_are_set_and_cancelled_while_records_and_timers_are_dealt_with() {
    let topology = app(|app| {
        let words = app.stream("in", text());
        words.filter(|word| word.value != "other").process("alarm", (), |()| Alarm(None)).to("out", text());
    });
    check(
        &topology,
        "in a=x @1
         in a=x @8
         in a=other @12
         in a=other @18
         in a=other @30",
        &expect![[r#"
            out quiet=since ten @18
        "#]],
    );
}

#[test]
fn every_task_has_processors_and_timers_of_its_own() {
    let topology = ticking(|context| vec![context.schedule(ms(10), PunctuationType::StreamTime)]);
    check_with(
        &TestConfig::default().partitions("in", 2),
        &topology,
        "in/0 a= @5
         in/1 b= @30
         in/0 a= @9",
        &expect![[r#"
            out a= @5
            out timer0=5/0 @5
            out b= @30
            out timer0=30/0 @30
            out a= @9
        "#]],
    );
}

/// Tells where each record came from, and refuses some; its timer fails at 20.
struct Choosy;

impl Processor<String, String> for Choosy {
    type Key = String;
    type Value = String;

    fn init(&mut self, context: &mut ProcessingContext<'_>) -> Done {
        context.schedule(ms(10), PunctuationType::StreamTime);
        Ok(())
    }

    fn process(&mut self, record: Record<String, String>, context: &mut Lent<'_>) -> Done {
        let from = match context.record_metadata() {
            Some(from) => format!("{}-{}@{}", from.topic, from.partition, from.offset),
            None => "nowhere".to_owned(),
        };
        context.forward(record.clone().with_value(from));
        match record.value.as_str() {
            "number" => drop("x".parse::<i64>()?),
            "word" => return Err(ProcessorError::new("no such word")),
            _ => {}
        }
        Ok(())
    }

    fn punctuate(&mut self, _timer: Timer, time: Timestamp, context: &mut Lent<'_>) -> Done {
        context.forward(Record::new("timer".to_owned(), "said".to_owned(), time));
        if time == Timestamp(20) { Err(ProcessorError::new("not at twenty")) } else { Ok(()) }
    }
}

fn choosy() -> Topology {
    app(|app| app.stream("in", text()).process("choosy", (), |()| Choosy).to("out", text()))
}

#[test]
fn a_refused_record_stops_the_task_or_is_skipped_with_what_was_handed_on_before() {
    let fed = "in a=x @3
               in a=number @4
               in a=word @5
               in a=x @6";
    check(
        &choosy(),
        fed,
        &expect![[r#"
            out a=in-0@0 @3
            out timer=said @3
            error: "process choosy" failed on the record at in-0@1: invalid digit found in string
            out a=in-0@1 @4
        "#]],
    );
    check_with(
        &skipping(),
        &choosy(),
        fed,
        &expect![[r#"
            out a=in-0@0 @3
            out timer=said @3
            out a=in-0@1 @4
            out a=in-0@2 @5
            out a=in-0@3 @6
            skipped: 2
        "#]],
    );
}

fn burying() -> TestConfig {
    let policies = ErrorPolicies { processing: OnError::DeadLetter, ..ErrorPolicies::default() };
    let dead_letter_topic = Some(TopicName::new("dead").unwrap());
    TestConfig::default().task(TaskConfig { policies, dead_letter_topic, ..TaskConfig::default() })
}

#[test]
fn a_refused_record_becomes_a_dead_letter_but_a_timer_that_fails_stops_the_task() {
    let mut world = World::new(&choosy(), &burying());
    world.feed("in a=word @3\n in a=x @4");
    let letter = world.chosen("dead");
    assert!(letter.starts_with("dead a=word @3 #__streams.errors.exception=TaskError::Refused"), "{letter}");
    world.load("in a=x @20").unwrap();
    expect![[r#"
        error: "process choosy" failed on a timer at 20: not at twenty
    "#]]
    .assert_eq(&sentence(&world.driver.run().unwrap_err()));
    assert_eq!(world.chosen("dead"), "");
}

#[test]
fn a_timer_that_fails_stops_the_task_or_is_skipped() {
    let fed = "in a=x @20\n in a=x @30";
    check(
        &choosy(),
        fed,
        &expect![[r#"
            error: "process choosy" failed on a timer at 20: not at twenty
            out a=in-0@0 @20
            out timer=said @20
        "#]],
    );
    check_with(
        &skipping(),
        &choosy(),
        fed,
        &expect![[r#"
            out a=in-0@0 @20
            out timer=said @20
            out a=in-0@1 @30
            out timer=said @30
            skipped: 1
        "#]],
    );
}

/// Hands on every record twice, whatever becomes of it, and what its timer says.
struct Twice;

impl Processor<String, String> for Twice {
    type Key = String;
    type Value = String;

    fn init(&mut self, context: &mut ProcessingContext<'_>) -> Done {
        context.schedule(ms(10), PunctuationType::StreamTime);
        Ok(())
    }

    fn process(&mut self, record: Record<String, String>, context: &mut Lent<'_>) -> Done {
        context.forward(record.clone());
        context.forward(record.with_value("again".to_owned()));
        Ok(())
    }

    fn punctuate(&mut self, _timer: Timer, time: Timestamp, context: &mut Lent<'_>) -> Done {
        context.forward(Record::new("timer".to_owned(), "word".to_owned(), time));
        Ok(())
    }
}

#[test]
fn what_fails_behind_a_processor_stops_the_task_at_once() {
    let topology = app(|app| {
        let twice = app.stream("in", text()).process("twice", (), |()| Twice);
        let checked = twice.try_map_values(|record| match record.value.as_str() {
            "bad" => Err("it is bad"),
            _ => Ok(record.value),
        });
        checked.to("out", text());
    });
    check(
        &topology,
        "in a=bad @1",
        &expect![[r#"
            error: "try map values" failed on the record at in-0@0: it is bad
        "#]],
    );
}

#[test]
fn what_fails_behind_a_timer_is_told_with_its_time_and_comes_from_nowhere() {
    let topology = app(|app| {
        let twice = app.stream("in", text()).process("twice", (), |()| Twice);
        twice.process("choosy", (), |()| Choosy).to("out", text());
    });
    check(
        &topology,
        "in a=x @7",
        &expect![[r#"
            error: "process choosy" failed on a timer at 7: no such word
            out a=in-0@0 @7
            out a=in-0@0 @7
            out timer=said @7
            out timer=nowhere @7
        "#]],
    );
}

struct Stillborn;

impl Processor<String, String> for Stillborn {
    type Key = String;
    type Value = String;

    fn init(&mut self, _context: &mut ProcessingContext<'_>) -> Done {
        Err(ProcessorError::new("nothing is there"))
    }

    fn process(&mut self, _record: Record<String, String>, _context: &mut Lent<'_>) -> Done {
        Ok(())
    }
}

#[test]
fn a_processor_that_cannot_begin_stops_the_task_whatever_the_policy() {
    let topology = app(|app| {
        app.stream("in", text()).process("stillborn", (), |()| Stillborn).to("out", text());
    });
    check_with(
        &skipping(),
        &topology,
        "in a=x @1",
        &expect![[r#"
            error: "process stillborn" could not begin: nothing is there
        "#]],
    );
}

fn problems(build: impl FnOnce(&mut TopologyBuilder)) -> String {
    let mut app = Topology::builder("app").guarantee(headwater_streams::Guarantee::AtLeastOnce);
    build(&mut app);
    app.build().unwrap_err().to_string()
}

#[test]
fn stores_and_processors_that_cannot_be_are_refused_by_the_builder() {
    let mut other = Topology::builder("other").guarantee(headwater_streams::Guarantee::AtLeastOnce);
    let foreign = other.key_value_store::<String, i64, _, _>("counts", serdes(utf8(), long()));
    let problems = problems(|app| {
        let words = app.stream("in", text());
        words.process("counts", &foreign, |_| Letters);
        app.key_value_store::<String, i64, _, _>("counts", serdes(utf8(), long()));
        let none = Duration::ZERO;
        let short = app.window_store::<String, i64, _, _>("short", none, serdes(utf8(), long()));
        let shorter =
            app.key_value_store_with_ttl::<String, i64, _, _>("shorter", none, serdes(utf8(), long()));
        let letters = words.process("letters", (&short, &shorter, &short), |_| Letters);
        letters.group_by_key().count("by-letter");
    });
    expect![[r#"
        the topology "app" cannot be built: the store "counts" is of another topology, and cannot be given to a processor of this one; the name "counts" is given twice, to a processor and to a store; give one of them another; what the store "short" holds is gone in less than a millisecond; what the store "shorter" holds is gone in less than a millisecond; "by-letter" does not know how to write the stream's keys, whose type was changed on the way; say so with `.with_serdes(..)` before it; "by-letter" does not know how to write the stream's values, whose type was changed on the way; say so with `.with_serdes(..)` before it; the store "counts" is given to no processor"#]]
    .assert_eq(&problems);
}
