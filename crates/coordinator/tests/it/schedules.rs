//! Random schedules of clients that join, work, vanish and come back, with time passing and restarts between. Checked
//! after each step: replies come once and agree with each other, and replaying the log gives the state.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use headwater_coordinator::{
    Change, CommitOffsets, Effects, GroupId, GroupState, Groups, GroupsConfig, Heartbeat, InstanceId, Join,
    Joined, Leave, Leaver, MemberId, Now, OffsetToCommit, Outcome, ProducerIdentity, Protocol, Reply, Sync,
    Synced, Token, WithinTransaction,
};
use headwater_model::{
    Entropy, ErrorCode, Monotonic, Offset, PartitionId, ProducerEpoch, ProducerId, Timestamp, TopicName,
    TopicPartition,
};
use proptest::prelude::*;

const CLIENTS: usize = 6;

#[derive(Debug, Clone, Copy)]
enum Step {
    Join { client: usize, says: usize },
    Sync(usize),
    Beat(usize),
    Leave(usize),
    RemoveInstance(usize),
    Vanish(usize),
    Commit(usize),
    CommitFromOutside,
    CommitWithin { client: usize, producer: i64 },
    EndTransaction { producer: i64, commit: bool },
    Delete,
    Wait(u64),
    Restart,
}

fn identity(producer: i64) -> ProducerIdentity {
    ProducerIdentity { id: ProducerId(producer), epoch: ProducerEpoch(0) }
}

fn step() -> impl Strategy<Value = Step> {
    let client = 0..CLIENTS;
    prop_oneof![
        12 => (client.clone(), prop_oneof![8 => Just(0), 1 => 1..4_usize])
            .prop_map(|(client, says)| Step::Join { client, says }),
        12 => client.clone().prop_map(Step::Sync),
        4 => client.clone().prop_map(Step::Beat),
        1 => client.clone().prop_map(Step::Leave),
        1 => client.clone().prop_map(Step::RemoveInstance),
        1 => client.clone().prop_map(Step::Vanish),
        2 => client.clone().prop_map(Step::Commit),
        2 => (client, 0..3_i64).prop_map(|(client, producer)| Step::CommitWithin { client, producer }),
        1 => (0..3_i64, any::<bool>()).prop_map(|(producer, commit)| Step::EndTransaction { producer, commit }),
        1 => Just(Step::CommitFromOutside),
        1 => Just(Step::Delete),
        3 => (1..12_000_u64).prop_map(Step::Wait),
        1 => Just(Step::Restart),
    ]
}

/// The first two are dynamic, the next two static, the last two of old versions, one of them static.
struct Client {
    instance: Option<InstanceId>,
    modern: bool,
    member: Option<MemberId>,
    generation: i32,
    /// What it assigns: nothing if it does not lead. `None` while it waits to be told of a generation: it does not sync
    /// with one of before, whose number may be given again after a restart.
    assigns: Option<Vec<(MemberId, String)>>,
    latest: Token,
}

struct World {
    config: GroupsConfig,
    groups: Groups,
    entropy: Entropy,
    elapsed: Duration,
    clients: Vec<Client>,
    tokens: u64,
    open: BTreeMap<Token, usize>,
    log: Vec<Change>,
    /// What stays the same when a static member comes back under a new id.
    identities: BTreeMap<MemberId, String>,
    /// The leader's identity and the protocol of each generation, as told to members.
    told: BTreeMap<i32, (String, Arc<str>)>,
    generation: i32,
}

fn group() -> GroupId {
    GroupId::new("g")
}

