//! Tables: what answers lead to; and a member against a model of a coordinator, over a network that loses and delays.

use headwater_wire::messages::share_group_heartbeat::TopicPartitions;
use proptest::prelude::*;

use super::*;
use crate::membership::words::topics;

const BACKOFF: Duration = Duration::from_millis(130);
const INTERVAL: Duration = Duration::from_secs(5);
const NOTHING: [String; 0] = [];
const JOIN: &str = "heartbeat 0 at r wants [t]";

fn id(number: u64) -> Uuid {
    Uuid::from_u64_pair(7, number)
}

fn assignment(of: &[i32]) -> Assignment {
    Assignment { topic_partitions: vec![TopicPartitions { topic_id: id(1), partitions: of.to_vec() }] }
}

struct Member {
    member: ShareMember,
    now: Monotonic,
    /// The ticket of the last request.
    ticket: Ticket,
}

impl Member {
    fn subscribed() -> Self {
        let config = ShareMemberConfig {
            group: "g".into(),
            rack: Some("r".into()),
            max_poll_interval: Duration::from_mins(5),
            backoff: Backoff::new(Duration::from_millis(100), Duration::from_secs(1)),
        };
        let mut member = ShareMember::new(config, Entropy::from_seed(1));
        member.subscribe(topics(&["t"]), Monotonic::ORIGIN);
        Self { member, now: Monotonic::ORIGIN, ticket: 0 }
    }

    /// In epoch 1, with partitions 0 and 1.
    fn joined() -> Self {
        let mut member = Self::subscribed();
        assert_eq!(member.effects(), [JOIN]);
        member.accept(1, Some(&[0, 1]));
        assert_eq!(member.assigned(), [0, 1]);
        member
    }

    fn advance(&mut self, by: Duration) -> &mut Self {
        self.now = self.now + by;
        self
    }

    fn effects(&mut self) -> Vec<String> {
        self.member.tick(self.now);
        let effects = self.member.take_effects().into_iter();
        effects.map(|effect| self.words(effect)).collect()
    }

    fn words(&mut self, effect: Effect) -> String {
        match effect {
            Effect::Send(ticket, GroupRequest::ShareHeartbeat(beat)) => {
                self.ticket = ticket;
                let rack = beat.rack_id.map(|rack| format!(" at {rack}")).unwrap_or_default();
                let wants =
                    beat.subscribed_topic_names.map(|topics| format!(" wants [{}]", topics.join(",")));
                format!("heartbeat {}{rack}{}", beat.member_epoch, wants.unwrap_or_default())
            }
            Effect::Send(ticket, GroupRequest::ShareLeave(leave)) => {
                self.ticket = ticket;
                format!("leave {}", leave.member_epoch)
            }
            Effect::ForgetCoordinator => "forget the coordinator".into(),
            other => unreachable!("{other:?}"),
        }
    }

    fn assigned(&self) -> Vec<i32> {
        self.member.assigned().values().flatten().map(|partition| partition.0).collect()
    }

    fn poll(&mut self) -> Vec<String> {
        self.member.poll_begins(self.now);
        let told = std::iter::from_fn(|| self.member.next_failure()).map(|error| error.to_string()).collect();
        self.member.poll_ends(self.now);
        told
    }

    fn answer(&mut self, answer: GroupAnswer) {
        self.member.answered(self.ticket, answer, self.now);
    }

    fn accept(&mut self, member_epoch: i32, assigned: Option<&[i32]>) {
        self.answer(GroupAnswer::ShareHeartbeat(Ok(ShareGroupHeartbeatResponse {
            member_epoch,
            heartbeat_interval_ms: INTERVAL.as_millis() as i32,
            assignment: assigned.map(assignment),
            ..Default::default()
        })));
    }

    fn refuse(&mut self, error: ErrorCode) {
        let error_message = Some("so it said".to_owned());
        let error_code = error.code();
        let response = ShareGroupHeartbeatResponse { error_code, error_message, ..Default::default() };
        self.answer(GroupAnswer::ShareHeartbeat(Ok(response)));
    }
}

