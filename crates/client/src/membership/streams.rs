//! Membership in a streams group (KIP-1071): the coordinator divides the tasks of a topology. Pure.
//!
//! Owns: [`StreamsMember`]: what its heartbeats tell, what it works on, step by step towards what is assigned, and what the
//! application is told of the group.
//!
//! Invariants: at most one heartbeat is under way. Who joins works on nothing. The application hears of one step at a time:
//! first what to let go of, and only when it has (the next heartbeat says so) what it is to work on. What it was told to
//! work on is taken back exactly once. Nothing is added while the coordinator may still hear that we do not have it. After
//! anything went wrong the next heartbeat tells everything, else only what has changed.
//!
//! Does not know: what a task does, connections, clocks. Static membership, warm-up tasks and tasks' offsets are told as
//! the protocol has them, though Apache Kafka 4.3 refuses who tells them.

mod request;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use headwater_model::{Entropy, ErrorCode, Monotonic, PartitionId, TopicName, TopicPartition};
use headwater_wire::ApiKey;
use headwater_wire::messages::streams_group_heartbeat::{
    EndpointToPartitions, Status, StreamsGroupHeartbeatResponse, StreamsGroupHeartbeatResponseTaskIds,
    Topology,
};

use super::heart::{Answered, Heart, Meaning};
use super::{Effect, GroupAnswer, GroupRequest, Identity, MemberKind, Outbox, Ticket};
use crate::consumer::GroupError;
use crate::error::CallError;
use crate::retry::Backoff;
use crate::tasks::{Endpoint, EndpointPartitions, StreamsStatus, TaskAssignment, TaskId, TaskOffsets, Tasks};

/// How a member behaves, and what it says of itself.
#[derive(Debug, Clone)]
pub(crate) struct StreamsConfig {
    pub(crate) group: String,
    /// Set for a static member.
    pub(crate) instance_id: Option<String>,
    pub(crate) rack: Option<String>,
    /// The longest time between polls; also how long a rebalance waits for this member.
    pub(crate) max_poll_interval: Duration,
    pub(crate) process_id: String,
    pub(crate) topology: Topology,
    pub(crate) endpoint: Option<Endpoint>,
    pub(crate) tags: BTreeMap<String, String>,
    pub(crate) backoff: Backoff,
}

/// What the application is told.
#[derive(Debug, Clone)]
pub(crate) enum StreamsNews {
    /// These are added to what it works on.
    Assigned(TaskAssignment),
    /// It is to let go of these, and may commit until it has.
    Revoked(TaskAssignment),
    /// These, all that it had, may be others' already.
    Lost(TaskAssignment),
    /// What there is to know of the group, instead of anything before.
    Status(Vec<StreamsStatus>),
    /// Where the state of others can be asked for, instead of anything before.
    Endpoints(Vec<EndpointPartitions>),
    Failed(GroupError),
}

/// See the module.
#[derive(Debug)]
pub(crate) struct StreamsMember {
    config: StreamsConfig,
    heart: Heart,
    told: Told,
    /// What the coordinator last assigned; `None` until it has.
    target: Option<TaskAssignment>,
    /// The target was not heard of yet, not even that it is empty.
    begins: bool,
    /// The target is to be confirmed once it is reached.
    confirm: bool,
    /// What the application was told to work on, and has not let go of.
    owned: TaskAssignment,
    /// What the application was told to let go of.
    letting_go: Option<TaskAssignment>,
    status: Vec<StreamsStatus>,
    /// The number of what we know of endpoints.
    endpoint_epoch: i32,
    offsets: Option<TaskOffsets>,
    shutdown: Shutdown,
    news: VecDeque<StreamsNews>,
    outbox: Outbox,
}

/// What the coordinator was told of us.
#[derive(Debug, Default)]
struct Told {
    /// Everything that does not change.
    everything: bool,
    /// It waits to hear what we work on.
    acknowledge: bool,
    /// A heartbeat told what we work on, and whether the coordinator has heard it is not known (yet).
    unsettled: bool,
}

