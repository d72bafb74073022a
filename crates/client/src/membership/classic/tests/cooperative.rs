//! What a member does that may keep its partitions while it joins.

use headwater_wire::messages::join_group::JoinGroupRequest;

use super::*;
use crate::assignor::protocol::{decode_subscription, encode_generation};
use crate::membership::GroupRequest;

fn cooperative() -> ClassicConfig {
    ClassicConfig { assignors: vec![Assignor::CooperativeSticky], ..config(None) }
}

impl Member {
    /// A member of generation 1 that owns t-0 and t-1, and whose application knows it.
    fn with_two_of(config: ClassicConfig) -> Self {
        let mut member = Self::of(config);
        member.effects();
        member.enter(1, &[("t", 0), ("t", 1)]);
        assert_eq!(member.effects(), ["start t-0,t-1"]);
        assert_eq!(member.poll(), ["assigned t-0,t-1"]);
        member
    }

    fn with_two() -> Self {
        Self::with_two_of(cooperative())
    }

    /// The join is answered, and the sync that follows.
    fn enter(&mut self, generation: i32, assigned: &[(&str, i32)]) {
        self.answer_join(ErrorCode::None, "leader", generation);
        assert_eq!(self.effects(), [format!("sync {generation}")]);
        self.answer_sync(ErrorCode::None, assigned);
    }

    fn generation(&self) -> Option<i32> {
        self.membership.identity().map(|me| me.generation)
    }
}