#[test]
fn a_member_joins_beats_and_tells_only_what_is_new() {
    let mut member = Member::joined();
    assert_eq!(member.effects(), NOTHING);
    assert_eq!(member.advance(INTERVAL).effects(), ["heartbeat 1"]);
    member.member.subscribe(topics(&["t", "u"]), member.now);
    assert_eq!(member.effects(), NOTHING, "one heartbeat at a time");
    member.accept(2, Some(&[1]));
    assert_eq!((member.effects(), member.assigned()), (vec!["heartbeat 2 wants [t,u]".to_owned()], vec![1]));
    member.accept(3, None);
    assert_eq!((member.effects(), member.assigned()), (vec![], vec![1]), "no assignment: no change");
}

#[test]
fn who_is_unknown_loses_everything_and_joins_at_once() {
    for error in [ErrorCode::UnknownMemberId, ErrorCode::FencedMemberEpoch, ErrorCode::GroupIdNotFound] {
        let mut member = Member::joined();
        let before = member.member.incarnation();
        member.advance(INTERVAL).effects();
        member.refuse(error);
        assert_eq!((member.effects(), member.assigned()), (vec![JOIN.to_owned()], vec![]), "{error}");
        assert_ne!(member.member.incarnation(), before);
    }
}

#[test]
fn who_is_fenced_when_joining_leaves_first() {
    let mut member = Member::subscribed();
    member.effects();
    member.refuse(ErrorCode::FencedMemberEpoch);
    assert_eq!(member.effects(), ["leave -1"]);
    assert_eq!(member.advance(BACKOFF).effects(), NOTHING, "the farewell is not answered");
    member.answer(GroupAnswer::Leave);
    assert_eq!(member.effects(), [JOIN]);
}

#[test]
fn what_passes_is_repeated_after_a_wait_and_keeps_what_is_assigned() {
    for (error, elsewhere) in [
        (ErrorCode::CoordinatorLoadInProgress, false),
        (ErrorCode::NotCoordinator, true),
        (ErrorCode::CoordinatorNotAvailable, true),
    ] {
        let mut member = Member::joined();
        member.advance(INTERVAL).effects();
        member.refuse(error);
        let lookup = if elsewhere { vec!["forget the coordinator"] } else { vec![] };
        assert_eq!(member.effects(), lookup);
        assert_eq!(member.advance(BACKOFF).effects(), ["heartbeat 1 at r wants [t]"], "{error}");
        assert_eq!(member.assigned(), [0, 1]);
    }
}

#[test]
fn refusals_that_do_not_pass_are_told_once_and_the_next_poll_tries_again() {
    for (error, words) in [
        (ErrorCode::InvalidRequest, "(ShareGroupHeartbeat)"),
        (ErrorCode::GroupMaxSizeReached, "the group is full"),
        (ErrorCode::GroupAuthorizationFailed, "not authorized for that group"),
        (ErrorCode::UnsupportedVersion, "does not offer share groups"),
    ] {
        let mut member = Member::subscribed();
        member.effects();
        member.refuse(error);
        let told = member.poll();
        assert!(told.len() == 1 && told[0].contains(words), "{told:?}");
        assert_eq!(member.advance(Duration::from_secs(1_000)).effects(), NOTHING);
        assert_eq!(member.poll(), NOTHING);
        assert_eq!(member.effects(), [JOIN], "{error}");
    }
}

#[test]
fn an_application_that_does_not_poll_leaves_the_group_and_joins_again_at_its_next_poll() {
    let mut member = Member::joined();
    assert_eq!(member.advance(Duration::from_mins(5)).effects(), ["leave -1"]);
    assert_eq!(member.assigned(), [0; 0]);
    let told = member.poll();
    assert!(told[0].contains("did not poll for 300000 ms"), "{told:?}");
    assert_eq!(member.poll(), NOTHING);
    member.answer(GroupAnswer::Leave);
    assert_eq!(member.effects(), [JOIN]);
}