/// Whether all members are to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shutdown {
    No,
    /// The coordinator is to hear of it at once.
    Wanted,
    /// It was told, and is told again with each heartbeat.
    Told,
}

/// The next step towards the target.
#[derive(Debug)]
enum Move {
    Revoke(TaskAssignment),
    Assign(TaskAssignment),
}

/// It knows of no endpoints.
const NO_ENDPOINTS: i32 = -1;

impl StreamsMember {
    pub(crate) fn new(config: StreamsConfig, entropy: Entropy) -> Self {
        Self {
            heart: Heart::new(config.backoff, config.max_poll_interval, entropy),
            config,
            told: Told::default(),
            target: None,
            begins: false,
            confirm: false,
            owned: TaskAssignment::default(),
            letting_go: None,
            status: Vec::new(),
            endpoint_epoch: NO_ENDPOINTS,
            offsets: None,
            shutdown: Shutdown::No,
            news: VecDeque::new(),
            outbox: Outbox::default(),
        }
    }

    /// Takes part in the group.
    pub(crate) fn join(&mut self, now: Monotonic) {
        self.heart.begin(now);
    }

    pub(crate) fn leave(&mut self) {
        self.say_goodbye();
        self.give_up();
        self.news.clear();
        self.heart.end();
    }

    /// All members are to end.
    pub(crate) fn request_shutdown(&mut self) {
        self.shutdown = Shutdown::Wanted;
    }

    /// How far the state of tasks has come; told with the next heartbeat.
    pub(crate) fn report(&mut self, offsets: TaskOffsets) {
        self.offsets = Some(offsets);
    }

    /// The application polls. True if that leads to something.
    pub(crate) fn poll_begins(&mut self, now: Monotonic) -> bool {
        self.heart.poll_begins(now, self.news.is_empty())
    }

    pub(crate) fn poll_ends(&mut self, now: Monotonic) {
        self.heart.poll_ends(now);
    }

    /// The application has let go of what it was told to. True if there was anything.
    pub(crate) fn let_go(&mut self) -> bool {
        let Some(gone) = self.letting_go.take() else {
            return false;
        };
        self.owned.remove(&gone);
        self.told.acknowledge = true;
        true
    }

    /// What the application is to be told next; it counts as told.
    pub(crate) fn next_news(&mut self) -> Option<StreamsNews> {
        if let Some(news) = self.news.pop_front() {
            return Some(news);
        }
        match self.next_move()? {
            Move::Revoke(tasks) => {
                self.letting_go = Some(tasks.clone());
                Some(StreamsNews::Revoked(tasks))
            }
            Move::Assign(tasks) => {
                self.begins = false;
                self.owned.add(&tasks);
                self.told.acknowledge = true;
                self.confirm = false;
                Some(StreamsNews::Assigned(tasks))
            }
        }
    }

    /// True if [`StreamsMember::next_news`] has something.
    pub(crate) fn has_news(&self) -> bool {
        !self.news.is_empty() || self.next_move().is_some()
    }

    pub(crate) fn take_effects(&mut self) -> Vec<Effect> {
        self.outbox.take()
    }

    /// Does what is due at this time.
    pub(crate) fn tick(&mut self, now: Monotonic) {
        if self.heart.is_absent(now) {
            self.say_goodbye();
            let (group, interval) = (self.config.group.clone(), self.heart.longest_between_polls());
            self.fail(GroupError::PollTooLate { group, interval });
        }
        if self.confirm && self.letting_go.is_none() && self.next_move().is_none() && !self.told.unsettled {
            self.confirm = false;
            self.told.acknowledge = true;
        }
        let urgent = self.told.acknowledge || self.shutdown == Shutdown::Wanted;
        if self.heart.due(now, urgent).is_some() {
            let request = self.heartbeat();
            let ticket = self.outbox.send(GroupRequest::StreamsHeartbeat(Box::new(request)));
            self.heart.sent(ticket, now);
        }
    }

