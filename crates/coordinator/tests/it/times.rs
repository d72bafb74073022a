//! Groups whose members have times of their own.

use std::sync::Arc;
use std::time::Duration;

use headwater_coordinator::{
    Change, ConsumerHeartbeat, GroupId, Groups, GroupsConfig, HeartbeatAnswer, MemberId, MemberTimes, Now,
    Reply, ShareHeartbeat, Times, Token, Topics,
};
use headwater_model::{Entropy, Monotonic, Timestamp};

const QUICK: Times =
    Times { session_timeout: Duration::from_secs(10), heartbeat_interval: Duration::from_secs(1) };
const SLOW: Times =
    Times { session_timeout: Duration::from_mins(1), heartbeat_interval: Duration::from_secs(9) };

fn group() -> GroupId {
    GroupId::new("g")
}

fn at(seconds: u64) -> Now {
    Now { monotonic: Monotonic::ORIGIN + Duration::from_secs(seconds), wall: Timestamp(0) }
}

/// A coordinator that has read `log`, and was told of the times before.
fn loaded(log: &[Change], times: Option<MemberTimes>, now: Now) -> Groups {
    let mut groups = Groups::new(GroupsConfig::default());
    groups.set_member_times(group(), times);
    for change in log {
        groups.replay(change.clone());
    }
    groups.loaded(now);
    groups.topics_changed(now, Arc::new(Topics::default()));
    groups
}

fn consumer_beat(groups: &mut Groups, now: Now, epoch: i32) -> (HeartbeatAnswer, Vec<Change>) {
    let beat = ConsumerHeartbeat {
        group: group(),
        member: Some(MemberId::new("m")),
        requires_member: true,
        epoch,
        instance: None,
        rack: None,
        rebalance_timeout: Some(Duration::from_mins(1)),
        topics: Some(vec!["t".to_owned()]),
        pattern: None,
        assignor: None,
        owned: Some(headwater_coordinator::Partitions::new()),
        client_id: "c".to_owned(),
        client_host: "/127.0.0.1".to_owned(),
    };
    let effects = groups.consumer_heartbeat(now, &mut Entropy::from_seed(1), Token(1), &beat);
    match effects.replies.into_iter().next() {
        Some((_, Reply::ConsumerHeartbeat(Ok(answer)))) => (answer, effects.records),
        other => panic!("{other:?}"),
    }
}

fn share_beat(groups: &mut Groups, now: Now, epoch: i32) -> (HeartbeatAnswer, Vec<Change>) {
    let beat = ShareHeartbeat {
        group: group(),
        member: MemberId::new("m"),
        epoch,
        rack: None,
        topics: Some(vec!["t".to_owned()]),
        client_id: "c".to_owned(),
        client_host: "/127.0.0.1".to_owned(),
    };
    let effects = groups.share_heartbeat(now, Token(1), &beat);
    match effects.replies.into_iter().next() {
        Some((_, Reply::ShareHeartbeat(Ok(answer)))) => (answer, effects.records),
        other => panic!("{other:?}"),
    }
}

type Beat = fn(&mut Groups, Now, i32) -> (HeartbeatAnswer, Vec<Change>);

/// When the group's only member is out, in seconds.
fn session_ends(groups: &Groups) -> u64 {
    groups.next_deadline().unwrap().since_origin().as_secs()
}

#[test]
fn a_group_has_its_own_times_as_long_as_it_is_told_to() {
    let own = [
        (consumer_beat as Beat, MemberTimes { consumer: QUICK, share: SLOW }),
        (share_beat as Beat, MemberTimes { consumer: SLOW, share: QUICK }),
    ];
    for (beat, times) in own {
        let mut groups = loaded(&[], None, at(0));
        let (answer, mut log) = beat(&mut groups, at(0), 0);
        assert_eq!((answer.heartbeat_interval.as_secs(), session_ends(&groups)), (5, 45));

        groups.set_member_times(group(), Some(times));
        let (answer, records) = beat(&mut groups, at(1), answer.epoch);
        log.extend(records);
        assert_eq!((answer.heartbeat_interval.as_secs(), session_ends(&groups)), (1, 11));
        groups.set_member_times(GroupId::new("another"), None);
        assert_eq!(beat(&mut groups, at(2), answer.epoch).0.heartbeat_interval.as_secs(), 1);

        let mut again = loaded(&log, Some(times), at(100));
        assert_eq!(session_ends(&again), 110, "whoever was a member has a session of the group's length");
        again.set_member_times(group(), None);
        let (answer, _) = beat(&mut again, at(101), answer.epoch);
        assert_eq!((answer.heartbeat_interval.as_secs(), session_ends(&again)), (5, 146));
        assert!(again.tick(at(145)).records.is_empty());
        assert!(!again.tick(at(146)).records.is_empty(), "who is silent is out");
    }
}