#[test]
fn unsubscribing_leaves_the_group() {
    let mut member = Member::joined();
    member.member.subscribe(BTreeSet::new(), member.now);
    assert_eq!(member.effects(), ["leave -1"]);
    assert_eq!((member.assigned(), member.member.deadline()), (vec![], None));
    let mut stranger = Member::subscribed();
    stranger.member.leave();
    assert_eq!(stranger.effects(), NOTHING, "nobody knows it");
}

/// The coordinator of a group of one.
#[derive(Debug, Default)]
struct Coordinator {
    epoch: i32,
    subscribed: Option<Vec<String>>,
    assigned: Vec<i32>,
    told: bool,
}

impl Coordinator {
    fn beat(&mut self, beat: &ShareGroupHeartbeatRequest) -> ShareGroupHeartbeatResponse {
        match beat.member_epoch {
            0 => {
                assert!(beat.subscribed_topic_names.is_some(), "who joins says what it wants");
                self.epoch = self.epoch.max(1);
                self.told = false;
            }
            epoch if self.subscribed.is_none() => {
                let error_code = ErrorCode::UnknownMemberId.code();
                assert!(epoch > 0);
                return ShareGroupHeartbeatResponse { error_code, ..Default::default() };
            }
            _ => {}
        }
        if let Some(topics) = &beat.subscribed_topic_names {
            // Who tells everything again has not heard what it was told.
            self.told = false;
            self.subscribed = Some(topics.clone());
        }
        let news = !std::mem::replace(&mut self.told, true);
        ShareGroupHeartbeatResponse {
            member_epoch: self.epoch,
            heartbeat_interval_ms: INTERVAL.as_millis() as i32,
            assignment: news.then(|| assignment(&self.assigned)),
            ..Default::default()
        }
    }
}

#[derive(Debug, Clone)]
enum Step {
    Pass(u16),
    /// Whether the request, then the answer, gets through.
    Deliver(bool, bool),
    Assign(Vec<i32>),
    PutOut,
    Poll,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (0..6_000_u16).prop_map(Step::Pass),
        any::<(bool, bool)>().prop_map(|(there, back)| Step::Deliver(there, back)),
        prop::collection::vec(0..4, 0..3).prop_map(Step::Assign),
        Just(Step::PutOut),
        Just(Step::Poll),
    ]
}

proptest! {
    #[test]
    fn whatever_is_lost_a_member_comes_to_what_it_is_assigned(steps in prop::collection::vec(step(), 1..80)) {
        let mut member = Member::subscribed();
        let mut coordinator = Coordinator::default();
        let mut under_way: Option<(Ticket, GroupRequest)> = None;
        let end = std::iter::repeat_n([Step::Pass(6_000), Step::Poll, Step::Deliver(true, true)], 5).flatten();
        for step in steps.into_iter().chain(end) {
            match step {
                Step::Pass(ms) => drop(member.advance(Duration::from_millis(ms.into()))),
                Step::Assign(mut to) => {
                    to.sort_unstable();
                    to.dedup();
                    (coordinator.assigned, coordinator.told) = (to, false);
                    coordinator.epoch += 1;
                }
                Step::PutOut => coordinator.subscribed = None,
                Step::Poll => prop_assert_eq!(member.poll(), NOTHING),
                Step::Deliver(there, back) => {
                    let Some((ticket, request)) = under_way.take() else { continue };
                    let answer = match &request {
                        GroupRequest::ShareHeartbeat(beat) => {
                            let response = there.then(|| coordinator.beat(beat)).filter(|_| back);
                            GroupAnswer::ShareHeartbeat(response.ok_or(CallError::UnknownBroker(1)))
                        }
                        other => panic!("{other:?}"),
                    };
                    member.member.answered(ticket, answer, member.now);
                }
            }
            member.member.tick(member.now);
            for effect in member.member.take_effects() {
                if let Effect::Send(ticket, request) = effect {
                    prop_assert!(under_way.is_none(), "one heartbeat at a time");
                    under_way = Some((ticket, request));
                }
            }
        }
        prop_assert_eq!(member.assigned(), coordinator.assigned);
        prop_assert_eq!(coordinator.subscribed, Some(vec!["t".to_owned()]));
    }
}
