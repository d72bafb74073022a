//! All groups of one shard: finds the group that a command is for, and keeps the order of deadlines.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use headwater_model::{Entropy, ErrorCode, Monotonic};

use crate::classic::Classic;
use crate::consumer::Replayed;
use crate::effects::Turn;
use crate::group::{Group, Kind};
use crate::offsets::{Ends, OpenTransactions, Placed};
use crate::share;
use crate::streams;
use crate::{
    Change, CommittedOffset, Effects, GroupId, GroupsConfig, Heartbeat, Join, Leave, MemberTimes, Now, Reply,
    StreamsSettings, Sync, Token, Topics,
};

/// The groups of one shard of `__consumer_offsets`.
#[derive(Debug)]
pub struct Groups {
    pub(crate) config: GroupsConfig,
    pub(crate) groups: BTreeMap<GroupId, Group>,
    /// Each group with a deadline once, at that moment or an earlier one.
    deadlines: BTreeSet<(Monotonic, GroupId)>,
    retention_check: Option<Monotonic>,
    /// What has been replayed of consumer groups, until all has been.
    replayed: BTreeMap<GroupId, Replayed>,
    /// And of share groups.
    replayed_shares: BTreeMap<GroupId, share::Replayed>,
    /// The same of streams groups.
    replayed_streams: BTreeMap<GroupId, streams::Replayed>,
    /// Of the streams groups that have settings of their own.
    pub(crate) streams_settings: BTreeMap<GroupId, StreamsSettings>,
    /// Of the groups whose members have times of their own.
    pub(crate) member_times: BTreeMap<GroupId, MemberTimes>,
    /// The topics that there are, once that has been told.
    pub(crate) topics: Option<Arc<Topics>>,
    pub(crate) in_transactions: OpenTransactions,
    pub(crate) ends: Ends,
    /// Offsets that were ever committed.
    pub(crate) commits: u64,
}

impl Groups {
    /// No groups yet: replay the log, then say that it is [`Groups::loaded`].
    pub fn new(config: GroupsConfig) -> Self {
        Self {
            config,
            groups: BTreeMap::new(),
            deadlines: BTreeSet::new(),
            retention_check: None,
            replayed: BTreeMap::new(),
            replayed_shares: BTreeMap::new(),
            replayed_streams: BTreeMap::new(),
            streams_settings: BTreeMap::new(),
            member_times: BTreeMap::new(),
            topics: None,
            in_transactions: OpenTransactions::default(),
            ends: Ends::default(),
            commits: 0,
        }
    }

    /// Takes over a durable fact, in the log's order.
    pub fn replay(&mut self, change: Change) {
        match change {
            Change::OffsetCommitted { group, partition, committed } => {
                let placed = self.place(committed);
                self.group_or_new(group).offsets.put(partition, placed);
            }
            Change::OffsetPending { producer, group, partition, committed } => {
                let placed = self.place(committed);
                self.in_transactions.join(producer, group.clone());
                self.group_or_new(group).offsets.put_pending(producer.id, partition, placed);
            }
            Change::TransactionEnded { producer, outcome } => {
                for group in self.settle_transaction(producer.id, outcome) {
                    self.drop_if_vacant(&group);
                }
            }
            Change::OffsetForgotten { group, partition } => {
                if let Some(known) = self.groups.get_mut(&group) {
                    known.offsets.remove(&partition);
                }
                self.drop_if_vacant(&group);
            }
            Change::GroupStored(stored) => {
                let group = self.group_or_new(stored.group.clone());
                group.kind = Kind::Classic(Classic::from_stored(stored));
            }
            Change::GroupForgotten { group } => {
                if let Some(known) = self.groups.get_mut(&group) {
                    known.kind = Kind::Classic(Classic::new(group.clone()));
                }
                self.drop_if_vacant(&group);
            }
            Change::ConsumerGroup { group, change } => {
                self.replayed.entry(group).or_default().replay(change);
            }
            Change::ShareGroup { group, change } => {
                self.replayed_shares.entry(group).or_default().replay(change);
            }
            Change::StreamsGroup { group, change } => {
                self.replayed_streams.entry(group).or_default().replay(change);
            }
        }
    }