impl World {
    fn new(config: GroupsConfig) -> Self {
        let mut groups = Groups::new(config.clone());
        groups.loaded(Now { monotonic: Monotonic::ORIGIN, wall: Timestamp(0) });
        let client = |index: usize| Client {
            instance: matches!(index, 2 | 3 | 5).then(|| InstanceId::from(format!("i{index}"))),
            modern: index < 4,
            member: None,
            generation: -1,
            assigns: None,
            latest: Token(0),
        };
        Self {
            config,
            groups,
            entropy: Entropy::from_seed(7),
            elapsed: Duration::ZERO,
            clients: (0..CLIENTS).map(client).collect(),
            tokens: 0,
            open: BTreeMap::new(),
            log: Vec::new(),
            identities: BTreeMap::new(),
            told: BTreeMap::new(),
            generation: 0,
        }
    }

    fn now(&self) -> Now {
        Now {
            monotonic: Monotonic::from_origin(self.elapsed),
            wall: Timestamp(self.elapsed.as_millis() as i64),
        }
    }

    fn ask(&mut self, client: usize) -> Token {
        self.tokens += 1;
        self.open.insert(Token(self.tokens), client);
        self.clients[client].latest = Token(self.tokens);
        Token(self.tokens)
    }

    fn take(&mut self, step: Step) {
        match step {
            Step::Join { client, says } => self.join(client, says),
            Step::Sync(client) => self.sync(client),
            Step::Beat(client) => self.beat(client),
            Step::Leave(client) => {
                let member = self.clients[client].member.clone();
                self.leave(client, Leaver { member, instance: None });
            }
            Step::RemoveInstance(client) => {
                let instance = self.clients[client].instance.clone();
                self.leave(client, Leaver { member: None, instance });
            }
            Step::Vanish(client) => self.clients[client].member = None,
            Step::Commit(client) => self.commit(client, true, None),
            Step::CommitFromOutside => self.commit(0, false, None),
            Step::CommitWithin { client, producer } => {
                let verified = self.groups.ends_seen();
                let within = WithinTransaction { producer: identity(producer), verified };
                self.commit(client, client % 2 == 0, Some(within));
            }
            Step::EndTransaction { producer, commit } => {
                let token = self.ask(0);
                let outcome = if commit { Outcome::Commit } else { Outcome::Abort };
                let effects = self.groups.end_transaction(self.now(), token, identity(producer), outcome);
                self.receive(effects);
            }
            Step::Delete => {
                let token = self.ask(0);
                let effects = self.groups.delete_group(self.now(), token, &group());
                self.receive(effects);
            }
            Step::Wait(ms) => self.wait(Duration::from_millis(ms)),
            Step::Restart => self.restart(),
        }
        self.check_generation();
        self.check_replay();
    }

