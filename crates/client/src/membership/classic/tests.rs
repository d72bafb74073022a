//! Tables: what answers lead to; what is peculiar to cooperative members in [`cooperative`]. Members against a model of a
//! coordinator are in [`model`].

mod cooperative;
mod model;

use bytes::Bytes;
use headwater_wire::messages::heartbeat::HeartbeatResponse;
use headwater_wire::messages::join_group::{JoinGroupResponse, JoinGroupResponseMember};
use headwater_wire::messages::sync_group::SyncGroupResponse;

use super::*;
use crate::assignor::protocol::{Subscription, encode_assignment, encode_subscription};
use crate::error::CallError;
use crate::membership::words::{self, partitions, topic, topics};

fn config(instance_id: Option<&str>) -> ClassicConfig {
    ClassicConfig {
        group: "g".into(),
        instance_id: instance_id.map(Into::into),
        rack: None,
        session_timeout: Duration::from_secs(45),
        heartbeat_interval: Duration::from_secs(3),
        max_poll_interval: Duration::from_mins(5),
        assignors: vec![Assignor::Range],
        backoff: Backoff::new(Duration::from_millis(100), Duration::from_secs(1)),
    }
}

/// A member under test, with what it wants done in words.
struct Member {
    membership: ClassicMember,
    now: Monotonic,
    /// The ticket of the last request.
    ticket: Ticket,
}

impl Member {
    fn subscribed(instance_id: Option<&str>) -> Self {
        Self::of(config(instance_id))
    }

    fn of(config: ClassicConfig) -> Self {
        let mut membership = ClassicMember::new(config, Entropy::from_seed(1));
        membership.subscribe(topics(&["t"]), Monotonic::ORIGIN);
        Self { membership, now: Monotonic::ORIGIN, ticket: 0 }
    }

