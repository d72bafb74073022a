//! Processors under the runtime, over the embedded broker, on virtual time.

use std::time::Duration;

use headwater_client::{ProducerConfig, ProducerRecord};
use headwater_model::Timestamp;
use headwater_schema::{long, serdes, utf8};
use headwater_streams::{
    Guarantee, KeyValueStore, ProcessingContext, Processor, ProcessorContext, ProcessorError,
    PunctuationType, Record, Streams, StreamsConfig, Timer, Topology,
};
use headwater_testkit::{Faults, SimCluster, simulate};

use crate::runtime::{SimClient, create, name, newest, pause};

type Lent<'a> = ProcessorContext<'a, String, i64>;

/// Counts the records of each key, and tells the counts once a second: of the clock that it is told.
struct Counts {
    counts: KeyValueStore<String, i64>,
    clock: PunctuationType,
}

impl Processor<String, String> for Counts {
    type Key = String;
    type Value = i64;

    fn init(&mut self, context: &mut ProcessingContext<'_>) -> Result<(), ProcessorError> {
        context.schedule(Duration::from_secs(1), self.clock);
        Ok(())
    }

    fn process(
        &mut self,
        record: Record<String, String>,
        context: &mut Lent<'_>,
    ) -> Result<(), ProcessorError> {
        let count = self.counts.get(&record.key, context)?.unwrap_or_default() + 1;
        self.counts.put(&record.key, &count, context)
    }

    fn punctuate(
        &mut self,
        _timer: Timer,
        time: Timestamp,
        context: &mut Lent<'_>,
    ) -> Result<(), ProcessorError> {
        let counts: Vec<_> = self.counts.range(.., context)?.collect::<Result<_, _>>()?;
        for (key, count) in counts {
            context.forward(Record::new(key, count, time));
        }
        Ok(())
    }
}

fn counted(clock: PunctuationType) -> Topology {
    let mut app = Topology::builder("counted").guarantee(Guarantee::AtLeastOnce);
    let counts = app.key_value_store("counts", serdes(utf8(), long()));
    app.stream::<String, String, _, _>("words", serdes(utf8(), utf8()))
        .process("count", &counts, move |counts| Counts { counts, clock })
        .to("told", serdes(utf8(), long()));
    app.build().unwrap()
}

async fn publish(client: &SimClient, times: &[i64]) {
    let producer = client.producer(ProducerConfig::default());
    let topic = name("words");
    for time in times {
        let record = ProducerRecord::new(&topic, b"word").key(b"key").timestamp(Timestamp(*time));
        producer.send(record).await.unwrap();
    }
    producer.close().await.unwrap();
}

#[test]
fn a_timer_by_the_wall_clock_takes_its_turns_while_no_record_comes() {
    simulate(|| async {
        let mut cluster = SimCluster::start(1, Faults::none()).unwrap();
        let client = cluster.client("streams").await.unwrap();
        create(&client, &[("words", 1), ("told", 1)]).await;
        publish(&client, &[5, 5, 5]).await;
        let topology = counted(PunctuationType::WallClockTime);
        let live = Streams::start(topology, client.clone(), StreamsConfig::default()).await.unwrap();
        pause(Duration::from_secs(10)).await;
        assert_eq!(newest(&client, "told").await["key"], 3);
        // As often as there were seconds, give or take how long the group took to begin.
        let told = live.progress().records_out;
        assert!((5..=10).contains(&told), "{told}");
        live.stop().await.unwrap();
    });
}

#[test]
fn a_bounded_run_takes_the_turns_of_stream_time_that_its_records_bring_and_no_other() {
    simulate(|| async {
        let mut cluster = SimCluster::start(1, Faults::none()).unwrap();
        let client = cluster.client("streams").await.unwrap();
        create(&client, &[("words", 1), ("told", 1)]).await;
        // Turns with the first record, and with the third.
        publish(&client, &[100, 900, 1_200, 1_900]).await;
        let topology = counted(PunctuationType::StreamTime);
        let progress =
            Streams::run_bounded(topology, client.clone(), StreamsConfig::default()).await.unwrap();
        assert_eq!(progress.records_out, 2);
        assert_eq!(newest(&client, "told").await["key"], 3);
    });
}

#[test]
fn a_bounded_run_ends_although_timers_go_by_the_wall_clock() {
    simulate(|| async {
        let mut cluster = SimCluster::start(1, Faults::none()).unwrap();
        let client = cluster.client("streams").await.unwrap();
        create(&client, &[("words", 1), ("told", 1)]).await;
        publish(&client, &[100, 900]).await;
        let topology = counted(PunctuationType::WallClockTime);
        let progress =
            Streams::run_bounded(topology, client.clone(), StreamsConfig::default()).await.unwrap();
        assert_eq!(progress.records_in, 2);
    });
}
