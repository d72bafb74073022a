//! One group: of one kind at a time, with the offsets that it has committed.
//!
//! A group without members may become one of another kind, unless it is a share group; its offsets stay. What the log
//! still holds of the kind that it was ([`Former`]) is of no account as long as the newer kind's epoch is greater, and
//! goes with the group, or when the log is read again.

use std::collections::BTreeSet;
use std::sync::Arc;

use headwater_model::{ErrorCode, Monotonic, TopicName};

use crate::classic::{CONSUMER_PROTOCOL_TYPE, Classic};
use crate::consumer::{Consumer, ConsumerGroupChange, Replayed};
use crate::effects::Turn;
use crate::offsets::Offsets;
use crate::share::{self, SHARE_PROTOCOL_TYPE, Share, ShareGroupChange};
use crate::streams::{self, STREAMS_PROTOCOL_TYPE, Streams, StreamsGroupChange, StreamsSettings};
use crate::subscription::subscribed_topics;
use crate::{Change, GroupId, GroupState, MemberId, Topics};

/// A group. One without members is a simple one, of the classic kind: a place to keep offsets.
#[derive(Debug)]
pub(crate) struct Group {
    pub(crate) id: GroupId,
    pub(crate) kind: Kind,
    pub(crate) former: Former,
    pub(crate) offsets: Offsets,
    /// Under which moment the group stands in the order of deadlines.
    pub(crate) registered: Option<Monotonic>,
}

/// The members' side of a group.
#[derive(Debug)]
pub(crate) enum Kind {
    Classic(Classic),
    Consumer(Consumer),
    Share(Share),
    Streams(Streams),
}

impl Kind {
    /// What Kafka calls it.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Classic(_) => "classic",
            Self::Consumer(_) => "consumer",
            Self::Share(_) => "share",
            Self::Streams(_) => "streams",
        }
    }
}

/// What the log still holds of a kind that the group is not any more.
#[derive(Debug, Default)]
pub(crate) struct Former {
    pub(crate) classic: bool,
    /// The members of which there are records.
    pub(crate) consumer: Option<BTreeSet<MemberId>>,
    /// There are no members left in one that becomes something else.
    pub(crate) streams: bool,
}

impl Former {
    fn is_nothing(&self) -> bool {
        !self.classic && self.consumer.is_none() && !self.streams
    }

    fn forget_classic(&mut self, group: &GroupId, turn: &mut Turn<'_>) {
        if std::mem::take(&mut self.classic) {
            turn.record(Change::GroupForgotten { group: group.clone() });
        }
    }

    /// Drops the records of the members, and of the group if that is over too.
    pub(crate) fn forget_consumer(&mut self, group: &GroupId, turn: &mut Turn<'_>, also_the_group: bool) {
        let Some(members) = self.consumer.take() else {
            return;
        };
        for member in members {
            ConsumerGroupChange::forget_member(group, &member, turn);
        }
        if also_the_group {
            ConsumerGroupChange::forget_group(group, turn);
        }
    }

    pub(crate) fn forget(&mut self, group: &GroupId, turn: &mut Turn<'_>) {
        self.forget_classic(group, turn);
        self.forget_consumer(group, turn, true);
        if std::mem::take(&mut self.streams) {
            StreamsGroupChange::forget_group(group, turn);
        }
    }
}

impl Group {
    pub(crate) fn new(id: GroupId) -> Self {
        Self {
            kind: Kind::Classic(Classic::new(id.clone())),
            former: Former::default(),
            offsets: Offsets::default(),
            registered: None,
            id,
        }
    }

    /// Nothing to remember it for.
    pub(crate) fn is_vacant(&self) -> bool {
        self.is_idle() && !self.is_stored() && self.offsets.is_empty()
    }

    /// Nobody is a member, or about to be one.
    pub(crate) fn is_idle(&self) -> bool {
        match &self.kind {
            Kind::Classic(classic) => classic.is_idle(),
            Kind::Consumer(consumer) => consumer.is_empty(),
            Kind::Share(share) => share.is_empty(),
            Kind::Streams(streams) => streams.is_empty(),
        }
    }

