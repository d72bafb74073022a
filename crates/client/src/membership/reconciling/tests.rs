//! Tables: what answers lead to. Members against a model of a coordinator are in [`model`].

mod model;

use headwater_wire::messages::consumer_group_heartbeat::{
    Assignment, ConsumerGroupHeartbeatResponse, ConsumerGroupHeartbeatResponseTopicPartitions,
};

use super::*;
use crate::error::CallError;
use crate::membership::words::{self, topic, topics};

const NOTHING: [String; 0] = [];
const BACKOFF: Duration = Duration::from_millis(130);
const INTERVAL: Duration = Duration::from_secs(5);
const JOIN: &str = r#"heartbeat 0 within 300000 wants [t] like "" owns []"#;

fn id(number: u64) -> Uuid {
    Uuid::from_u64_pair(7, number)
}

fn config(instance_id: Option<&str>) -> ReconcilingConfig {
    ReconcilingConfig {
        group: "g".into(),
        instance_id: instance_id.map(Into::into),
        rack: None,
        server_assignor: None,
        max_poll_interval: Duration::from_mins(5),
        patience: Duration::from_secs(45),
        backoff: Backoff::new(Duration::from_millis(100), Duration::from_secs(1)),
    }
}

fn assignment(of: &[i32]) -> Assignment {
    let topic = ConsumerGroupHeartbeatResponseTopicPartitions { topic_id: id(1), partitions: of.to_vec() };
    Assignment { topic_partitions: if of.is_empty() { vec![] } else { vec![topic] } }
}

/// A member under test, with what it wants done in words. Partitions are those of the topic t, whose id is 1.
struct Member {
    membership: ReconcilingMember,
    now: Monotonic,
    /// The ticket of the last request.
    ticket: Ticket,
}

impl Member {
    fn with(config: ReconcilingConfig) -> Self {
        let mut membership = ReconcilingMember::new(config, Entropy::from_seed(1));
        membership.subscribe(topics(&["t"]), Monotonic::ORIGIN);
        Self { membership, now: Monotonic::ORIGIN, ticket: 0 }
    }

    fn subscribed(instance_id: Option<&str>) -> Self {
        Self::with(config(instance_id))
    }

    /// A member in epoch 1 that owns t-0 and t-1, whose application and coordinator know it.
    fn joined(instance_id: Option<&str>) -> Self {
        let mut member = Self::subscribed(instance_id);
        assert_eq!(member.effects(), [JOIN]);
        member.accept(1, Some(&[0, 1]));
        assert_eq!(member.effects(), ["resolve 1"]);
        member.resolve(member.ticket);
        assert_eq!(member.effects(), ["start t-0,t-1", "heartbeat 1 owns [0,1]"]);
        member.accept(1, None);
        assert_eq!(member.poll(), ["assigned t-0,t-1"]);
        assert_eq!(member.effects(), NOTHING);
        member
    }

    fn advance(&mut self, by: Duration) -> &mut Self {
        self.now = self.now + by;
        self
    }

    fn effects(&mut self) -> Vec<String> {
        words::effects(&mut self.membership, self.now, &mut self.ticket)
    }

    fn poll(&mut self) -> Vec<String> {
        words::poll(&mut self.membership, self.now)
    }

    fn resolve(&mut self, ticket: Ticket) {
        self.membership.resolved(ticket, Some([(id(1), topic("t"))].into()), self.now);
    }

    fn answer(&mut self, response: ConsumerGroupHeartbeatResponse) {
        self.membership.answered(self.ticket, GroupAnswer::ConsumerHeartbeat(Ok(response)), self.now);
    }

    fn accept(&mut self, member_epoch: i32, assigned: Option<&[i32]>) {
        self.answer(ConsumerGroupHeartbeatResponse {
            member_epoch,
            heartbeat_interval_ms: INTERVAL.as_millis() as i32,
            assignment: assigned.map(assignment),
            ..Default::default()
        });
    }

    fn refuse(&mut self, error: ErrorCode) {
        let error_message = Some("so it said".to_owned());
        let error_code = error.code();
        self.answer(ConsumerGroupHeartbeatResponse { error_code, error_message, ..Default::default() });
    }

