//! Topics and a group of a test's own, and programs that read, change and write.

use std::collections::BTreeMap;
use std::ops::Range;
use std::time::Duration;

use headwater_client::admin::{NewTopic, OffsetSpec};
use headwater_client::{
    Client, Consumer, ConsumerConfig, ConsumerEvent, ConsumerGroupMetadata, Fetched, Isolation, OffsetReset,
    Producer, ProducerConfig, ProducerRecord, StartAt, TransactionError, TransactionalConfig,
    TransactionalProducer,
};
use headwater_model::{Offset, PartitionId, TopicName, TopicPartition};
use headwater_wire::batch::Record;
use tokio::time::Instant;

use crate::kafka::{connect, fresh_topic};

pub(crate) const PARTITIONS: i32 = 3;

/// Above these bits, a number tells who wrote it.
const PRODUCER_BITS: u32 = 32;

/// By number: whether it was committed or aborted, or why it was not committed.
pub(crate) type Outcomes = BTreeMap<u64, Result<bool, TransactionError>>;

pub(crate) struct World {
    pub(crate) client: Client,
    /// A producer without transactions.
    pub(crate) plain: Producer,
    pub(crate) input: TopicName,
    pub(crate) output: TopicName,
    /// Also part of transactional ids, so that runs keep apart.
    pub(crate) group: String,
}

impl World {
    pub(crate) async fn new() -> Self {
        let client = connect().await;
        let (input, output) = (fresh_topic(), fresh_topic());
        for topic in [&input, &output] {
            let topic = NewTopic::new(topic.clone(), PARTITIONS).with_config("min.insync.replicas", "1");
            client.admin().create_topic(topic).await.unwrap();
        }
        let linger = Duration::ZERO;
        let plain = client.producer(ProducerConfig { linger, ..ProducerConfig::default() });
        Self { client, plain, group: format!("group-{input}"), input, output }
    }

    pub(crate) fn at(&self, partition: i32) -> TopicPartition {
        TopicPartition::new(self.output.clone(), PartitionId(partition))
    }

    pub(crate) fn group_without_member(&self) -> ConsumerGroupMetadata {
        ConsumerGroupMetadata::without_member(self.group.clone())
    }

    /// Numbers into the input.
    pub(crate) async fn fill(&self, numbers: Range<u64>) {
        for number in numbers {
            let value = number.to_be_bytes();
            let partition = PartitionId((number % PARTITIONS as u64) as i32);
            self.plain.send(ProducerRecord::new(&self.input, &value).partition(partition)).await.unwrap();
        }
        self.plain.flush().await.unwrap();
    }

    /// Every number that a reader of committed records sees in the output, sorted; those of one producer are in order
    /// in each partition.
    pub(crate) async fn committed(&self) -> Vec<u64> {
        let isolation = Isolation::ReadCommitted;
        let consumer = self.client.consumer(ConsumerConfig { isolation, ..ConsumerConfig::default() });
        let partitions: Vec<_> = (0..PARTITIONS).map(|partition| self.at(partition)).collect();
        let specs: Vec<_> = partitions.iter().map(|at| (at.clone(), OffsetSpec::Latest)).collect();
        let ends = self.client.admin().offsets(&specs).await.unwrap();
        consumer.assign(partitions.iter().map(|at| (at.clone(), StartAt::Earliest))).unwrap();
        let mut numbers: BTreeMap<TopicPartition, Vec<u64>> = BTreeMap::new();
        let deadline = Instant::now() + Duration::from_mins(1);
        let is_done = |at: &TopicPartition| {
            let end = ends[at].offset.unwrap();
            end == Offset::ZERO || consumer.position(at).unwrap().is_some_and(|position| position >= end)
        };
        while !partitions.iter().all(is_done) {
            assert!(Instant::now() < deadline, "still at {:?} of {ends:?}", consumer.positions());
            for fetched in consumer.poll(Duration::from_millis(200)).await.unwrap() {
                let open = fetched.open(1 << 20).unwrap();
                let records = fetched.records(&open).map(|record| number(&record.unwrap()));
                numbers.entry(fetched.topic_partition.clone()).or_default().extend(records);
            }
        }
        consumer.close().await;
        for numbers in numbers.values() {
            let of =
                |producer: u64| numbers.iter().filter(move |number| **number >> PRODUCER_BITS == producer);
            assert!((0..2).all(|producer| of(producer).is_sorted()), "out of order: {numbers:?}");
        }
        let mut all: Vec<u64> = numbers.into_values().flatten().collect();
        all.sort_unstable();
        all
    }

    /// Transactions of one number in every partition, one after the other, and what became of each.
    pub(crate) async fn commit_until(&self, end: Instant, version: i16, producer_number: u64) -> Outcomes {
        let mut outcomes = Outcomes::new();
        let mut number = producer_number << PRODUCER_BITS;
        while Instant::now() < end {
            let id = format!("{}-{version}", self.group);
            let mut producer = self.client.transactional_producer(config(&id, version)).await.unwrap();
            while Instant::now() < end {
                number += 1;
                let outcome = self.commit_one(&mut producer, number).await;
                let goes_on = outcome.as_ref().map_or_else(TransactionError::is_abortable, |_| true);
                outcomes.insert(number, outcome);
                if !goes_on {
                    break;
                }
            }
        }
        outcomes
    }