    /// When [`StreamsMember::tick`] has to be called at the latest.
    pub(crate) fn deadline(&self) -> Option<Monotonic> {
        self.heart.deadline()
    }

    /// Who commits; `None` while we are no member, and while the application does not know that it has lost tasks: what it
    /// commits for them may be another's by now.
    pub(crate) fn identity(&self) -> Option<Identity> {
        let has_lost = self.news.iter().any(|news| matches!(news, StreamsNews::Lost(_)));
        (self.heart.is_member() && !has_lost).then(|| Identity {
            generation: self.heart.epoch(),
            member_id: self.heart.member_id().to_owned(),
            instance_id: self.config.instance_id.clone(),
            kind: MemberKind::Reconciling,
        })
    }

    /// What the application was told to work on, and has not let go of.
    pub(crate) fn tasks(&self) -> &TaskAssignment {
        &self.owned
    }

    /// What a commit was told is asked about at once: the epoch may only have risen since.
    pub(crate) fn commit_refused(&mut self, epoch: i32, error: ErrorCode, now: Monotonic) {
        let concerns_us = matches!(
            error,
            ErrorCode::StaleMemberEpoch | ErrorCode::FencedMemberEpoch | ErrorCode::UnknownMemberId
        );
        if concerns_us && self.heart.epoch() == epoch {
            self.heart.beat_at_once(now);
        }
    }

    /// An answer has come, or will not come. Answers to what is not under way any more are ignored.
    pub(crate) fn answered(&mut self, ticket: Ticket, answer: GroupAnswer, now: Monotonic) {
        let answered = self.heart.answered(ticket);
        let GroupAnswer::StreamsHeartbeat(answer) = answer else {
            return;
        };
        match answer {
            _ if answered == Answered::Nothing => {}
            Ok(response) => self.heard(*response, answered, now),
            Err(error) => self.unanswered(error, now),
        }
    }

    fn heard(&mut self, response: StreamsGroupHeartbeatResponse, answered: Answered, now: Monotonic) {
        match Meaning::of(ErrorCode::from_code(response.error_code), answered) {
            Meaning::Accepted => self.accepted(response, now),
            Meaning::Lost => {
                self.give_up();
                self.heart.join_anew(now);
            }
            Meaning::Again => self.try_again(now),
            Meaning::Elsewhere => {
                self.outbox.push(Effect::ForgetCoordinator);
                self.try_again(now);
            }
            Meaning::LeaveFirst => {
                self.say_goodbye();
                self.try_again(now);
            }
            // We stay what we are, and see more once we may.
            Meaning::Refused(error @ ErrorCode::TopicAuthorizationFailed) => {
                self.news.push_back(StreamsNews::Failed(self.refusal(error, response.error_message)));
                self.tell_everything();
                self.heart.go_on(now);
            }
            Meaning::Refused(error) => self.fail(self.refusal(error, response.error_message)),
        }
    }

    fn accepted(&mut self, response: StreamsGroupHeartbeatResponse, now: Monotonic) {
        self.heart.accepted(response.member_epoch, response.heartbeat_interval_ms, now);
        self.told.unsettled = false;
        if let (Some(active), Some(standby), Some(warm_up)) =
            (response.active_tasks, response.standby_tasks, response.warmup_tasks)
        {
            let [active, standby, warm_up] = [active, standby, warm_up].map(tasks);
            self.begins |= self.target.is_none();
            self.target = Some(TaskAssignment { active, standby, warm_up });
            self.confirm = true;
        }
        self.endpoint_epoch = response.endpoint_information_epoch;
        if let Some(endpoints) = response.partitions_by_user_endpoint {
            let endpoints = endpoints.into_iter().map(endpoint).collect();
            self.news.push_back(StreamsNews::Endpoints(endpoints));
        }
        if let Some(status) = response.status {
            let status: Vec<StreamsStatus> = status.into_iter().map(read_status).collect();
            if status != self.status {
                self.status.clone_from(&status);
                self.news.push_back(StreamsNews::Status(status));
            }
        }
    }