    /// The logs have been replayed: sessions begin. Of a group that both logs tell of, the kind with the greater epoch
    /// counts; the records of the other go, as does what an interrupted command has left.
    pub fn loaded(&mut self, now: Now) -> Effects {
        self.retention_check = Some(now.monotonic + self.config.retention_check_interval);
        let mut turn = Turn::new(now, &self.config);
        let times_of =
            |id: &GroupId| self.member_times.get(id).copied().unwrap_or(self.config.member_times());
        for (id, replayed) in std::mem::take(&mut self.replayed) {
            turn.times = times_of(&id);
            let group = self.groups.entry(id.clone()).or_insert_with(|| Group::new(id));
            group.decide_kind(&mut turn, replayed);
        }
        for (id, replayed) in std::mem::take(&mut self.replayed_shares) {
            turn.times = times_of(&id);
            let group = self.groups.entry(id.clone()).or_insert_with(|| Group::new(id));
            group.decide_share(&mut turn, replayed);
        }
        for (id, replayed) in std::mem::take(&mut self.replayed_streams) {
            let settings = self.streams_settings.get(&id).unwrap_or(&self.config.streams);
            let group = self.groups.entry(id.clone()).or_insert_with(|| Group::new(id));
            group.decide_streams(&mut turn, replayed, settings);
        }
        let effects = turn.effects;
        let ids: Vec<GroupId> = self.groups.keys().cloned().collect();
        for id in ids {
            if let Some(Kind::Classic(classic)) = self.groups.get_mut(&id).map(|group| &mut group.kind) {
                classic.loaded(now.monotonic);
            }
            self.settle(&id);
        }
        effects
    }

    /// These are the topics that there are now: to be told once the log has been replayed, and whenever they change.
    /// Before, the newer kinds of group cannot be served.
    pub fn topics_changed(&mut self, now: Now, topics: Arc<Topics>) -> Effects {
        let mut turn = Turn::new(now, &self.config);
        for group in self.groups.values_mut() {
            if let Some(consumer) = group.consumer() {
                consumer.topics_changed(&mut turn, &topics);
            }
            if let Some(share) = group.share() {
                share.topics_changed(&mut turn, &topics);
            }
            if let Some(streams) = group.streams() {
                streams.topics_changed(&mut turn, &topics);
            }
        }
        self.topics = Some(topics);
        turn.effects
    }

    /// A client wants to be a member, or comes back for the next generation.
    pub fn join(&mut self, now: Now, entropy: &mut Entropy, token: Token, join: Join) -> Effects {
        let mut turn = Turn::new(now, &self.config);
        let member = join.member.clone();
        let known = self.groups.contains_key(&join.group);
        let checked = match join.check(turn.config) {
            Ok(()) if !known && member.is_some() => Err(ErrorCode::UnknownMemberId),
            Ok(()) if !known && self.groups.len() >= turn.config.max_groups => {
                Err(ErrorCode::PolicyViolation)
            }
            Ok(()) if self.groups.get(&join.group).is_some_and(Group::is_share) => {
                Err(ErrorCode::InconsistentGroupProtocol)
            }
            checked => checked,
        };
        if let Err(error) = checked {
            turn.refuse_join(token, error, member);
            return turn.effects;
        }
        let id = join.group.clone();
        let group = self.groups.entry(id.clone()).or_insert_with(|| Group::new(id.clone()));
        match (group.as_classic(), &self.topics) {
            (Some(classic), _) => classic.join(&mut turn, entropy, token, join),
            (None, None) => turn.refuse_join(token, ErrorCode::CoordinatorLoadInProgress, member),
            (None, Some(topics)) => group.classic_join(&mut turn, entropy, topics, token, join),
        }
        let effects = turn.effects;
        self.settle(&id);
        effects
    }

    /// A member wants its part of the assignment; the leader brings it.
    pub fn sync(&mut self, now: Now, token: Token, sync: Sync) -> Effects {
        let mut turn = Turn::new(now, &self.config);
        let id = sync.group.clone();
        match self.groups.get_mut(&id) {
            _ if id.as_str().is_empty() => {
                turn.reply(token, Reply::Sync(Err(ErrorCode::InvalidGroupId)));
            }
            Some(Group { kind: Kind::Classic(classic), .. }) => classic.sync(&mut turn, token, sync),
            Some(Group { kind: Kind::Consumer(consumer), .. }) => {
                let topics = self.topics.as_deref().ok_or(ErrorCode::CoordinatorLoadInProgress);
                let outcome = topics.and_then(|topics| consumer.classic_sync(now, topics, &sync));
                turn.reply(token, Reply::Sync(outcome));
            }
            Some(Group { kind: Kind::Share(_) | Kind::Streams(_), .. }) | None => {
                turn.reply(token, Reply::Sync(Err(ErrorCode::UnknownMemberId)));
            }
        }
        let effects = turn.effects;
        self.settle(&id);
        effects
    }

    /// A member is alive.
    pub fn heartbeat(&mut self, now: Now, token: Token, heartbeat: &Heartbeat) -> Effects {
        let outcome = match self.groups.get_mut(&heartbeat.group) {
            _ if heartbeat.group.as_str().is_empty() => Err(ErrorCode::InvalidGroupId),
            // The deadline moves later only, so that the one that is registered still serves.
            Some(Group { kind: Kind::Classic(classic), .. }) => classic.heartbeat(now, heartbeat),
            Some(Group { kind: Kind::Consumer(consumer), .. }) => {
                let outcome = consumer.classic_heartbeat(now, heartbeat);
                self.settle(&heartbeat.group);
                outcome
            }
            Some(Group { kind: Kind::Share(_) | Kind::Streams(_), .. }) | None => {
                Err(ErrorCode::UnknownMemberId)
            }
        };
        Effects { records: Vec::new(), replies: vec![(token, Reply::Heartbeat(outcome))] }
    }

