//! Committing offsets: one request at a time, whatever waits taken together. Pure.
//!
//! Owns: the queue of commits, when to send, when to try again.
//!
//! Invariants: commits reach the coordinator in the order in which they were made. A commit is made for one
//! generation and never sent for another, since partitions may belong to others by then; unless members keep theirs from
//! one to the next ([`Identity::continues`]): then it waits out a rebalance, and is dropped once one of its partitions was
//! given up.
//!
//! Does not know: connections; `W` is whoever waits for an outcome.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use headwater_model::{Entropy, ErrorCode, Monotonic, PartitionId, TopicName, TopicPartition};
use headwater_wire::messages::offset_commit::{
    OffsetCommitRequest, OffsetCommitRequestPartition, OffsetCommitRequestTopic, OffsetCommitResponse,
};

use super::{CommitError, CommittedOffset};
use crate::error::CallError;
use crate::membership::{Identity, MemberKind};
use crate::retry::Backoff;

/// What came of a commit, for whoever waits for it.
pub(crate) type Outcome<W> = (W, Result<(), CommitError>);

/// The offsets of one commit.
pub(crate) type Offsets = BTreeMap<TopicPartition, CommittedOffset>;

#[derive(Debug)]
pub(crate) struct Commits<W> {
    group: String,
    backoff: Backoff,
    /// How long a commit is tried.
    patience: Duration,
    entropy: Entropy,
    queue: VecDeque<Commit<W>>,
    sent: Option<Sent<W>>,
    last_ticket: u64,
    failures: u32,
    not_before: Monotonic,
}

#[derive(Debug)]
struct Commit<W> {
    offsets: Offsets,
    /// One of its partitions was given up: it is not to be sent (again).
    late: bool,
    committer: Identity,
    deadline: Monotonic,
    waiter: W,
}

#[derive(Debug)]
struct Sent<W> {
    ticket: u64,
    generation: i32,
    commits: Vec<Commit<W>>,
}

impl<W> Commit<W> {
    /// A cooperative member goes on with the same partitions in the next generation, whose beginning may have overtaken
    /// the request; if it does not, they are given up.
    fn may_be_repeated(&self, error: &CommitError) -> bool {
        let overtaken =
            matches!(error, CommitError::Rebalancing | CommitError::NotMember(ErrorCode::IllegalGeneration));
        error.is_retriable() || overtaken && self.committer.kind == MemberKind::Cooperative
    }
}

/// What an answer, or the lack of one, leads to.
#[derive(Debug)]
pub(crate) struct Settled<W> {
    pub(crate) outcomes: Vec<Outcome<W>>,
    /// The coordinator is to be looked up again.
    pub(crate) elsewhere: bool,
    /// What the answer says about the membership of the generation that committed.
    pub(crate) membership: Option<(i32, ErrorCode)>,
}

impl<W> Commits<W> {
    pub(crate) fn new(group: String, backoff: Backoff, patience: Duration, entropy: Entropy) -> Self {
        Self {
            group,
            backoff,
            patience,
            entropy,
            queue: VecDeque::new(),
            sent: None,
            last_ticket: 0,
            failures: 0,
            not_before: Monotonic::ORIGIN,
        }
    }

    pub(crate) fn push(&mut self, offsets: Offsets, committer: Identity, waiter: W, now: Monotonic) {
        let deadline = now + self.patience;
        self.queue.push_back(Commit { offsets, late: false, committer, deadline, waiter });
    }

    /// These partitions were given up: others may go on with them.
    pub(crate) fn give_up(&mut self, partitions: &BTreeSet<TopicPartition>) {
        let sent = self.sent.iter_mut().flat_map(|sent| &mut sent.commits);
        for commit in sent.chain(&mut self.queue) {
            commit.late |= commit.offsets.keys().any(|at| partitions.contains(at));
        }
    }

