//! Transactions as a machine on `__transaction_state`, and what they reach into: the partitions' markers.
//!
//! Owns: the commands that reach a transactional id's shard; the form of the records ([`records`]); the writing of markers
//! ([`markers`]).
//!
//! Invariants: markers are written after their outcome is durable, and the outcome's end is recorded after they are. A
//! shard that begins anew writes its markers again, after none of the old ones is on its way any more.
//!
//! Does not know: the rules of coordination (the crate `headwater-coordinator`), how shards run ([`crate::coordinator`]).

mod markers;
mod records;

use bytes::Bytes;
use headwater_coordinator::{
    AddPartitions, EndTransaction, InitProducer, Markers, Now, Outcome, ProducerIdentity, Token,
    TransactionChange, TransactionEffects, TransactionReply, TransactionalId, Transactions,
    TransactionsConfig,
};
use headwater_model::{ErrorCode, Monotonic, ProducerId, Timestamp, TopicPartition};
use headwater_wire::batch::ControlMarker;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::broker::{Broker, WeakBroker};
use crate::config::BrokerConfig;
use crate::coordinator::records::BATCH_BYTES;
use crate::coordinator::{Effects, Machine, Message, RecordError, Shards};
use crate::topics::TRANSACTION_STATE;

/// What is asked of a shard.
#[derive(Debug)]
pub(crate) enum Command {
    Init(InitProducer),
    Add(AddPartitions),
    End(EndTransaction),
    /// These markers are in all their partitions.
    MarkersWritten {
        id: TransactionalId,
        number: u64,
    },
}

/// What a shard needs of the broker.
pub(crate) struct Aids {
    broker: WeakBroker,
    /// The shard's own.
    inbox: mpsc::WeakSender<Message<Transactions>>,
    /// The markers that are being written.
    writing: JoinSet<()>,
}

impl Aids {
    fn fresh_id(&self) -> Option<ProducerId> {
        self.broker.upgrade()?.take_producer_id()
    }
}

impl Broker {
    /// A producer begins, and fences whoever had its transactional id before.
    pub(crate) async fn init_producer(&self, init: InitProducer) -> Result<ProducerIdentity, ErrorCode> {
        // Where none can be reserved, an answer that needs one says so.
        let _ = self.reserve_producer_ids().await;
        let id = init.id.clone();
        match self.ask::<Transactions>(id.as_str(), Command::Init(init)).await? {
            TransactionReply::Init(outcome) => outcome,
            _ => Err(ErrorCode::UnknownServerError),
        }
    }

    /// A producer is about to write to partitions.
    pub(crate) async fn add_to_transaction(&self, add: AddPartitions) -> Result<(), ErrorCode> {
        let id = add.id.clone();
        match self.ask::<Transactions>(id.as_str(), Command::Add(add)).await? {
            TransactionReply::AddPartitions(outcome) => outcome,
            _ => Err(ErrorCode::UnknownServerError),
        }
    }

    /// Whether partitions are in the open transaction of a producer, each for itself.
    pub(crate) async fn verify_transaction(
        &self,
        id: &TransactionalId,
        producer: ProducerIdentity,
        partitions: Vec<TopicPartition>,
    ) -> Result<Vec<Result<(), ErrorCode>>, ErrorCode> {
        let asked = id.clone();
        let look = move |transactions: &Transactions| {
            partitions.iter().map(|partition| transactions.verify(&asked, producer, partition)).collect()
        };
        self.look_at(id.as_str(), look).await
    }

    /// A producer ends its transaction; gives who writes in the next one.
    pub(crate) async fn end_transaction(&self, end: EndTransaction) -> Result<ProducerIdentity, ErrorCode> {
        // Where none can be reserved, an answer that needs one says so.
        let _ = self.reserve_producer_ids().await;
        let id = end.id.clone();
        match self.ask::<Transactions>(id.as_str(), Command::End(end)).await? {
            TransactionReply::End(outcome) => outcome,
            _ => Err(ErrorCode::UnknownServerError),
        }
    }
}

/// The marker that says how a transaction ends.
pub(crate) fn marker(outcome: Outcome) -> ControlMarker {
    match outcome {
        Outcome::Commit => ControlMarker::Commit,
        Outcome::Abort => ControlMarker::Abort,
    }
}

impl From<TransactionEffects> for Effects<Transactions> {
    fn from(effects: TransactionEffects) -> Self {
        Self { records: effects.records, replies: effects.replies, tasks: effects.markers }
    }
}

impl Machine for Transactions {
    type Config = TransactionsConfig;
    type Change = TransactionChange;
    type Command = Command;
    type Reply = TransactionReply;
    type Task = Markers;
    type Aids = Aids;

    const TOPIC: &'static str = TRANSACTION_STATE;

    fn shards(broker: &Broker) -> &Shards<Self> {
        broker.transactions()
    }

    fn config(config: &BrokerConfig) -> TransactionsConfig {
        config.transactions.clone()
    }

    fn aids(broker: &Broker, inbox: mpsc::WeakSender<Message<Self>>) -> Aids {
        Aids { broker: broker.downgrade(), inbox, writing: JoinSet::new() }
    }

    fn partitions(config: &BrokerConfig) -> i32 {
        config.transaction_partitions
    }

    fn largest_batch(config: &BrokerConfig) -> usize {
        records::largest(&config.transactions) + BATCH_BYTES
    }

    fn new(config: TransactionsConfig) -> Self {
        Self::new(config)
    }

    fn replay(&mut self, change: TransactionChange) {
        self.replay(change);
    }

    fn succeed(&mut self, before: &Self) {
        self.succeed(before);
    }

    fn loaded(&mut self, now: Now, _: &mut Aids) -> Effects<Self> {
        self.loaded(now).into()
    }

    fn run(&mut self, command: Command, now: Now, aids: &mut Aids, token: Token) -> Effects<Self> {
        let fresh = &mut || aids.fresh_id();
        let effects = match command {
            Command::Init(init) => self.init(now, token, init, fresh),
            Command::Add(add) => self.add_partitions(now, token, add),
            Command::End(end) => self.end(now, token, &end, fresh),
            Command::MarkersWritten { id, number } => self.markers_written(now, &id, number, fresh),
        };
        effects.into()
    }

    fn tick(&mut self, now: Now) -> Effects<Self> {
        self.tick(now).into()
    }

    fn next_deadline(&self) -> Option<Monotonic> {
        self.next_deadline()
    }

    fn fail_pending(&mut self, _: Now, error: ErrorCode) -> Effects<Self> {
        self.fail_pending(error).into()
    }

    fn may_wait(command: &Command) -> bool {
        matches!(command, Command::Init(_) | Command::Add(_))
    }

    fn to_batches(_: &str, changes: &[TransactionChange], now: Timestamp) -> Vec<Bytes> {
        records::to_batches(changes, now)
    }

    fn read_record(
        _: &str,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
        _: Option<ProducerIdentity>,
    ) -> Result<TransactionChange, RecordError> {
        records::decode(key, value)
    }

    fn read_marker(_: ProducerIdentity, _: Outcome) -> Option<TransactionChange> {
        None
    }

    fn start(markers: Markers, aids: &mut Aids) {
        // Those that are over.
        while aids.writing.try_join_next().is_some() {}
        aids.writing.spawn(markers::write(aids.broker.clone(), markers, aids.inbox.clone()));
    }

    async fn abandon(aids: &mut Aids) {
        aids.writing.shutdown().await;
    }
}