    /// Nobody is a member.
    pub(crate) fn is_empty(&self) -> bool {
        match &self.kind {
            Kind::Classic(classic) => classic.is_empty(),
            Kind::Consumer(consumer) => consumer.is_empty(),
            Kind::Share(share) => share.is_empty(),
            Kind::Streams(streams) => streams.is_empty(),
        }
    }

    /// The log has a record of the group, so that its end needs a tombstone.
    pub(crate) fn is_stored(&self) -> bool {
        let stored = match &self.kind {
            Kind::Classic(classic) => classic.is_stored(),
            Kind::Consumer(consumer) => consumer.is_stored(),
            Kind::Share(share) => share.is_stored(),
            Kind::Streams(streams) => streams.is_stored(),
        };
        stored || !self.former.is_nothing()
    }

    pub(crate) fn state(&self) -> GroupState {
        match &self.kind {
            Kind::Classic(classic) => classic.state(),
            Kind::Consumer(consumer) => consumer.state(),
            Kind::Share(share) => share.state(),
            Kind::Streams(streams) => streams.state(),
        }
    }

    pub(crate) fn protocol_type(&self) -> Option<Arc<str>> {
        match &self.kind {
            Kind::Classic(classic) => classic.protocol_type().cloned(),
            Kind::Consumer(_) => Some(Arc::from(CONSUMER_PROTOCOL_TYPE)),
            Kind::Share(_) => Some(Arc::from(SHARE_PROTOCOL_TYPE)),
            Kind::Streams(_) => Some(Arc::from(STREAMS_PROTOCOL_TYPE)),
        }
    }

    /// The earliest moment at which silence leads to something.
    pub(crate) fn next_deadline(&self) -> Option<Monotonic> {
        match &self.kind {
            Kind::Classic(classic) => classic.next_deadline(),
            Kind::Consumer(consumer) => consumer.next_deadline(),
            Kind::Share(share) => share.next_deadline(),
            Kind::Streams(streams) => streams.next_deadline(),
        }
    }

    /// Does what is due.
    pub(crate) fn expire(&mut self, turn: &mut Turn<'_>, topics: Option<&Topics>) {
        match (&mut self.kind, topics) {
            (Kind::Classic(classic), _) => classic.expire(turn),
            (Kind::Consumer(consumer), Some(topics)) => {
                consumer.expire(turn, topics);
                self.become_classic_if_all_are(turn, topics);
            }
            // Which topics count is found out when they are told.
            (Kind::Consumer(consumer), None) => consumer.expire(turn, &Topics::default()),
            (Kind::Share(share), topics) => share.expire(turn, topics.unwrap_or(&Topics::default())),
            (Kind::Streams(streams), _) => streams.expire(turn),
        }
    }

    /// Answers everything that waits with an error.
    pub(crate) fn fail_pending(&mut self, turn: &mut Turn<'_>, error: ErrorCode) {
        match &mut self.kind {
            Kind::Classic(classic) => classic.fail_pending(turn, error),
            // Nobody waits in one.
            Kind::Consumer(_) | Kind::Share(_) | Kind::Streams(_) => {}
        }
    }

    /// Drops the durable records of an empty group, so that it becomes vacant once its offsets are gone.
    pub(crate) fn forget(&mut self, turn: &mut Turn<'_>) {
        match &self.kind {
            Kind::Classic(classic) if classic.is_stored() => {
                turn.record(Change::GroupForgotten { group: self.id.clone() });
            }
            Kind::Consumer(consumer) if consumer.is_stored() => {
                ConsumerGroupChange::forget_group(&self.id, turn);
            }
            Kind::Share(share) if share.is_stored() => ShareGroupChange::forget_group(&self.id, turn),
            Kind::Streams(streams) if streams.is_stored() => {
                StreamsGroupChange::forget_group(&self.id, turn);
            }
            Kind::Classic(_) | Kind::Consumer(_) | Kind::Share(_) | Kind::Streams(_) => {}
        }
        self.former.forget(&self.id, turn);
        self.kind = Kind::Classic(Classic::new(self.id.clone()));
    }