    /// The request that is due. `committer` is who we are now; commits made as somebody else fail.
    pub(crate) fn plan(
        &mut self,
        committer: Option<&Identity>,
        now: Monotonic,
    ) -> (Option<(u64, OffsetCommitRequest)>, Vec<Outcome<W>>) {
        if self.sent.is_some() || self.not_before > now {
            return (None, Vec::new());
        }
        let may_be_sent = |commit: &Commit<W>| {
            !commit.late && committer.is_some_and(|committer| committer.continues(&commit.committer))
        };
        let (commits, outlived): (Vec<_>, Vec<_>) = self.queue.drain(..).partition(may_be_sent);
        let outlived =
            outlived.into_iter().map(|commit| (commit.waiter, Err(CommitError::Rebalancing))).collect();
        let (Some(committer), false) = (committer, commits.is_empty()) else {
            return (None, outlived);
        };
        let mut offsets: BTreeMap<&TopicPartition, &CommittedOffset> = BTreeMap::new();
        for commit in &commits {
            offsets.extend(&commit.offsets);
        }
        let request = self.request(committer, &offsets);
        self.last_ticket += 1;
        self.sent = Some(Sent { ticket: self.last_ticket, generation: committer.generation, commits });
        (Some((self.last_ticket, request)), outlived)
    }

    /// When [`Commits::plan`] has to be called again because time has passed.
    pub(crate) fn deadline(&self) -> Option<Monotonic> {
        (self.sent.is_none() && !self.queue.is_empty()).then_some(self.not_before)
    }

    /// True if nothing waits or is under way.
    pub(crate) fn is_idle(&self) -> bool {
        self.sent.is_none() && self.queue.is_empty()
    }

    /// Whoever waits still, to be told that nothing comes any more.
    pub(crate) fn abandon(&mut self) -> Vec<W> {
        let sent = self.sent.take().into_iter().flat_map(|sent| sent.commits);
        sent.chain(self.queue.drain(..)).map(|commit| commit.waiter).collect()
    }

    /// The request was answered, or will not be.
    pub(crate) fn answered(
        &mut self,
        ticket: u64,
        answer: Result<OffsetCommitResponse, CallError>,
        now: Monotonic,
    ) -> Settled<W> {
        let mut settled = Settled { outcomes: Vec::new(), elsewhere: false, membership: None };
        let Some(sent) = self.sent.take_if(|sent| sent.ticket == ticket) else {
            return settled;
        };
        let refused = match answer {
            Ok(response) => Ok(refusals(&response)),
            Err(error) => {
                settled.elsewhere = true;
                Err(error)
            }
        };
        let mut again = Vec::new();
        for commit in sent.commits {
            let outcome = match &refused {
                Ok(refused) => outcome(&commit.offsets, refused),
                Err(error) => Err(CommitError::Call(error.clone())),
            };
            if let Err(CommitError::Refused { error, .. } | CommitError::NotMember(error)) = outcome {
                settled.elsewhere |= is_elsewhere(error);
                settled.membership.get_or_insert((sent.generation, error));
            } else if let Err(CommitError::Rebalancing) = outcome {
                settled.membership.get_or_insert((sent.generation, ErrorCode::RebalanceInProgress));
            }
            match outcome {
                Err(error) if commit.may_be_repeated(&error) && now < commit.deadline => again.push(commit),
                outcome => settled.outcomes.push((commit.waiter, outcome)),
            }
        }
        if again.is_empty() {
            self.failures = 0;
            self.not_before = now;
        } else {
            self.failures = self.failures.saturating_add(1);
            self.not_before = now + self.backoff.delay(self.failures, &mut self.entropy);
            for commit in again.into_iter().rev() {
                self.queue.push_front(commit);
            }
        }
        settled
    }