    async fn commit_one(
        &self,
        producer: &mut TransactionalProducer,
        number: u64,
    ) -> Result<bool, TransactionError> {
        let transaction = producer.begin().await?;
        for partition in (0..PARTITIONS).map(PartitionId) {
            let value = number.to_be_bytes();
            // Where this fails, so does the commit.
            let record = ProducerRecord::new(&self.output, &value).partition(partition);
            drop(transaction.send(record).await);
        }
        let offset = Offset((number % (1 << PRODUCER_BITS)) as i64);
        transaction.send_offsets([(self.at(0), offset)], &self.group_without_member()).await?;
        if number.is_multiple_of(10) {
            return transaction.abort().await.map(|()| false);
        }
        transaction.commit().await.map(|()| true)
    }

    pub(crate) async fn end(self) {
        let topics = [self.input, self.output];
        self.plain.close().await.unwrap();
        assert!(self.client.admin().delete_topics(&topics).await.values().all(Result::is_ok));
    }
}

/// A producer's configuration; the id is made unique by who needs it so.
pub(crate) fn config(id: &str, version: i16) -> TransactionalConfig {
    let producer = ProducerConfig {
        linger: Duration::ZERO,
        max_request_size: 4 << 20,
        delivery_timeout: Duration::from_secs(30),
        ..ProducerConfig::default()
    };
    TransactionalConfig { producer, max_transaction_version: version, ..TransactionalConfig::new(id) }
}

/// One that copies numbers from the input to the output, a few in each transaction.
pub(crate) struct Shouter {
    pub(crate) producer: TransactionalConfig,
    pub(crate) consumer: ConsumerConfig,
}

impl Shouter {
    /// The only one of its group, which comes back at once after it was killed.
    pub(crate) fn alone(world: &World, version: i16) -> Self {
        let mut shouter = Self::among_others(world, &world.group, version);
        shouter.consumer.group_instance_id = Some("one".to_owned());
        shouter
    }

    /// One of several, with a transactional id of its own.
    pub(crate) fn among_others(world: &World, id: &str, version: i16) -> Self {
        let consumer = ConsumerConfig {
            isolation: Isolation::ReadCommitted,
            auto_offset_reset: OffsetReset::Earliest,
            poll_max_bytes: 100,
            ..ConsumerConfig::in_group(&world.group)
        };
        Self { producer: config(id, version), consumer }
    }

    /// Goes on until so many are committed, by this one or others. Gives the number of its own transactions.
    pub(crate) async fn shout(self, client: &Client, world: &World, records: u64) -> usize {
        let mut producer = client.transactional_producer(self.producer).await.unwrap();
        let consumer = client.consumer(self.consumer);
        consumer.subscribe([world.input.clone()]).unwrap();
        let share = records as i64 / i64::from(PARTITIONS);
        let mut committed = 0;
        loop {
            match consumer.poll_event(Duration::from_millis(500)).await.unwrap() {
                Some(ConsumerEvent::Fetched(batches)) => {
                    match copy(&mut producer, &consumer, &world.output, batches).await {
                        Ok(()) => committed += 1,
                        // The group has moved on meanwhile: what was read is read again by whoever has it now.
                        Err(error) if error.must_rejoin() => go_back(&consumer),
                        Err(error) => panic!("{error}"),
                    }
                }
                Some(_) => {}
                None => {
                    let offsets = client.admin().group_offsets(&world.group).await.unwrap();
                    let is_done = offsets.values().all(|committed| committed.offset.0 == share);
                    if offsets.len() == PARTITIONS as usize && is_done {
                        break;
                    }
                }
            }
        }
        consumer.close().await;
        committed
    }
}

/// One transaction: what was read, and how far.
async fn copy(
    producer: &mut TransactionalProducer,
    consumer: &Consumer,
    output: &TopicName,
    batches: Vec<Fetched>,
) -> Result<(), TransactionError> {
    let Ok(me) = consumer.group_metadata() else {
        // It was put out of the group meanwhile.
        go_back(consumer);
        return Ok(());
    };
    let transaction = producer.begin().await?;
    for fetched in batches {
        let open = fetched.open(1 << 20).unwrap();
        for record in fetched.records(&open) {
            let value = record.unwrap().value.unwrap();
            let partition = fetched.topic_partition.partition;
            transaction.send(ProducerRecord::new(output, value).partition(partition)).await.unwrap();
        }
    }
    transaction.send_offsets(consumer.positions(), &me).await?;
    transaction.commit().await
}

fn go_back(consumer: &Consumer) {
    for at in consumer.assignment() {
        // What is not assigned any more needs no seeking.
        let _ = consumer.seek(&at, StartAt::Committed);
    }
}

pub(crate) fn number(record: &Record<'_>) -> u64 {
    u64::from_be_bytes(record.value.unwrap().try_into().unwrap())
}