    /// A member of generation 1 that owns t-0, and whose application knows it.
    fn joined(instance_id: Option<&str>) -> Self {
        let mut member = Self::subscribed(instance_id);
        member.effects();
        member.answer_join(ErrorCode::None, "leader", 1);
        member.effects();
        member.answer_sync(ErrorCode::None, &[("t", 0)]);
        assert_eq!(member.effects(), ["start t-0"]);
        assert_eq!(member.poll(), ["assigned t-0"]);
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

    fn answer_join(&mut self, error: ErrorCode, leader: &str, generation_id: i32) {
        let wants_both = Subscription { topics: topics(&["t", "u"]), ..Subscription::default() };
        let metadata = encode_subscription(&wants_both, None);
        let member = |member_id: &str| JoinGroupResponseMember {
            member_id: member_id.into(),
            metadata: metadata.clone(),
            ..Default::default()
        };
        let members = if leader == "me" { vec![member("me"), member("other")] } else { Vec::new() };
        let response = JoinGroupResponse {
            error_code: error.code(),
            generation_id,
            protocol_name: self.membership.config.assignors.first().map(|assignor| assignor.name().into()),
            leader: leader.into(),
            member_id: "me".into(),
            members,
            ..Default::default()
        };
        self.membership.answered(self.ticket, GroupAnswer::Join(Ok(response)), self.now);
    }

    fn answer_sync(&mut self, error: ErrorCode, owned: &[(&str, i32)]) {
        let assignment = encode_assignment(&partitions(owned));
        let response = SyncGroupResponse { error_code: error.code(), assignment, ..Default::default() };
        self.membership.answered(self.ticket, GroupAnswer::Sync(Ok(response)), self.now);
    }

    fn answer_heartbeat(&mut self, error: ErrorCode) {
        let response = HeartbeatResponse { error_code: error.code(), ..Default::default() };
        self.membership.answered(self.ticket, GroupAnswer::Heartbeat(Ok(response)), self.now);
    }

    /// Lets a heartbeat fall due and answers it.
    fn beat(&mut self, error: ErrorCode) {
        assert_eq!(self.advance(Duration::from_secs(3)).effects(), ["heartbeat 1"]);
        self.answer_heartbeat(error);
    }
}

const NOTHING: [String; 0] = [];
const BACKOFF: Duration = Duration::from_millis(130);

#[test]
fn a_new_member_is_given_an_id_joins_with_it_and_beats() {
    let mut member = Member::subscribed(None);
    assert_eq!(member.effects(), [r#"join as """#]);
    member.answer_join(ErrorCode::MemberIdRequired, "", -1);
    assert_eq!(member.effects(), [r#"join as "me""#]);
    member.answer_join(ErrorCode::None, "leader", 1);
    assert_eq!(member.effects(), ["sync 1"]);
    assert_eq!(member.membership.identity(), None);
    member.answer_sync(ErrorCode::None, &[("t", 0), ("t", 2)]);
    assert_eq!(member.effects(), ["start t-0,t-2"]);
    assert_eq!(member.poll(), ["assigned t-0,t-2"]);
    assert_eq!(member.membership.identity().map(|me| (me.generation, me.member_id)), Some((1, "me".into())));
    assert_eq!(member.membership.deadline(), Some(member.now + Duration::from_secs(3)));
    assert_eq!(member.advance(Duration::from_secs(3)).effects(), ["heartbeat 1"]);
    assert_eq!(member.advance(Duration::from_secs(3)).effects(), NOTHING, "one heartbeat at a time");
    member.answer_heartbeat(ErrorCode::None);
    assert_eq!(member.effects(), ["heartbeat 1"]);
}

#[test]
fn the_leader_counts_the_topics_of_all_and_assigns() {
    let mut member = Member::subscribed(None);
    member.effects();
    member.answer_join(ErrorCode::None, "me", 1);
    assert_eq!(member.effects(), [r#"count {"t", "u"}"#]);
    member.membership.counted(member.ticket, None, member.now);
    assert_eq!(member.effects(), NOTHING, "waits before it joins again");
    assert_eq!(member.advance(BACKOFF).effects(), [r#"join as "me""#]);
    member.answer_join(ErrorCode::None, "me", 2);
    member.effects();
    let counts = [(topic("t"), 3), (topic("u"), 1)].into();
    member.membership.counted(member.ticket, Some(counts), member.now);
    assert_eq!(member.effects(), ["sync 2 me=t-0,t-1,u-0 other=t-2"]);
}

#[test]
fn the_leader_joins_again_when_a_topic_has_grown() {
    let mut member = Member::subscribed(None);
    member.effects();
    member.answer_join(ErrorCode::None, "me", 1);
    member.effects();
    member.membership.counted(member.ticket, Some([(topic("t"), 3)].into()), member.now);
    member.effects();
    member.answer_sync(ErrorCode::None, &[("t", 0)]);
    member.effects();
    assert_eq!(member.poll(), ["assigned t-0"]);
    let same = |name: &TopicName| (name == &topic("t")).then_some(3);
    member.membership.partitions_seen(&same, member.now);
    assert_eq!(member.effects(), NOTHING);
    member.membership.partitions_seen(&|name: &TopicName| same(name).map(|count| count + 1), member.now);
    assert_eq!(member.effects(), ["freeze t-0"]);
    assert_eq!(member.poll(), ["revoked t-0"]);
    assert_eq!(member.poll(), NOTHING);
    assert_eq!(member.effects(), ["stop t-0", r#"join as "me""#]);
}

#[test]
fn partitions_are_let_go_at_the_poll_after_the_one_that_told_and_heartbeats_go_on_until_then() {
    let mut member = Member::joined(None);
    member.beat(ErrorCode::RebalanceInProgress);
    assert_eq!(member.effects(), ["freeze t-0"]);
    member.beat(ErrorCode::RebalanceInProgress);
    assert_eq!(member.effects(), NOTHING);
    assert_eq!(member.poll(), ["revoked t-0"]);
    assert!(member.membership.identity().is_some(), "it may still commit");
    member.beat(ErrorCode::RebalanceInProgress);
    assert_eq!(member.effects(), NOTHING, "the application may still be at it");
    assert_eq!(member.poll(), NOTHING);
    assert_eq!(member.effects(), ["stop t-0", r#"join as "me""#]);
    assert!(member.membership.identity().is_none());
}

#[test]
fn what_the_application_has_not_heard_of_is_not_revoked() {
    let mut member = Member::subscribed(None);
    member.effects();
    member.answer_join(ErrorCode::None, "leader", 1);
    member.effects();
    member.answer_sync(ErrorCode::None, &[("t", 0)]);
    member.effects();
    member.beat(ErrorCode::RebalanceInProgress);
    assert_eq!(member.effects(), ["stop t-0", r#"join as "me""#]);
    assert_eq!(member.poll(), NOTHING);
}

#[test]
fn a_member_that_the_group_has_left_behind_loses_its_partitions_and_joins_again() {
    for (error, join) in
        [(ErrorCode::IllegalGeneration, r#"join as "me""#), (ErrorCode::UnknownMemberId, r#"join as """#)]
    {
        let mut member = Member::joined(None);
        member.beat(error);
        assert_eq!(member.effects(), ["stop t-0", join]);
        assert_eq!(member.poll(), ["lost t-0"]);

        // The same if a commit is told so, but only for the generation that committed.
        let mut member = Member::joined(None);
        member.membership.commit_refused(0, error, member.now);
        assert_eq!(member.effects(), NOTHING);
        member.membership.commit_refused(1, error, member.now);
        assert_eq!(member.effects(), ["stop t-0", join]);

        // What was revoked but not told becomes lost; what was told is not told again.
        let mut member = Member::joined(None);
        member.beat(ErrorCode::RebalanceInProgress);
        member.effects();
        member.beat(error);
        assert_eq!(member.effects(), ["stop t-0", join]);
        assert_eq!(member.poll(), ["lost t-0"]);
        let mut member = Member::joined(None);
        member.beat(ErrorCode::RebalanceInProgress);
        assert_eq!(member.poll(), ["revoked t-0"]);
        member.effects();
        member.beat(error);
        assert_eq!(member.poll(), NOTHING);
    }
}

#[test]
fn a_fenced_member_fails_for_good() {
    let mut member = Member::joined(Some("i"));
    member.beat(ErrorCode::FencedInstanceId);
    assert_eq!(member.effects(), ["stop t-0"]);
    let told = member.poll();
    assert_eq!(told.first().map(String::as_str), Some("lost t-0"));
    for _ in 0..2 {
        let told = member.poll();
        assert!(told.last().unwrap().contains("took over instance \"i\""), "{told:?}");
        assert_eq!(member.advance(Duration::from_secs(1_000)).effects(), NOTHING);
    }
}

#[test]
fn an_application_that_does_not_poll_leaves_the_group_and_joins_again_at_its_next_poll() {
    for (instance, leave) in [(None, vec![r#"leave as "me""#, "stop t-0"]), (Some("i"), vec!["stop t-0"])] {
        let mut member = Member::joined(instance);
        for _ in 0..99 {
            member.beat(ErrorCode::None);
        }
        assert_eq!(member.advance(Duration::from_secs(3)).effects(), leave, "at 300 s");
        assert_eq!(member.advance(Duration::from_secs(1_000)).effects(), NOTHING);
        let told = member.poll();
        assert_eq!(told.first().map(String::as_str), Some("lost t-0"));
        assert!(told.last().unwrap().contains("did not poll for 300000 ms"), "{told:?}");
        assert_eq!(member.effects(), NOTHING);
        assert_eq!(member.poll(), NOTHING);
        let join = if instance.is_some() { r#"join as "me""# } else { r#"join as """# };
        assert_eq!(member.effects(), [join]);
    }
}

#[test]
fn a_long_poll_is_no_absence() {
    let mut member = Member::joined(None);
    member.membership.poll_begins(member.now);
    for _ in 0..200 {
        member.beat(ErrorCode::None);
    }
    member.membership.poll_ends(member.now);
    assert_eq!(member.effects(), NOTHING);
}

#[test]
fn refusals_that_pass_are_repeated_after_a_wait_and_a_coordinator_that_moved_is_looked_up() {
    for (error, elsewhere) in [
        (ErrorCode::CoordinatorLoadInProgress, false),
        (ErrorCode::RebalanceInProgress, false),
        (ErrorCode::NotCoordinator, true),
        (ErrorCode::CoordinatorNotAvailable, true),
    ] {
        let lookup = if elsewhere { vec!["forget the coordinator"] } else { vec![] };
        let mut member = Member::subscribed(None);
        member.effects();
        member.answer_join(error, "", -1);
        assert_eq!(member.effects(), lookup);
        assert_eq!(member.advance(BACKOFF).effects(), [r#"join as """#], "{error}");
    }
    let mut member = Member::joined(None);
    member.beat(ErrorCode::NotCoordinator);
    assert_eq!(member.effects(), ["forget the coordinator"]);
    assert_eq!(member.advance(BACKOFF).effects(), ["heartbeat 1"]);
    let lost = CallError::UnknownBroker(1);
    member.membership.answered(member.ticket, GroupAnswer::Heartbeat(Err(lost)), member.now);
    assert_eq!(member.effects(), ["forget the coordinator"]);
    assert_eq!(member.advance(BACKOFF * 2).effects(), ["heartbeat 1"]);
}

#[test]
fn a_refusal_that_does_not_pass_is_told_once_and_the_next_poll_tries_again() {
    let mut member = Member::subscribed(None);
    member.effects();
    member.answer_join(ErrorCode::GroupAuthorizationFailed, "", -1);
    let told = member.poll();
    assert!(told.last().unwrap().contains("refuses this consumer (JoinGroup)"), "{told:?}");
    assert_eq!(member.effects(), NOTHING);
    assert_eq!(member.poll(), NOTHING);
    assert_eq!(member.effects(), [r#"join as """#]);
}

#[test]
fn answers_to_what_was_given_up_are_ignored() {
    let mut member = Member::subscribed(None);
    member.effects();
    let first = member.ticket;
    member.membership.answered(first, GroupAnswer::Join(Err(CallError::UnknownBroker(1))), member.now);
    member.advance(BACKOFF).effects();
    let second = std::mem::replace(&mut member.ticket, first);
    member.answer_join(ErrorCode::None, "leader", 1);
    assert_eq!(member.effects(), NOTHING);
    member.ticket = second;
    member.answer_join(ErrorCode::None, "leader", 1);
    assert_eq!(member.effects(), ["sync 1"]);
}

#[test]
fn a_subscription_that_changed_while_joining_leads_to_another_join() {
    let mut member = Member::subscribed(None);
    member.effects();
    member.membership.subscribe(topics(&["t", "v"]), member.now);
    member.answer_join(ErrorCode::None, "leader", 1);
    assert_eq!(member.effects(), ["sync 1"]);
    member.answer_sync(ErrorCode::None, &[("t", 0)]);
    assert_eq!(member.effects(), ["start t-0", "stop t-0", r#"join as "me""#]);
    assert_eq!(member.poll(), NOTHING);
}

#[test]
fn an_assignment_that_cannot_be_read_and_an_assignor_that_we_lack_are_failures() {
    let mut member = Member::subscribed(None);
    member.effects();
    member.answer_join(ErrorCode::None, "leader", 1);
    member.effects();
    let response = SyncGroupResponse { assignment: Bytes::from_static(b"\0\x01\x7f"), ..Default::default() };
    member.membership.answered(member.ticket, GroupAnswer::Sync(Ok(response)), member.now);
    assert!(member.poll().last().unwrap().contains("cannot be read"));
    member.poll();
    member.effects();
    let response = JoinGroupResponse { protocol_name: Some("sticky".into()), ..Default::default() };
    member.membership.answered(member.ticket, GroupAnswer::Join(Ok(response)), member.now);
    assert!(member.poll().last().unwrap().contains("\"sticky\""));
}

#[test]
fn unsubscribing_leaves_the_group_without_events() {
    let mut member = Member::joined(None);
    member.membership.subscribe(BTreeSet::new(), member.now);
    assert_eq!(member.effects(), [r#"leave as "me""#, "stop t-0"]);
    assert_eq!(member.poll(), NOTHING);
    assert!(!member.membership.is_subscribed());
    assert_eq!(member.membership.deadline(), None);
}
