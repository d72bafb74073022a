//! A naive coordinator: one transactional id, Kafka's rules as far as a client can see them, no storage.

use std::collections::{BTreeMap, BTreeSet};

use headwater_model::{ErrorCode, TopicPartition};
use headwater_wire::messages::end_txn::EndTxnRequest;
use headwater_wire::messages::init_producer_id::InitProducerIdRequest;

use super::TransactionVersion;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Empty,
    Ongoing,
    /// Decided; the markers are not written yet.
    Prepared {
        commit: bool,
    },
    Complete {
        commit: bool,
    },
}

#[derive(Debug)]
pub(super) struct Coordinator {
    producer_id: i64,
    epoch: i16,
    /// The epoch before the last raise that a producer asked for.
    before: Option<i16>,
    state: State,
    /// Whose transaction it is.
    number: u64,
    partitions: BTreeSet<TopicPartition>,
    has_group: bool,
    /// By the transaction's number: whether it was committed.
    pub(super) decided: BTreeMap<u64, bool>,
}

impl Coordinator {
    pub(super) fn new() -> Self {
        Self {
            producer_id: 7,
            epoch: -1,
            before: None,
            state: State::Empty,
            number: 0,
            partitions: BTreeSet::new(),
            has_group: false,
            decided: BTreeMap::new(),
        }
    }

    /// The markers are written.
    pub(super) fn complete(&mut self) {
        if let State::Prepared { commit } = self.state {
            self.state = State::Complete { commit };
        }
    }

    /// A newer instance begins, or the transaction times out.
    pub(super) fn fence(&mut self) {
        if self.state == State::Ongoing {
            self.decide(false);
        }
        self.complete();
        self.epoch += 1;
        self.before = None;
    }

    pub(super) fn init(&mut self, request: &InitProducerIdRequest) -> Result<(i64, i16), ErrorCode> {
        let is_known = request.producer_id == self.producer_id;
        if request.producer_id >= 0 && is_known && Some(request.producer_epoch) == self.before {
            return Ok((self.producer_id, self.epoch));
        }
        if request.producer_id >= 0 && !(is_known && request.producer_epoch == self.epoch) {
            return Err(ErrorCode::ProducerFenced);
        }
        match self.state {
            State::Ongoing => {
                self.decide(false);
                return Err(ErrorCode::ConcurrentTransactions);
            }
            State::Prepared { .. } => return Err(ErrorCode::ConcurrentTransactions),
            State::Empty | State::Complete { .. } => {}
        }
        self.before = (request.producer_id >= 0).then_some(self.epoch);
        self.epoch += 1;
        self.state = State::Empty;
        Ok((self.producer_id, self.epoch))
    }

    pub(super) fn add(
        &mut self,
        epoch: i16,
        number: u64,
        partitions: impl IntoIterator<Item = TopicPartition>,
    ) -> Result<(), ErrorCode> {
        self.join(epoch, number)?;
        self.partitions.extend(partitions);
        Ok(())
    }

    pub(super) fn add_group(&mut self, epoch: i16, number: u64) -> Result<(), ErrorCode> {
        self.join(epoch, number)?;
        self.has_group = true;
        Ok(())
    }

    /// A write to a partition. With version 1, a client must not even try before the coordinator knows of it.
    pub(super) fn write(
        &mut self,
        epoch: i16,
        number: u64,
        at: &TopicPartition,
        version: TransactionVersion,
    ) -> Result<(), ErrorCode> {
        if version == TransactionVersion::V2 {
            return self.add(epoch, number, [at.clone()]);
        }
        if epoch != self.epoch {
            return Err(ErrorCode::InvalidProducerEpoch);
        }
        assert!(self.state == State::Ongoing && self.number == number, "written outside of a transaction");
        assert!(self.partitions.contains(at), "written before it was added");
        Ok(())
    }

    pub(super) fn commit_offsets(
        &mut self,
        epoch: i16,
        number: u64,
        version: TransactionVersion,
    ) -> Result<(), ErrorCode> {
        if version == TransactionVersion::V2 {
            return self.add_group(epoch, number);
        }
        if epoch != self.epoch {
            return Err(ErrorCode::InvalidProducerEpoch);
        }
        assert!(self.has_group, "committed before the group was added");
        Ok(())
    }

    /// The identity to go on with, for version 2.
    pub(super) fn end(
        &mut self,
        request: &EndTxnRequest,
        version: TransactionVersion,
    ) -> Result<Option<(i64, i16)>, ErrorCode> {
        let commit = request.committed;
        if version == TransactionVersion::V2
            && request.producer_epoch == self.epoch - 1
            && matches!(self.state, State::Prepared { commit: was } | State::Complete { commit: was } if was == commit)
        {
            return Ok(Some((self.producer_id, self.epoch)));
        }
        if request.producer_epoch != self.epoch {
            return Err(ErrorCode::ProducerFenced);
        }
        match (self.state, version) {
            (State::Ongoing, _) => self.decide(commit),
            (State::Prepared { .. }, _) => return Err(ErrorCode::ConcurrentTransactions),
            (State::Complete { commit: was }, TransactionVersion::V1) if was == commit => return Ok(None),
            (State::Empty | State::Complete { .. }, TransactionVersion::V2) if !commit => {
                self.state = State::Prepared { commit: false };
            }
            (State::Empty | State::Complete { .. }, _) => return Err(ErrorCode::InvalidTxnState),
        }
        if version == TransactionVersion::V1 {
            return Ok(None);
        }
        self.epoch += 1;
        self.before = None;
        Ok(Some((self.producer_id, self.epoch)))
    }

    fn join(&mut self, epoch: i16, number: u64) -> Result<(), ErrorCode> {
        if epoch != self.epoch {
            return Err(ErrorCode::InvalidProducerEpoch);
        }
        match self.state {
            State::Prepared { .. } => return Err(ErrorCode::ConcurrentTransactions),
            State::Ongoing => assert_eq!(self.number, number, "part of a transaction that has ended"),
            State::Empty | State::Complete { .. } => {
                self.state = State::Ongoing;
                self.number = number;
                self.partitions.clear();
                self.has_group = false;
            }
        }
        Ok(())
    }

    fn decide(&mut self, commit: bool) {
        let before = self.decided.insert(self.number, commit);
        assert_eq!(before, None, "a transaction is decided once");
        self.state = State::Prepared { commit };
    }
}
