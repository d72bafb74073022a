//! What a log adds up to that ends in the midst of a command's records.

use std::sync::Arc;
use std::time::Duration;

use headwater_coordinator::{
    Change, ConsumerHeartbeat, DescribedConsumerGroup, Effects, GroupId, GroupState, Groups, GroupsConfig,
    HeartbeatAnswer, InstanceId, MemberId, Now, Partitions, Reply, Token, Topic, Topics,
};
use headwater_model::{Entropy, Monotonic, PartitionId, Timestamp, TopicName, Uuid};

const NOW: Now = Now { monotonic: Monotonic::ORIGIN, wall: Timestamp(0) };
const PARTITIONS: i32 = 3;

fn group() -> GroupId {
    GroupId::new("g")
}

fn topic() -> Topic {
    Topic { id: Uuid::from_u64_pair(0, 1), partitions: PARTITIONS }
}

fn topics() -> Arc<Topics> {
    Arc::new([(TopicName::new("t").unwrap(), topic())].into_iter().collect())
}

fn everything() -> Partitions {
    (0..PARTITIONS).map(|number| (topic().id, PartitionId(number))).collect()
}

/// A group, and the log of it.
struct Recorded {
    groups: Groups,
    log: Vec<Change>,
}

impl Recorded {
    /// What is left is mended, and once that is done needs no mending.
    fn from_log(mut log: Vec<Change>) -> Self {
        let build = |log: &[Change]| -> (Groups, Effects) {
            let mut groups = Groups::new(GroupsConfig::default());
            log.iter().cloned().for_each(|change| groups.replay(change));
            let effects = groups.loaded(NOW);
            (groups, effects)
        };
        let (_, mended) = build(&log);
        log.extend(mended.records);
        let (mut groups, again) = build(&log);
        assert_eq!(again, Effects::default(), "what was mended is whole");
        log.extend(groups.topics_changed(NOW, topics()).records);
        Self { groups, log }
    }

    /// A member's heartbeat: with epoch 0 a full one.
    fn beat(&mut self, member: &str, instance: Option<&str>, epoch: i32) -> HeartbeatAnswer {
        let joins = epoch == 0;
        let beat = ConsumerHeartbeat {
            group: group(),
            member: Some(MemberId::new(member)),
            requires_member: true,
            epoch,
            instance: instance.map(InstanceId::new),
            rack: None,
            rebalance_timeout: joins.then_some(Duration::from_mins(1)),
            topics: joins.then(|| vec!["t".to_owned()]),
            pattern: None,
            assignor: None,
            owned: joins.then(Partitions::new),
            client_id: String::new(),
            client_host: String::new(),
        };
        let effects = self.groups.consumer_heartbeat(NOW, &mut Entropy::from_seed(1), Token(0), &beat);
        self.log.extend(effects.records);
        match effects.replies.into_iter().next() {
            Some((_, Reply::ConsumerHeartbeat(Ok(answer)))) => answer,
            other => panic!("{member}: {other:?}"),
        }
    }

    fn described(&self) -> DescribedConsumerGroup {
        self.groups.describe_consumer_group(&group()).unwrap()
    }

    fn targets(&self) -> Partitions {
        self.described().members.iter().flat_map(|member| member.target.iter().collect::<Vec<_>>()).collect()
    }
}

/// A static member is away, the other has all that it is to have. Gives the other's epoch.
fn with_one_away() -> (Recorded, i32) {
    let mut recorded = Recorded::from_log(Vec::new());
    recorded.beat("a", Some("i"), 0);
    recorded.beat("a", Some("i"), -2);
    recorded.beat("b", None, 0);
    // It comes back to less, so that the other gets the rest, and goes again.
    recorded.beat("a'", Some("i"), 0);
    recorded.beat("a'", Some("i"), -2);
    let epoch = recorded.beat("b", None, 2).epoch;
    assert_eq!(recorded.targets(), everything());
    (recorded, epoch)
}

/// The group for each part of the records by which the static member comes back once more, with the other's epoch.
fn with_a_part_of_its_return() -> Vec<(Recorded, i32)> {
    let (mut whole, epoch) = with_one_away();
    let before = whole.log.len();
    whole.beat("a''", Some("i"), 0);
    assert_eq!((whole.described().state, whole.described().epoch), (GroupState::Stable, epoch));
    assert_eq!(whole.log.len() - before, 6, "{:?}", whole.log);
    (before..=whole.log.len()).map(|kept| (Recorded::from_log(whole.log[..kept].to_vec()), epoch)).collect()
}

#[test]
fn a_static_member_whose_return_is_recorded_in_part_leaves_no_partition_to_nobody() {
    for (kept, (mut rebuilt, epoch)) in with_a_part_of_its_return().into_iter().enumerate() {
        rebuilt.beat("b", None, epoch);
        assert_eq!(rebuilt.targets(), everything(), "{kept} kept: {:?}", rebuilt.described());
    }
}

#[test]
fn a_static_member_whose_return_is_recorded_in_part_is_not_kept_out_by_itself() {
    for (mut rebuilt, epoch) in with_a_part_of_its_return() {
        rebuilt.beat("a''", Some("i"), 0);
        rebuilt.beat("b", None, epoch);
        let described = rebuilt.described();
        assert_eq!((described.state, described.members.len()), (GroupState::Stable, 2), "{described:?}");
    }
}