    /// Whether the coordinator has heard us is not known: everything is told again.
    fn unanswered(&mut self, error: CallError, now: Monotonic) {
        let group = self.config.group.clone();
        match error {
            CallError::Unsupported { .. } => self.fail(GroupError::NoStreamsGroups { group }),
            error if error.is_retriable() => {
                self.outbox.push(Effect::ForgetCoordinator);
                self.try_again(now);
            }
            source => self.fail(GroupError::Call { group, source }),
        }
    }

    fn try_again(&mut self, now: Monotonic) {
        self.tell_everything();
        self.heart.try_again(now);
    }

    fn tell_everything(&mut self) {
        self.told.everything = false;
        self.told.acknowledge = false;
    }

    /// The next step towards the target, if one may be taken.
    fn next_move(&self) -> Option<Move> {
        let target = self.target.as_ref().filter(|_| self.letting_go.is_none())?;
        let excess = self.owned.without(target);
        if !excess.is_empty() {
            return Some(Move::Revoke(excess));
        }
        if self.told.unsettled || self.told.acknowledge {
            return None;
        }
        let missing = target.without(&self.owned);
        (self.begins || !missing.is_empty()).then_some(Move::Assign(missing))
    }

    /// Out of the group until the next poll.
    fn fail(&mut self, error: GroupError) {
        self.give_up();
        self.news.push_back(StreamsNews::Failed(error));
        self.heart.fail();
    }

    /// What we work on is ours no more, and the application hears of it.
    fn give_up(&mut self) {
        self.letting_go = None;
        let lost = std::mem::take(&mut self.owned);
        if !lost.is_empty() {
            self.news.push_back(StreamsNews::Lost(lost));
        }
        self.target = None;
        self.begins = false;
        self.confirm = false;
        self.told = Told::default();
        if !std::mem::take(&mut self.status).is_empty() {
            self.news.push_back(StreamsNews::Status(Vec::new()));
        }
        self.endpoint_epoch = NO_ENDPOINTS;
    }

    fn refusal(&self, error: ErrorCode, reason: Option<String>) -> GroupError {
        let group = self.config.group.clone();
        match error {
            ErrorCode::UnsupportedVersion => GroupError::NoStreamsGroups { group },
            _ => GroupError::Refused { group, api: ApiKey::StreamsGroupHeartbeat, error, reason },
        }
    }
}

fn tasks(ids: Vec<StreamsGroupHeartbeatResponseTaskIds>) -> Tasks {
    let tasks = ids.into_iter().flat_map(|ids| {
        let subtopology = ids.subtopology_id;
        ids.partitions.into_iter().map(move |partition| TaskId::new(subtopology.clone(), partition))
    });
    tasks.collect()
}

fn read_status(status: Status) -> StreamsStatus {
    StreamsStatus { code: status.status_code.into(), detail: status.status_detail }
}

fn endpoint(endpoint: EndpointToPartitions) -> EndpointPartitions {
    let partitions = |topics: Vec<headwater_wire::messages::streams_group_heartbeat::TopicPartition>| {
        let mut all = BTreeSet::new();
        for topic in topics {
            let Ok(name) = TopicName::new(&topic.topic) else { continue };
            let numbers = topic.partitions.into_iter().map(PartitionId);
            all.extend(numbers.map(|partition| TopicPartition::new(name.clone(), partition)));
        }
        all
    };
    EndpointPartitions {
        endpoint: Endpoint { host: endpoint.user_endpoint.host, port: endpoint.user_endpoint.port },
        active: partitions(endpoint.active_partitions),
        standby: partitions(endpoint.standby_partitions),
    }
}