    fn join(&mut self, client: usize, says: usize) {
        let token = self.ask(client);
        self.clients[client].assigns = None;
        let known = &self.clients[client];
        let protocols: &[(&str, &'static str)] = match says {
            0 => &[("range", "m"), ("sticky", "m")],
            1 => &[("range", "changed")],
            2 => &[("sticky", "changed"), ("range", "changed")],
            _ => &[("other", "m")],
        };
        let protocol = |(name, metadata): &(&str, &'static str)| Protocol {
            name: Arc::from(*name),
            metadata: (*metadata).into(),
        };
        let join = Join {
            group: group(),
            member: known.member.clone(),
            instance: known.instance.clone(),
            client_id: format!("c{client}"),
            client_host: String::new(),
            session_timeout: Duration::from_secs(6 + client as u64),
            rebalance_timeout: Duration::from_secs(10 * client as u64),
            protocol_type: "consumer".to_owned(),
            protocols: protocols.iter().map(protocol).collect(),
            requires_known_member: known.modern,
            can_skip_assignment: known.modern,
        };
        let effects = self.groups.join(self.now(), &mut self.entropy, token, join);
        self.receive(effects);
    }

    fn sync(&mut self, client: usize) {
        let (Some(member), Some(assigns)) =
            (self.clients[client].member.clone(), self.clients[client].assigns.clone())
        else {
            return;
        };
        let token = self.ask(client);
        let known = &self.clients[client];
        let sync = Sync {
            group: group(),
            member,
            instance: known.instance.clone(),
            generation: known.generation,
            protocol_type: None,
            protocol: None,
            assignments: assigns
                .into_iter()
                .map(|(member, assignment)| (member, assignment.into()))
                .collect(),
        };
        let effects = self.groups.sync(self.now(), token, sync);
        self.receive(effects);
    }

    fn beat(&mut self, client: usize) {
        let Some(member) = self.clients[client].member.clone() else {
            return;
        };
        let token = self.ask(client);
        let known = &self.clients[client];
        let (instance, generation) = (known.instance.clone(), known.generation);
        let heartbeat = Heartbeat { group: group(), member, instance, generation };
        let effects = self.groups.heartbeat(self.now(), token, &heartbeat);
        self.receive(effects);
    }

    fn leave(&mut self, client: usize, leaver: Leaver) {
        let token = self.ask(client);
        let leave = Leave { group: group(), leavers: vec![leaver] };
        let effects = self.groups.leave(self.now(), token, &leave);
        self.receive(effects);
    }

    fn commit(&mut self, client: usize, as_member: bool, within: Option<WithinTransaction>) {
        let token = self.ask(client);
        let known = &self.clients[client];
        let topic = TopicName::new("t").unwrap();
        let commit = CommitOffsets {
            group: group(),
            member: known.member.clone().filter(|_| as_member),
            instance: known.instance.clone().filter(|_| as_member),
            generation: if as_member { known.generation } else { -1 },
            retention: None,
            within,
            offsets: vec![OffsetToCommit {
                partition: TopicPartition::new(topic, PartitionId(client as i32)),
                offset: Offset(self.tokens as i64),
                leader_epoch: None,
                metadata: String::new(),
            }],
        };
        let effects = self.groups.commit_offsets(self.now(), token, commit);
        self.receive(effects);
    }

    fn wait(&mut self, duration: Duration) {
        let until = self.elapsed + duration;
        while let Some(next) = self.groups.next_deadline()
            && next.since_origin() <= until
        {
            self.elapsed = self.elapsed.max(next.since_origin());
            let effects = self.groups.tick(self.now());
            self.receive(effects);
            assert!(self.groups.next_deadline() > Some(self.now().monotonic), "a tick leads nowhere");
        }
        self.elapsed = until;
    }

    fn restart(&mut self) {
        let effects = self.groups.fail_pending(self.now(), ErrorCode::NotCoordinator);
        assert!(effects.records.is_empty());
        self.receive(effects);
        assert_eq!(self.open, BTreeMap::new(), "somebody still waits");
        self.groups = self.replayed();
        let effects = self.groups.loaded(self.now());
        assert_eq!(effects, Effects::default());
        // Generations that were not stored have never been.
        self.told.clear();
        self.generation = 0;
    }

    fn replayed(&self) -> Groups {
        let mut groups = Groups::new(self.config.clone());
        self.log.iter().cloned().for_each(|change| groups.replay(change));
        groups
    }

    fn receive(&mut self, effects: Effects) {
        self.log.extend(effects.records);
        for (_, reply) in &effects.replies {
            if let Reply::Join(Ok(joined)) = reply {
                self.identify(joined);
            }
        }
        for (token, reply) in effects.replies {
            let client = self.open.remove(&token).expect("a token is answered once");
            let latest = self.clients[client].latest == token;
            match reply {
                Reply::Join(Ok(joined)) => self.joined(client, latest, joined),
                Reply::Join(Err(refused)) if refused.error == ErrorCode::MemberIdRequired => {
                    self.clients[client].member = refused.member;
                }
                Reply::Join(Err(refused)) => self.failed(client, latest, refused.error),
                Reply::Sync(Ok(synced)) => self.synced(client, &synced),
                Reply::Sync(Err(error)) | Reply::Heartbeat(Err(error)) => self.failed(client, latest, error),
                _ => {}
            }
        }
    }

    fn identify(&mut self, joined: &Joined) {
        for member in &joined.members {
            let identity = member.instance.as_ref().map_or(member.member.as_str(), InstanceId::as_str);
            self.identities.insert(member.member.clone(), identity.to_owned());
        }
    }

    fn joined(&mut self, client: usize, latest: bool, joined: Joined) {
        if let Some(instance) = &self.clients[client].instance {
            self.identities.insert(joined.member.clone(), instance.to_string());
        }
        let leader = self.identities[&joined.leader].clone();
        let told =
            self.told.entry(joined.generation).or_insert_with(|| (leader.clone(), joined.protocol.clone()));
        assert_eq!((&told.0, &told.1), (&leader, &joined.protocol), "members are told different things");
        assert!(joined.members.is_empty() || joined.leader == joined.member, "two members lead");
        if latest {
            let generation = joined.generation;
            let identities = &self.identities;
            let assigns = joined.members.iter().map(|member| {
                (member.member.clone(), format!("{generation}/{}", identities[&member.member]))
            });
            let known = &mut self.clients[client];
            known.assigns = Some(if joined.skip_assignment { Vec::new() } else { assigns.collect() });
            known.generation = generation;
            known.member = Some(joined.member);
        }
    }

    /// The assignment is the one that the leader of this generation gave to this very member.
    fn synced(&mut self, client: usize, synced: &Synced) {
        let known = &self.clients[client];
        let (Some(member), generation) = (&known.member, known.generation) else {
            return;
        };
        if let Some(identity) = self.identities.get(member) {
            assert_eq!(synced.assignment, format!("{generation}/{identity}"));
        }
    }

    fn failed(&mut self, client: usize, latest: bool, error: ErrorCode) {
        let lost = matches!(
            error,
            ErrorCode::UnknownMemberId | ErrorCode::FencedInstanceId | ErrorCode::IllegalGeneration
        );
        if latest && lost {
            self.clients[client].member = None;
        }
    }

    fn check_generation(&mut self) {
        match self.groups.describe(&group()) {
            None => {
                self.generation = 0;
                self.told.clear();
            }
            Some(described) => {
                assert!(described.generation >= self.generation, "a generation goes back");
                self.generation = described.generation;
            }
        }
    }

    fn check_replay(&self) {
        let replayed = self.replayed();
        let committed = |groups: &Groups| {
            groups
                .committed_offsets(&group())
                .map(|(at, committed)| (at.clone(), committed.clone()))
                .collect::<Vec<_>>()
        };
        assert_eq!(committed(&replayed), committed(&self.groups));
        let unstable = |groups: &Groups| groups.unstable_partitions(&group()).cloned().collect::<Vec<_>>();
        assert_eq!(unstable(&replayed), unstable(&self.groups));
        let Some(live) = self.groups.describe(&group()) else {
            assert_eq!(replayed.describe(&group()), None);
            return;
        };
        let at_rest = matches!(live.state, GroupState::Stable | GroupState::Empty);
        if at_rest && live.generation > 0 {
            assert_eq!(replayed.describe(&group()), Some(live));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn every_schedule_keeps_the_invariants(
        delay_ms in prop_oneof![Just(0_u64), Just(3000)],
        max_group_size in prop_oneof![Just(100_usize), Just(3)],
        steps in prop::collection::vec(step(), 1..250),
    ) {
        let config = GroupsConfig {
            initial_rebalance_delay: Duration::from_millis(delay_ms),
            max_group_size,
            ..GroupsConfig::default()
        };
        let mut world = World::new(config);
        for step in steps {
            world.take(step);
        }
        // Left alone, everybody who waits is answered, and in the end the group is empty and forgotten.
        world.wait(Duration::from_mins(30));
        prop_assert_eq!(&world.open, &BTreeMap::new());
        world.check_replay();
        let state = world.groups.describe(&group()).map(|described| described.state);
        prop_assert!(matches!(state, None | Some(GroupState::Empty)), "{:?}", state);
    }
}