    fn request(
        &self,
        committer: &Identity,
        offsets: &BTreeMap<&TopicPartition, &CommittedOffset>,
    ) -> OffsetCommitRequest {
        let mut topics: Vec<OffsetCommitRequestTopic> = Vec::new();
        for (at, committed) in offsets {
            let partition = OffsetCommitRequestPartition {
                partition_index: at.partition.0,
                committed_offset: committed.offset.0,
                committed_leader_epoch: committed.leader_epoch.map_or(-1, |epoch| epoch.0),
                committed_metadata: Some(committed.metadata.clone()),
            };
            match topics.last_mut().filter(|topic| topic.name == at.topic.as_str()) {
                Some(topic) => topic.partitions.push(partition),
                None => topics.push(OffsetCommitRequestTopic {
                    name: at.topic.as_str().to_owned(),
                    partitions: vec![partition],
                    ..Default::default()
                }),
            }
        }
        OffsetCommitRequest {
            group_id: self.group.clone(),
            generation_id_or_member_epoch: committer.generation,
            member_id: committer.member_id.clone(),
            group_instance_id: committer.instance_id.clone(),
            topics,
            ..Default::default()
        }
    }
}

fn refusals(response: &OffsetCommitResponse) -> BTreeMap<TopicPartition, ErrorCode> {
    let mut refused = BTreeMap::new();
    for topic in &response.topics {
        let Ok(name) = TopicName::new(&topic.name) else { continue };
        for partition in &topic.partitions {
            let error = ErrorCode::from_code(partition.error_code);
            if error.is_error() {
                let at = TopicPartition::new(name.clone(), PartitionId(partition.partition_index));
                refused.insert(at, error);
            }
        }
    }
    refused
}

fn outcome(offsets: &Offsets, refused: &BTreeMap<TopicPartition, ErrorCode>) -> Result<(), CommitError> {
    let Some((partition, error)) = refused.iter().find(|(at, _)| offsets.contains_key(*at)) else {
        return Ok(());
    };
    Err(match error {
        ErrorCode::RebalanceInProgress => CommitError::Rebalancing,
        ErrorCode::IllegalGeneration | ErrorCode::UnknownMemberId | ErrorCode::FencedInstanceId => {
            CommitError::NotMember(*error)
        }
        error => CommitError::Refused { partition: partition.clone(), error: *error },
    })
}

fn is_elsewhere(error: ErrorCode) -> bool {
    matches!(error, ErrorCode::NotCoordinator | ErrorCode::CoordinatorNotAvailable)
}

#[cfg(test)]
mod tests {
    use super::*;
    use headwater_model::Offset;
    use headwater_wire::messages::offset_commit::{OffsetCommitResponsePartition, OffsetCommitResponseTopic};

    const NOW: Monotonic = Monotonic::ORIGIN;