    /// The classic kind of the group; a consumer group becomes a classic one if it has no members.
    pub(crate) fn as_classic(&mut self) -> Option<&mut Classic> {
        if let Kind::Consumer(consumer) = &self.kind
            && consumer.is_empty()
        {
            if consumer.is_stored() {
                self.former.consumer = Some(BTreeSet::new());
            }
            // If the log still has a record of the kind, it is the one that will be replaced.
            let stored = std::mem::take(&mut self.former.classic);
            let classic = Classic::beginning_after(self.id.clone(), consumer.epoch(), stored);
            self.kind = Kind::Classic(classic);
        }
        if let Kind::Streams(streams) = &self.kind
            && streams.is_empty()
        {
            self.former.streams |= streams.is_stored();
            let stored = std::mem::take(&mut self.former.classic);
            let classic = Classic::beginning_after(self.id.clone(), streams.epoch(), stored);
            self.kind = Kind::Classic(classic);
        }
        match &mut self.kind {
            Kind::Classic(classic) => Some(classic),
            Kind::Consumer(_) | Kind::Share(_) | Kind::Streams(_) => None,
        }
    }

    /// The streams kind of the group; a group of another kind becomes one if it has no members.
    pub(crate) fn as_streams(&mut self, turn: &Turn<'_>) -> Option<&mut Streams> {
        let is_streams = matches!(self.kind, Kind::Streams(_));
        if let Some(classic) = if is_streams { None } else { self.as_classic() }
            && classic.is_empty()
        {
            let (generation, classic_is_stored) = (classic.generation(), classic.is_stored());
            self.former.classic |= classic_is_stored;
            // If the log still has records of the kind, they are those that will be replaced.
            let stored = std::mem::take(&mut self.former.streams);
            let streams = Streams::beginning_after(self.id.clone(), generation, stored, turn.now.wall);
            self.kind = Kind::Streams(streams);
        }
        self.streams()
    }

    /// The consumer kind of the group; a classic group becomes one if it has no members, or only Kafka consumers.
    pub(crate) fn as_consumer(&mut self, turn: &mut Turn<'_>, topics: &Topics) -> Option<&mut Consumer> {
        if matches!(self.kind, Kind::Streams(_)) {
            self.as_classic();
        }
        if matches!(&self.kind, Kind::Classic(classic) if !classic.is_empty()) {
            return self.convert_to_consumer(turn, topics);
        }
        if let Kind::Classic(classic) = &self.kind
            && classic.is_empty()
        {
            self.former.classic |= classic.is_stored();
            let stored = self.former.consumer.is_some();
            let consumer = Consumer::beginning_after(self.id.clone(), classic.generation(), stored);
            self.former.forget_consumer(&self.id, turn, false);
            self.kind = Kind::Consumer(consumer);
        }
        self.consumer()
    }

    /// Decides between what was replayed of the group as a classic one and as a consumer group.
    pub(crate) fn decide_kind(&mut self, turn: &mut Turn<'_>, replayed: Replayed) {
        if replayed.is_nothing() {
            return;
        }
        let generation = match &self.kind {
            Kind::Classic(classic) if classic.is_stored() => Some(classic.generation()),
            Kind::Classic(_) | Kind::Consumer(_) | Kind::Share(_) | Kind::Streams(_) => None,
        };
        let counts = replayed.epoch().is_some_and(|epoch| generation.is_none_or(|other| epoch > other));
        if counts {
            let consumer = replayed.into_group(self.id.clone(), turn);
            self.kind = Kind::Consumer(consumer);
            self.former.classic = generation.is_some();
        } else {
            self.former.consumer = Some(replayed.named());
        }
        self.former.forget(&self.id, turn);
    }

    /// Decides between what was replayed of the group as a streams group, and what it is otherwise.
    pub(crate) fn decide_streams(
        &mut self,
        turn: &mut Turn<'_>,
        replayed: streams::Replayed,
        settings: &StreamsSettings,
    ) {
        if replayed.is_nothing() {
            return;
        }
        let other = match &self.kind {
            Kind::Classic(classic) if classic.is_stored() => Some(classic.generation()),
            Kind::Consumer(consumer) if consumer.is_stored() => Some(consumer.epoch()),
            Kind::Share(share) => Some(share.epoch()),
            Kind::Classic(_) | Kind::Consumer(_) | Kind::Streams(_) => None,
        };
        let counts = replayed.epoch().is_some_and(|epoch| other.is_none_or(|other| epoch > other));
        if !counts {
            replayed.forget(&self.id, turn);
            return;
        }
        match &self.kind {
            Kind::Classic(classic) => self.former.classic = classic.is_stored(),
            Kind::Consumer(consumer) => self.former.consumer = Some(consumer.member_ids()),
            Kind::Share(share) => share.forget(turn),
            Kind::Streams(_) => {}
        }
        self.kind = Kind::Streams(replayed.into_group(self.id.clone(), turn, settings));
        self.former.forget(&self.id, turn);
    }