    fn leave_unanswered(&mut self) {
        let lost = GroupAnswer::ConsumerHeartbeat(Err(CallError::UnknownBroker(1)));
        self.membership.answered(self.ticket, lost, self.now);
    }

    /// Lets a heartbeat fall due, in which nothing is new.
    fn beat(&mut self) {
        let epoch = self.membership.epoch;
        assert_eq!(self.advance(INTERVAL).effects(), [format!("heartbeat {epoch}")]);
    }
}

#[test]
fn a_member_tells_everything_when_it_joins_and_then_only_what_is_new() {
    let with_all =
        ReconcilingConfig { rack: Some("r".into()), server_assignor: Some("uniform".into()), ..config(None) };
    let mut member = Member::with(with_all);
    let everything = r#" within 300000 at r by uniform wants [t] like """#;
    assert_eq!(member.effects(), [format!("heartbeat 0{everything} owns []")]);
    assert_eq!(member.membership.identity(), None);
    member.accept(3, Some(&[]));
    assert_eq!(member.effects(), ["heartbeat 3 owns []"]);
    assert_eq!(member.poll(), ["assigned "], "it is a member, though of nothing");
    member.accept(3, None);
    assert_eq!(member.membership.deadline(), Some(member.now + INTERVAL));
    member.beat();
    assert_eq!(member.advance(INTERVAL).effects(), NOTHING, "one heartbeat at a time");
    member.accept(4, None);
    assert_eq!(member.effects(), ["heartbeat 4"]);
    let me = member.membership.identity().unwrap();
    assert_eq!((me.generation, me.kind), (4, MemberKind::Reconciling));
    member.leave_unanswered();
    assert_eq!(member.effects(), ["forget the coordinator"]);
    assert_eq!(member.advance(BACKOFF).effects(), [format!("heartbeat 4{everything} owns []")]);
}

#[test]
fn what_is_taken_back_is_let_go_of_first_then_told_and_only_then_is_more_taken_on() {
    let mut member = Member::joined(None);
    member.beat();
    member.accept(1, Some(&[0, 2]));
    assert_eq!(member.effects(), ["freeze t-1"]);
    assert_eq!(member.poll(), ["revoked t-1"]);
    member.beat();
    member.accept(1, None);
    assert!(member.membership.identity().is_some(), "it may still commit");
    assert_eq!(member.poll(), ["assigned t-2"]);
    assert_eq!(member.effects(), ["stop t-1", "start t-2", "heartbeat 1 owns [0,2]"]);
    member.accept(2, None);
    assert_eq!(member.effects(), NOTHING);
    assert_eq!(member.membership.identity().map(|me| me.generation), Some(2));
}

#[test]
fn what_was_let_go_of_is_told_even_if_more_is_to_go() {
    let mut member = Member::joined(None);
    member.beat();
    member.accept(1, Some(&[0]));
    assert_eq!(member.poll(), ["revoked t-1"]);
    member.effects();
    member.beat();
    member.accept(1, Some(&[]));
    assert_eq!(member.effects(), NOTHING);
    assert_eq!(member.poll(), ["revoked t-0"]);
    assert_eq!(member.effects(), ["stop t-1", "freeze t-0", "heartbeat 1 owns [0]"]);
    member.accept(1, None);
    assert_eq!(member.poll(), NOTHING);
    assert_eq!(member.effects(), ["stop t-0", "heartbeat 1 owns []"]);
}

#[test]
fn what_the_application_has_not_heard_of_is_let_go_without_a_word() {
    let mut member = Member::subscribed(None);
    member.effects();
    member.accept(1, Some(&[0, 1]));
    member.effects();
    member.resolve(member.ticket);
    assert_eq!(member.effects(), ["start t-0,t-1", "heartbeat 1 owns [0,1]"]);
    member.accept(1, Some(&[1]));
    assert_eq!(member.effects(), ["stop t-0", "heartbeat 1 owns [1]"]);
    assert_eq!(member.poll(), ["assigned t-1"]);
}