#[test]
fn it_keeps_what_it_has_lets_go_of_what_goes_to_another_and_joins_again_at_once() {
    let mut member = Member::with_two();
    member.beat(ErrorCode::RebalanceInProgress);
    assert_eq!(member.effects(), [r#"join as "me" with t-0,t-1 of 1"#]);
    assert_eq!(member.poll(), NOTHING);
    assert_eq!(member.generation(), Some(1), "it may commit");
    member.answer_join(ErrorCode::None, "leader", 2);
    assert_eq!(member.effects(), ["sync 2"]);
    assert_eq!(member.generation(), Some(2));
    member.answer_sync(ErrorCode::None, &[("t", 0)]);
    assert_eq!(member.effects(), ["freeze t-1"]);
    assert_eq!(member.poll(), ["revoked t-1"]);
    assert_eq!(member.advance(Duration::from_secs(3)).effects(), ["heartbeat 2"]);
    member.answer_heartbeat(ErrorCode::RebalanceInProgress);
    assert_eq!(member.effects(), NOTHING, "the application may still be at it");
    assert_eq!(member.poll(), NOTHING);
    assert_eq!(member.effects(), ["stop t-1", r#"join as "me" with t-0 of 2"#]);
    member.enter(3, &[("t", 0), ("t", 2)]);
    assert_eq!(member.effects(), ["start t-2"]);
    assert_eq!(member.poll(), ["assigned t-2"]);
    assert_eq!(member.membership.deadline(), Some(member.now + Duration::from_secs(3)));
}

#[test]
fn nothing_is_told_if_nothing_changes_but_to_who_has_nothing() {
    let mut member = Member::with_two();
    member.beat(ErrorCode::RebalanceInProgress);
    member.effects();
    member.enter(2, &[("t", 0), ("t", 1)]);
    assert_eq!(member.effects(), NOTHING);
    assert_eq!(member.poll(), NOTHING);
    let mut idle = Member::of(cooperative());
    idle.effects();
    idle.enter(1, &[]);
    assert_eq!(idle.poll(), ["assigned "]);
}

#[test]
fn what_goes_is_told_before_what_comes() {
    let mut member = Member::with_two();
    member.beat(ErrorCode::RebalanceInProgress);
    member.effects();
    member.enter(2, &[("t", 0), ("t", 2)]);
    assert_eq!(member.effects(), ["freeze t-1", "start t-2"]);
    assert_eq!(member.poll(), ["revoked t-1", "assigned t-2"]);
    assert_eq!(member.poll(), NOTHING);
    assert_eq!(member.effects(), ["stop t-1", r#"join as "me" with t-0,t-2 of 2"#]);
}

#[test]
fn what_the_application_has_not_heard_of_goes_without_a_word() {
    let mut member = Member::of(cooperative());
    member.effects();
    member.enter(1, &[("t", 0), ("t", 1)]);
    member.effects();
    member.beat(ErrorCode::RebalanceInProgress);
    assert_eq!(member.effects(), [r#"join as "me" with t-0,t-1 of 1"#]);
    member.enter(2, &[("t", 1)]);
    assert_eq!(member.effects(), ["stop t-0", r#"join as "me" with t-1 of 2"#]);
    assert_eq!(member.poll(), ["assigned t-1"]);
}

#[test]
fn a_member_that_the_group_has_left_behind_loses_everything() {
    // While it is a member, while it joins, while it syncs.
    let mut member = Member::with_two();
    member.beat(ErrorCode::IllegalGeneration);
    assert_eq!(member.effects(), ["stop t-0,t-1", r#"join as "me""#]);
    assert_eq!(member.poll(), ["lost t-0,t-1"]);

    let mut member = Member::with_two();
    member.beat(ErrorCode::RebalanceInProgress);
    member.effects();
    member.answer_join(ErrorCode::UnknownMemberId, "", -1);
    assert_eq!(member.effects(), ["stop t-0,t-1"]);
    assert_eq!(member.poll(), ["lost t-0,t-1"]);
    assert_eq!(member.generation(), None);
    assert_eq!(member.advance(BACKOFF).effects(), [r#"join as """#]);

    for (error, join) in
        [(ErrorCode::IllegalGeneration, r#"join as "me""#), (ErrorCode::UnknownMemberId, r#"join as """#)]
    {
        let mut member = Member::with_two();
        member.beat(ErrorCode::RebalanceInProgress);
        member.effects();
        member.answer_join(ErrorCode::None, "leader", 2);
        member.effects();
        member.answer_sync(error, &[]);
        assert_eq!(member.effects(), ["stop t-0,t-1"]);
        assert_eq!(member.poll(), ["lost t-0,t-1"]);
        assert_eq!(member.advance(BACKOFF).effects(), [join]);
    }
}

#[test]
fn what_was_let_go_of_is_not_lost() {
    let mut member = Member::with_two();
    member.beat(ErrorCode::RebalanceInProgress);
    member.effects();
    member.enter(2, &[("t", 0)]);
    member.effects();
    assert_eq!(member.poll(), ["revoked t-1"]);
    assert_eq!(member.advance(Duration::from_secs(3)).effects(), ["heartbeat 2"]);
    member.answer_heartbeat(ErrorCode::UnknownMemberId);
    assert_eq!(member.effects(), ["stop t-0,t-1", r#"join as """#]);
    assert_eq!(member.poll(), ["lost t-0"]);
}

#[test]
fn what_passes_costs_nothing() {
    let mut member = Member::with_two();
    member.beat(ErrorCode::RebalanceInProgress);
    member.effects();
    member.answer_join(ErrorCode::NotCoordinator, "", -1);
    assert_eq!(member.effects(), ["forget the coordinator"]);
    assert_eq!(member.advance(BACKOFF).effects(), [r#"join as "me" with t-0,t-1 of 1"#]);
    let lost = CallError::UnknownBroker(1);
    member.membership.answered(member.ticket, GroupAnswer::Join(Err(lost)), member.now);
    assert_eq!(member.effects(), ["forget the coordinator"]);
    assert_eq!(member.advance(BACKOFF * 2).effects(), [r#"join as "me" with t-0,t-1 of 1"#]);
    // Another generation follows before this one is assigned.
    member.answer_join(ErrorCode::None, "leader", 2);
    member.effects();
    member.answer_sync(ErrorCode::RebalanceInProgress, &[]);
    assert_eq!(member.effects(), [r#"join as "me" with t-0,t-1 of 2"#]);
    assert_eq!(member.poll(), NOTHING);
}

#[test]
fn topics_that_it_does_not_want_any_more_are_let_go_of_first() {
    let mut member = Member::of(cooperative());
    member.membership.subscribe(topics(&["t", "u"]), member.now);
    member.effects();
    member.enter(1, &[("t", 0), ("u", 0)]);
    member.effects();
    assert_eq!(member.poll(), ["assigned t-0,u-0"]);
    member.membership.subscribe(topics(&["u", "v"]), member.now);
    assert_eq!(member.effects(), ["freeze t-0"]);
    assert_eq!(member.poll(), ["revoked t-0"]);
    assert_eq!(member.poll(), NOTHING);
    assert_eq!(member.effects(), ["stop t-0", r#"join as "me" with u-0 of 1"#]);
}

#[test]
fn a_refused_commit_makes_it_ask_how_things_are() {
    let mut member = Member::with_two();
    member.membership.commit_refused(1, ErrorCode::RebalanceInProgress, member.now);
    assert_eq!(member.effects(), ["heartbeat 1"]);
    member.answer_heartbeat(ErrorCode::None);
    assert_eq!(member.effects(), NOTHING);
    member.membership.commit_refused(1, ErrorCode::IllegalGeneration, member.now);
    assert_eq!(member.effects(), ["stop t-0,t-1", r#"join as "me""#]);
}

#[test]
fn a_member_that_offers_an_eager_assignor_is_eager_whichever_is_chosen() {
    let assignors = vec![Assignor::CooperativeSticky, Assignor::Range];
    let mut member = Member::with_two_of(ClassicConfig { assignors, ..config(None) });
    member.beat(ErrorCode::RebalanceInProgress);
    assert_eq!(member.effects(), ["freeze t-0,t-1"]);
    assert_eq!(member.poll(), ["revoked t-0,t-1"]);
    assert_eq!(member.poll(), NOTHING);
    assert_eq!(member.effects(), ["stop t-0,t-1", r#"join as "me""#]);
    assert_eq!(member.generation(), None);
    member.enter(2, &[("t", 1)]);
    assert_eq!(member.effects(), ["start t-1"]);
}

#[test]
fn each_assignor_is_told_what_it_reads() {
    let assignors = vec![Assignor::CooperativeSticky, Assignor::Range];
    let rack = Some("r".to_owned());
    let mut member = Member::with_two_of(ClassicConfig { rack, assignors, ..config(None) });
    member.beat(ErrorCode::RebalanceInProgress);
    member.effects();
    member.poll();
    member.poll();
    let join = |effect: Effect| match effect {
        Effect::Send(_, GroupRequest::Join(join)) => Some(join),
        _ => None,
    };
    member.membership.tick(member.now);
    let joins: Vec<JoinGroupRequest> =
        member.membership.take_effects().into_iter().filter_map(join).collect();
    let [JoinGroupRequest { protocols, .. }] = &joins[..] else { panic!("{joins:?}") };
    let told = Subscription {
        topics: topics(&["t"]),
        generation: Some(1),
        rack: Some("r".to_owned()),
        ..Subscription::default()
    };
    for (protocol, name, user_data) in [
        (&protocols[0], "cooperative-sticky", Some(encode_generation(Some(1)))),
        (&protocols[1], "range", None),
    ] {
        assert_eq!(protocol.name, name);
        assert_eq!(decode_subscription(protocol.metadata.clone()), Ok(told.clone()));
        assert_eq!(protocol.metadata, encode_subscription(&told, user_data));
    }
}