    /// Members go.
    pub fn leave(&mut self, now: Now, token: Token, leave: &Leave) -> Effects {
        let mut turn = Turn::new(now, &self.config);
        let outcome = match self.groups.get_mut(&leave.group) {
            _ if leave.group.as_str().is_empty() => Err(ErrorCode::InvalidGroupId),
            Some(Group { kind: Kind::Classic(classic), .. }) => Ok(classic.leave(&mut turn, &leave.leavers)),
            Some(Group { kind: Kind::Share(_) | Kind::Streams(_), .. }) | None => {
                Ok(vec![ErrorCode::UnknownMemberId; leave.leavers.len()])
            }
            Some(group) => {
                let topics = self.topics.as_deref().ok_or(ErrorCode::CoordinatorLoadInProgress);
                topics.map(|topics| group.classic_leave(&mut turn, topics, &leave.leavers))
            }
        };
        turn.reply(token, Reply::Leave(outcome));
        let effects = turn.effects;
        self.settle(&leave.group);
        effects
    }

    /// Deletes a group that has no members, with its offsets.
    pub fn delete_group(&mut self, now: Now, token: Token, id: &GroupId) -> Effects {
        let mut turn = Turn::new(now, &self.config);
        let outcome = match self.groups.get_mut(id) {
            _ if id.as_str().is_empty() => Err(ErrorCode::InvalidGroupId),
            None => Err(ErrorCode::GroupIdNotFound),
            Some(group) if !group.is_empty() => Err(ErrorCode::NonEmptyGroup),
            Some(group) => {
                group.forget_offsets(&mut turn, |_| true);
                group.forget(&mut turn);
                Ok(())
            }
        };
        turn.reply(token, Reply::DeleteGroup(outcome));
        let effects = turn.effects;
        self.settle(id);
        effects
    }

    /// Does what is due: call it at or after [`Groups::next_deadline`].
    pub fn tick(&mut self, now: Now) -> Effects {
        let mut turn = Turn::new(now, &self.config);
        let mut visited = Vec::new();
        while let Some((at, _)) = self.deadlines.first()
            && *at <= now.monotonic
            && let Some((_, id)) = self.deadlines.pop_first()
        {
            if let Some(group) = self.groups.get_mut(&id) {
                group.registered = None;
                group.expire(&mut turn, self.topics.as_deref());
            }
            visited.push(id);
        }
        if self.retention_check.is_some_and(|at| at <= now.monotonic) {
            self.retention_check = Some(now.monotonic + turn.config.retention_check_interval);
            for (id, group) in &mut self.groups {
                group.expire_offsets(&mut turn, self.topics.as_deref());
                visited.push(id.clone());
            }
        }
        let effects = turn.effects;
        for id in visited {
            self.settle(&id);
        }
        effects
    }

    /// When [`Groups::tick`] is to be called next. It may turn out that nothing was due.
    pub fn next_deadline(&self) -> Option<Monotonic> {
        let group = self.deadlines.first().map(|(at, _)| *at);
        [group, self.retention_check].into_iter().flatten().min()
    }

    /// Answers everything that waits with this error. To be called before the shard is dropped, because its log
    /// failed or because it closes.
    pub fn fail_pending(&mut self, now: Now, error: ErrorCode) -> Effects {
        let mut turn = Turn::new(now, &self.config);
        for group in self.groups.values_mut() {
            group.fail_pending(&mut turn, error);
        }
        turn.effects
    }

    fn place(&mut self, committed: CommittedOffset) -> Placed {
        self.commits += 1;
        Placed { committed, number: self.commits }
    }

    pub(crate) fn group_or_new(&mut self, id: GroupId) -> &mut Group {
        self.groups.entry(id.clone()).or_insert_with(|| Group::new(id))
    }

    /// After a command: brings the group's place in the order of deadlines up to date.
    pub(crate) fn settle(&mut self, id: &GroupId) {
        if let Some(group) = self.groups.get_mut(id) {
            let deadline = group.next_deadline();
            if deadline != group.registered {
                if let Some(registered) = group.registered.take() {
                    self.deadlines.remove(&(registered, id.clone()));
                }
                if let Some(deadline) = deadline {
                    self.deadlines.insert((deadline, id.clone()));
                }
                group.registered = deadline;
            }
        }
        self.drop_if_vacant(id);
    }

    fn drop_if_vacant(&mut self, id: &GroupId) {
        if self.groups.get(id).is_some_and(Group::is_vacant)
            && let Some(group) = self.groups.remove(id)
            && let Some(registered) = group.registered
        {
            self.deadlines.remove(&(registered, id.clone()));
        }
    }
}