    /// The consumer kind of the group, if it is of that kind.
    pub(crate) fn consumer(&mut self) -> Option<&mut Consumer> {
        match &mut self.kind {
            Kind::Consumer(consumer) => Some(consumer),
            Kind::Classic(_) | Kind::Share(_) | Kind::Streams(_) => None,
        }
    }

    /// The streams kind of the group, if it is of that kind.
    pub(crate) fn streams(&mut self) -> Option<&mut Streams> {
        match &mut self.kind {
            Kind::Streams(streams) => Some(streams),
            Kind::Classic(_) | Kind::Consumer(_) | Kind::Share(_) => None,
        }
    }

    /// The share kind of the group; one that is nothing yet becomes a share group.
    pub(crate) fn as_share(&mut self) -> Option<&mut Share> {
        if self.is_vacant() {
            self.kind = Kind::Share(Share::beginning_after(self.id.clone(), 0));
        }
        self.share()
    }

    /// The share kind of the group, if it is of that kind.
    pub(crate) fn share(&mut self) -> Option<&mut Share> {
        match &mut self.kind {
            Kind::Share(share) => Some(share),
            Kind::Classic(_) | Kind::Consumer(_) | Kind::Streams(_) => None,
        }
    }

    pub(crate) fn is_share(&self) -> bool {
        matches!(self.kind, Kind::Share(_))
    }

    /// Decides between what was replayed of the group as a share group, and as one of another kind: both are there only if
    /// the end of one got lost, and then the greater epoch counts.
    pub(crate) fn decide_share(&mut self, turn: &mut Turn<'_>, replayed: share::Replayed) {
        if replayed.is_nothing() {
            return;
        }
        let other = match &self.kind {
            Kind::Classic(classic) if classic.is_stored() => Some(classic.generation()),
            Kind::Consumer(consumer) => Some(consumer.epoch()),
            // What was a streams group is decided afterwards.
            Kind::Classic(_) | Kind::Share(_) | Kind::Streams(_) => None,
        };
        let counts = replayed.epoch().is_some_and(|epoch| other.is_none_or(|other| epoch > other));
        if !counts {
            replayed.forget(&self.id, turn);
            return;
        }
        match &self.kind {
            Kind::Classic(classic) => self.former.classic |= classic.is_stored(),
            Kind::Consumer(consumer) => self.former.consumer = Some(consumer.member_ids()),
            Kind::Share(_) | Kind::Streams(_) => {}
        }
        self.former.forget(&self.id, turn);
        self.kind = Kind::Share(replayed.into_group(self.id.clone(), turn));
    }

    /// The topics that members consume. None if that is not known: there are members that do not tell in Kafka's way, or
    /// the topics that there are have not been told.
    pub(crate) fn consumed_topics(&self, topics: Option<&Topics>) -> Option<BTreeSet<TopicName>> {
        match &self.kind {
            Kind::Classic(classic) => consumed_by_classic(classic),
            Kind::Consumer(consumer) if consumer.is_empty() => Some(BTreeSet::new()),
            Kind::Consumer(consumer) => topics.map(|topics| consumer.subscribed(topics)),
            Kind::Share(share) => topics.map(|topics| share.subscribed(topics)),
            Kind::Streams(streams) => Some(streams.consumed()),
        }
    }
}

fn consumed_by_classic(classic: &Classic) -> Option<BTreeSet<TopicName>> {
    let mut consumed = BTreeSet::new();
    for (_, member) in classic.members() {
        if !classic.is_consumer_group() {
            return None;
        }
        for protocol in &member.protocols {
            let topics = subscribed_topics(&protocol.metadata)?;
            consumed.extend(topics.into_iter().filter_map(|topic| TopicName::new(topic).ok()));
        }
    }
    Some(consumed)
}