#[test]
fn nothing_is_taken_on_while_the_coordinator_may_hear_that_it_is_not_owned() {
    let mut member = Member::joined(None);
    member.beat();
    member.leave_unanswered();
    let everything = r#"heartbeat 1 within 300000 wants [t] like "" owns [0,1]"#;
    member.effects();
    assert_eq!(member.advance(BACKOFF).effects(), [everything]);
    member.accept(2, Some(&[0, 1, 2]));
    assert_eq!(member.effects(), ["start t-2", "heartbeat 2 owns [0,1,2]"]);
    member.leave_unanswered();
    member.effects();
    member.advance(BACKOFF).effects();
    member.accept(2, Some(&[0, 1, 2]));
    assert_eq!(member.effects(), NOTHING, "that is no news");
    assert_eq!(member.poll(), ["assigned t-2"]);

    let mut member = Member::subscribed(None);
    member.effects();
    member.accept(1, Some(&[0]));
    member.effects();
    let asked = member.ticket;
    assert_eq!(member.advance(INTERVAL).effects(), ["heartbeat 1"]);
    member.leave_unanswered();
    member.effects();
    assert_eq!(member.advance(BACKOFF).effects(), [r#"heartbeat 1 within 300000 wants [t] like "" owns []"#]);
    member.resolve(asked);
    assert_eq!(member.effects(), NOTHING);
    member.accept(1, Some(&[0]));
    assert_eq!(member.effects(), ["start t-0", "heartbeat 1 owns [0]"]);
}

#[test]
fn topics_without_a_name_are_asked_for_until_there_is_one() {
    let mut member = Member::subscribed(None);
    member.effects();
    member.accept(1, Some(&[0]));
    assert_eq!(member.effects(), ["resolve 1"]);
    let asked = member.ticket;
    member.membership.resolved(asked, None, member.now);
    assert_eq!((member.effects(), member.poll()), (vec![], vec![]));
    assert_eq!(member.membership.deadline(), Some(member.now + RESOLVE_INTERVAL));
    assert_eq!(member.advance(RESOLVE_INTERVAL).effects(), ["resolve 1"]);
    member.resolve(asked);
    assert_eq!(member.effects(), NOTHING, "that was asked for before");
    member.resolve(member.ticket);
    assert_eq!(member.effects(), ["start t-0", "heartbeat 1 owns [0]"]);
    assert_eq!(member.poll(), ["assigned t-0"]);
}

#[test]
fn a_topic_that_was_made_anew_is_another() {
    let mut member = Member::joined(None);
    member.beat();
    let topic_partitions =
        vec![ConsumerGroupHeartbeatResponseTopicPartitions { topic_id: id(2), partitions: vec![0] }];
    member.answer(ConsumerGroupHeartbeatResponse {
        member_epoch: 1,
        assignment: Some(Assignment { topic_partitions }),
        ..Default::default()
    });
    assert_eq!(member.effects(), ["resolve 1", "freeze t-0,t-1"]);
    member.membership.resolved(member.ticket, Some([(id(2), topic("t"))].into()), member.now);
    assert_eq!(member.poll(), ["revoked t-0,t-1"]);
    assert_eq!(member.poll(), ["assigned t-0"]);
    assert_eq!(member.effects()[..2], ["stop t-0,t-1", "start t-0"]);
}

#[test]
fn a_member_that_the_group_has_left_behind_loses_its_partitions_and_joins_again() {
    for error in [ErrorCode::FencedMemberEpoch, ErrorCode::UnknownMemberId, ErrorCode::GroupIdNotFound] {
        let mut member = Member::joined(None);
        member.beat();
        member.refuse(error);
        assert_eq!(member.effects(), ["stop t-0,t-1", JOIN]);
        assert_eq!(member.membership.identity(), None);
        assert_eq!(member.poll(), ["lost t-0,t-1"]);

        // What was revoked but not told becomes lost; what was told is not told again.
        for told in [false, true] {
            let mut member = Member::joined(None);
            member.beat();
            member.accept(1, Some(&[0]));
            member.effects();
            if told {
                assert_eq!(member.poll(), ["revoked t-1"]);
            }
            member.beat();
            member.refuse(error);
            assert_eq!(member.effects(), ["stop t-0,t-1", JOIN]);
            assert_eq!(member.poll(), [if told { "lost t-0" } else { "lost t-0,t-1" }]);
        }
    }
}

#[test]
fn who_is_refused_as_another_when_joining_leaves_first() {
    for (instance, leave, error) in [
        (None, "leave -1", ErrorCode::FencedMemberEpoch),
        (Some("i"), "leave -2", ErrorCode::UnreleasedInstanceId),
    ] {
        let mut member = Member::subscribed(instance);
        member.effects();
        member.refuse(error);
        assert_eq!(member.effects(), [leave]);
        assert_eq!(member.advance(BACKOFF).effects(), NOTHING, "the farewell is not answered");
        assert_eq!(member.membership.deadline(), Some(Monotonic::ORIGIN + Duration::from_mins(5)));
        member.membership.answered(member.ticket, GroupAnswer::Leave, member.now);
        assert_eq!(member.effects(), [JOIN]);
    }
}

#[test]
fn an_instance_that_is_not_released_is_waited_for_but_not_for_ever() {
    let mut member = Member::subscribed(Some("i"));
    let mut tries = 0;
    let told = loop {
        if member.effects() == [JOIN] {
            tries += 1;
            member.refuse(ErrorCode::UnreleasedInstanceId);
            member.effects();
            member.membership.answered(member.ticket, GroupAnswer::Leave, member.now);
        }
        let told = member.advance(Duration::from_secs(1)).poll();
        if !told.is_empty() {
            break told;
        }
        assert!(tries < 100);
    };
    assert!(tries > 30 && told[0].contains("still holds instance \"i\""), "{tries}: {told:?}");
    assert_eq!(member.poll(), NOTHING);
    assert_eq!(member.effects(), [JOIN], "the next poll tries again");
}

#[test]
fn a_fenced_member_fails_for_good() {
    let mut member = Member::joined(Some("i"));
    member.beat();
    member.refuse(ErrorCode::FencedInstanceId);
    assert_eq!(member.effects(), ["stop t-0,t-1"]);
    assert_eq!(member.poll().first().map(String::as_str), Some("lost t-0,t-1"));
    for _ in 0..2 {
        let told = member.poll();
        assert!(told.last().unwrap().contains("took over instance \"i\""), "{told:?}");
        assert_eq!(member.advance(Duration::from_secs(1_000)).effects(), NOTHING);
    }
}

#[test]
fn refusals_that_do_not_pass_are_told_once_and_the_next_poll_tries_again() {
    for (error, words) in [
        (ErrorCode::UnsupportedAssignor, "does not support that assignor (error code 112): so it said"),
        (ErrorCode::InvalidRequest, "(ConsumerGroupHeartbeat)"),
        (ErrorCode::InvalidRegularExpression, "regular expression is invalid (error code 128): so it said"),
        (ErrorCode::GroupMaxSizeReached, "the group is full"),
        (ErrorCode::GroupAuthorizationFailed, "not authorized for that group"),
        (ErrorCode::UnsupportedVersion, "set `group_protocol` to `GroupProtocol::Classic`"),
    ] {
        let mut member = Member::subscribed(None);
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
fn a_cluster_without_the_protocol_is_told_as_such() {
    let mut member = Member::subscribed(None);
    member.effects();
    let api = headwater_wire::ApiKey::ConsumerGroupHeartbeat;
    let unsupported = CallError::Unsupported { broker: "b".into(), api, ours: 1..=1, theirs: None };
    let answer = GroupAnswer::ConsumerHeartbeat(Err(unsupported));
    member.membership.answered(member.ticket, answer, member.now);
    assert!(member.poll()[0].contains("does not offer the consumer group protocol"));
}

#[test]
fn a_topic_that_may_not_be_read_is_told_and_the_member_stays() {
    let mut member = Member::joined(None);
    member.beat();
    member.refuse(ErrorCode::TopicAuthorizationFailed);
    assert!(member.poll()[0].contains("not authorized for that topic"));
    assert_eq!(member.effects(), NOTHING);
    let everything = r#"heartbeat 1 within 300000 wants [t] like "" owns [0,1]"#;
    assert_eq!(member.advance(INTERVAL).effects(), [everything]);
}

#[test]
fn refusals_that_pass_are_repeated_after_a_wait_and_a_coordinator_that_moved_is_looked_up() {
    for (error, elsewhere) in [
        (ErrorCode::CoordinatorLoadInProgress, false),
        (ErrorCode::NotCoordinator, true),
        (ErrorCode::CoordinatorNotAvailable, true),
    ] {
        let lookup = if elsewhere { vec!["forget the coordinator"] } else { vec![] };
        let mut member = Member::subscribed(None);
        member.effects();
        member.refuse(error);
        assert_eq!(member.effects(), lookup);
        assert_eq!(member.advance(BACKOFF).effects(), [JOIN], "{error}");

        let mut member = Member::joined(None);
        member.beat();
        member.refuse(error);
        assert_eq!(member.effects(), lookup);
        let everything = r#"heartbeat 1 within 300000 wants [t] like "" owns [0,1]"#;
        assert_eq!(member.advance(BACKOFF).effects(), [everything], "{error}");
        assert_eq!(member.poll(), NOTHING, "it has what it had");
    }
}

#[test]
fn a_commit_that_is_refused_asks_the_coordinator_at_once() {
    let mut member = Member::joined(None);
    member.membership.commit_refused(0, ErrorCode::UnknownMemberId, member.now);
    member.membership.commit_refused(1, ErrorCode::OffsetMetadataTooLarge, member.now);
    assert_eq!(member.effects(), NOTHING);
    member.membership.commit_refused(1, ErrorCode::UnknownMemberId, member.now);
    assert_eq!(member.effects(), ["heartbeat 1"]);
}

#[test]
fn an_application_that_does_not_poll_leaves_the_group_and_joins_again_at_its_next_poll() {
    for (instance, leave) in [(None, "leave -1"), (Some("i"), "leave -2")] {
        let mut member = Member::joined(instance);
        member.beat();
        member.accept(1, None);
        assert_eq!(member.advance(Duration::from_mins(5)).effects(), [leave, "stop t-0,t-1"]);
        assert_eq!(member.advance(Duration::from_secs(1_000)).effects(), NOTHING);
        let told = member.poll();
        assert_eq!(told.first().map(String::as_str), Some("lost t-0,t-1"));
        assert!(told.last().unwrap().contains("did not poll for 300000 ms"), "{told:?}");
        assert_eq!(member.poll(), NOTHING);
        member.membership.answered(member.ticket, GroupAnswer::Leave, member.now);
        assert_eq!(member.effects(), [JOIN]);
    }
}

#[test]
fn a_new_subscription_is_told_at_once_and_a_pattern_is_left_to_the_coordinator() {
    let mut member = Member::joined(None);
    member.membership.subscribe(topics(&["t", "u"]), member.now);
    assert_eq!(member.effects(), [r#"heartbeat 1 wants [t,u] like """#]);
    assert!(member.membership.subscribe_matching("t.*", member.now));
    assert_eq!(member.effects(), NOTHING, "one heartbeat at a time");
    member.accept(2, None);
    assert_eq!(member.effects(), [r#"heartbeat 2 wants [] like "t.*""#]);
    member.accept(2, None);
    assert_eq!(member.effects(), NOTHING);
    assert!(member.membership.is_subscribed());
}

#[test]
fn unsubscribing_leaves_the_group_without_events() {
    let mut member = Member::joined(None);
    member.membership.subscribe(BTreeSet::new(), member.now);
    assert_eq!(member.effects(), ["leave -1", "stop t-0,t-1"]);
    assert_eq!(member.poll(), NOTHING);
    assert!(!member.membership.is_subscribed());
    assert_eq!(member.membership.deadline(), None);
    let mut stranger = Member::subscribed(None);
    stranger.membership.leave();
    assert_eq!(stranger.effects(), NOTHING, "nobody knows it");
}