    fn commits() -> Commits<&'static str> {
        let backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(1));
        Commits::new("g".into(), backoff, Duration::from_mins(1), Entropy::from_seed(1))
    }

    fn member(generation: i32) -> Identity {
        Identity { generation, member_id: "m".into(), instance_id: None, kind: MemberKind::Eager }
    }

    fn offsets(of: &[(i32, i64)]) -> Offsets {
        let topic = TopicName::new("t").unwrap();
        let at = |partition: i32| TopicPartition::new(topic.clone(), PartitionId(partition));
        of.iter().map(|(partition, offset)| (at(*partition), Offset(*offset).into())).collect()
    }

    /// What is asked for, as `partition:offset`.
    fn asked(request: &OffsetCommitRequest) -> Vec<String> {
        let partitions = request.topics.iter().flat_map(|topic| &topic.partitions);
        partitions.map(|p| format!("{}:{}", p.partition_index, p.committed_offset)).collect()
    }

    #[expect(clippy::unnecessary_wraps, reason = "it is passed as an answer")]
    fn answer(errors: &[(i32, ErrorCode)]) -> Result<OffsetCommitResponse, CallError> {
        let partitions = errors.iter().map(|(partition_index, error)| OffsetCommitResponsePartition {
            partition_index: *partition_index,
            error_code: error.code(),
        });
        let topic = OffsetCommitResponseTopic {
            name: "t".into(),
            partitions: partitions.collect(),
            ..Default::default()
        };
        Ok(OffsetCommitResponse { topics: vec![topic], ..Default::default() })
    }

    #[test]
    fn what_waits_is_sent_together_and_the_last_offset_counts() {
        let mut commits = commits();
        let me = member(1);
        commits.push(offsets(&[(0, 1)]), me.clone(), "a", NOW);
        let (first, _) = commits.plan(Some(&me), NOW);
        commits.push(offsets(&[(0, 2), (1, 5)]), me.clone(), "b", NOW);
        commits.push(offsets(&[(0, 3)]), me.clone(), "c", NOW);
        assert!(commits.plan(Some(&me), NOW).0.is_none(), "one request at a time");
        let (ticket, request) = first.unwrap();
        assert_eq!(asked(&request), ["0:1"]);
        let settled = commits.answered(ticket, answer(&[(0, ErrorCode::None)]), NOW);
        assert!(matches!(settled.outcomes[..], [("a", Ok(()))]));
        let (ticket, request) = commits.plan(Some(&me), NOW).0.unwrap();
        assert_eq!(asked(&request), ["0:3", "1:5"]);
        assert_eq!((request.generation_id_or_member_epoch, request.member_id.as_str()), (1, "m"));
        let refused = answer(&[(0, ErrorCode::None), (1, ErrorCode::OffsetMetadataTooLarge)]);
        let settled = commits.answered(ticket, refused, NOW);
        assert!(matches!(
            settled.outcomes[..],
            [
                ("b", Err(CommitError::Refused { error: ErrorCode::OffsetMetadataTooLarge, .. })),
                ("c", Ok(()))
            ]
        ));
        assert!(commits.is_idle());
    }

    #[test]
    fn a_commit_is_tried_again_before_later_ones_until_its_time_is_up() {
        let mut commits = commits();
        let me = member(1);
        commits.push(offsets(&[(0, 1)]), me.clone(), "a", NOW);
        let (ticket, _) = commits.plan(Some(&me), NOW).0.unwrap();
        commits.push(offsets(&[(0, 2)]), me.clone(), "b", NOW);
        let settled = commits.answered(ticket, answer(&[(0, ErrorCode::NotCoordinator)]), NOW);
        assert!(settled.outcomes.is_empty() && settled.elsewhere);
        assert!(commits.plan(Some(&me), NOW).0.is_none(), "not before the backoff");
        let later = commits.deadline().unwrap();
        let (ticket, request) = commits.plan(Some(&me), later).0.unwrap();
        assert_eq!(asked(&request), ["0:2"]);
        let much_later = NOW + Duration::from_secs(61);
        let settled = commits.answered(ticket, Err(CallError::UnknownBroker(1)), much_later);
        assert!(matches!(settled.outcomes[..], [("a", Err(CommitError::Call(_))), ("b", Err(_))]));
    }

    #[test]
    fn a_commit_is_never_sent_for_another_generation() {
        let mut commits = commits();
        commits.push(offsets(&[(0, 1)]), member(1), "a", NOW);
        let (request, outlived) = commits.plan(Some(&member(2)), NOW);
        assert!(request.is_none());
        assert!(matches!(outlived[..], [("a", Err(CommitError::Rebalancing))]));
        commits.push(offsets(&[(0, 1)]), member(2), "b", NOW);
        let (_, outlived) = commits.plan(None, NOW);
        assert!(matches!(outlived[..], [("b", Err(CommitError::Rebalancing))]));
    }

    #[test]
    fn a_member_whose_partitions_stay_commits_in_another_epoch_what_it_has_not_given_up() {
        let member = |epoch| Identity { kind: MemberKind::Reconciling, ..member(epoch) };
        let mut commits = commits();
        commits.push(offsets(&[(0, 1)]), member(1), "kept", NOW);
        commits.push(offsets(&[(0, 2), (1, 7)]), member(1), "given up", NOW);
        commits.give_up(&offsets(&[(1, 0)]).into_keys().collect());
        let (request, outlived) = commits.plan(Some(&member(2)), NOW);
        assert!(matches!(outlived[..], [("given up", Err(CommitError::Rebalancing))]));
        let (ticket, request) = request.unwrap();
        assert_eq!((asked(&request), request.generation_id_or_member_epoch), (vec!["0:1".to_owned()], 2));

        // Refused for its epoch, it waits for the next one; unless its partition goes meanwhile.
        let settled = commits.answered(ticket, answer(&[(0, ErrorCode::StaleMemberEpoch)]), NOW);
        assert_eq!(settled.membership, Some((2, ErrorCode::StaleMemberEpoch)));
        let later = commits.deadline().unwrap();
        let (ticket, request) = commits.plan(Some(&member(3)), later).0.unwrap();
        assert_eq!(request.generation_id_or_member_epoch, 3);
        commits.give_up(&offsets(&[(0, 0)]).into_keys().collect());
        assert!(commits.answered(ticket, Err(CallError::UnknownBroker(1)), later).outcomes.is_empty());
        let (request, outlived) = commits.plan(Some(&member(3)), commits.deadline().unwrap());
        assert!(request.is_none() && matches!(outlived[..], [("kept", Err(CommitError::Rebalancing))]));

        // Another member's is never sent.
        commits.push(offsets(&[(0, 3)]), member(3), "before", NOW);
        let other = Identity { member_id: "other".into(), ..member(3) };
        assert!(commits.plan(Some(&other), later + Duration::from_secs(9)).0.is_none());
    }

    #[test]
    fn a_cooperative_members_commit_waits_out_a_rebalance() {
        let member = |generation| Identity { kind: MemberKind::Cooperative, ..member(generation) };
        let mut commits = commits();
        commits.push(offsets(&[(0, 1)]), member(1), "kept", NOW);
        commits.push(offsets(&[(1, 7)]), member(1), "given up", NOW);
        let (ticket, _) = commits.plan(Some(&member(1)), NOW).0.unwrap();
        let settled = commits.answered(ticket, answer(&[(0, ErrorCode::IllegalGeneration)]), NOW);
        assert!(matches!(settled.outcomes[..], [("given up", Ok(()))]), "that one was not refused");
        assert_eq!(settled.membership, Some((1, ErrorCode::IllegalGeneration)));
        let (ticket, request) = commits.plan(Some(&member(2)), commits.deadline().unwrap()).0.unwrap();
        assert_eq!((asked(&request), request.generation_id_or_member_epoch), (vec!["0:1".to_owned()], 2));
        let settled = commits.answered(ticket, answer(&[(0, ErrorCode::RebalanceInProgress)]), NOW);
        assert!(settled.outcomes.is_empty());
        commits.push(offsets(&[(1, 8)]), member(2), "given up", NOW);
        commits.give_up(&offsets(&[(1, 0)]).into_keys().collect());
        let (request, outlived) = commits.plan(Some(&member(2)), commits.deadline().unwrap());
        assert!(matches!(outlived[..], [("given up", Err(CommitError::Rebalancing))]));
        let settled = commits.answered(request.unwrap().0, answer(&[(0, ErrorCode::UnknownMemberId)]), NOW);
        assert!(matches!(settled.outcomes[..], [("kept", Err(CommitError::NotMember(_)))]));
    }

    #[test]
    fn a_commit_tells_of_the_membership() {
        for (error, retried) in [
            (ErrorCode::IllegalGeneration, false),
            (ErrorCode::RebalanceInProgress, false),
            (ErrorCode::UnknownMemberId, false),
            (ErrorCode::CoordinatorLoadInProgress, true),
        ] {
            let mut commits = commits();
            commits.push(offsets(&[(0, 1)]), member(7), "a", NOW);
            let (ticket, _) = commits.plan(Some(&member(7)), NOW).0.unwrap();
            let settled = commits.answered(ticket, answer(&[(0, error)]), NOW);
            assert_eq!(settled.membership, Some((7, error)));
            assert_eq!(settled.outcomes.is_empty(), retried, "{error}");
        }
    }
}
