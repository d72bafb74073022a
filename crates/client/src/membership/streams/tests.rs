//! Tables: what answers lead to. Members against a model of a coordinator are in [`model`].

mod model;

use super::*;

const NOTHING: [String; 0] = [];
const BACKOFF: Duration = Duration::from_millis(130);
const INTERVAL: Duration = Duration::from_secs(5);
const JOIN: &str = "heartbeat 0 as p within 300000 runs 3 has [] [] []";
const EVERYTHING: &str = "heartbeat 1 as p within 300000 has [0,1] [] []";

fn config() -> StreamsConfig {
    StreamsConfig {
        group: "g".into(),
        instance_id: None,
        rack: None,
        max_poll_interval: Duration::from_mins(5),
        process_id: "p".into(),
        topology: Topology { epoch: 3, ..Topology::default() },
        endpoint: None,
        tags: BTreeMap::new(),
        backoff: Backoff::new(Duration::from_millis(100), Duration::from_secs(1)),
    }
}

fn task_ids(partitions: &[i32]) -> Vec<StreamsGroupHeartbeatResponseTaskIds> {
    let ids = StreamsGroupHeartbeatResponseTaskIds {
        subtopology_id: "0".to_owned(),
        partitions: partitions.to_vec(),
    };
    if partitions.is_empty() { vec![] } else { vec![ids] }
}

fn numbers(tasks: &Tasks) -> String {
    tasks.iter().map(|task| task.partition.0.to_string()).collect::<Vec<_>>().join(",")
}

fn listed(tasks: &TaskAssignment) -> String {
    format!("[{}] [{}]", numbers(&tasks.active), numbers(&tasks.standby))
}

struct Member {
    member: StreamsMember,
    now: Monotonic,
    ticket: Ticket,
}

impl Member {
    fn new(config: StreamsConfig) -> Self {
        let mut member = StreamsMember::new(config, Entropy::from_seed(1));
        member.join(Monotonic::ORIGIN);
        Self { member, now: Monotonic::ORIGIN, ticket: 0 }
    }

    /// In epoch 1, at work on the tasks 0 and 1, which all concerned know.
    fn joined() -> Self {
        let mut member = Self::new(config());
        assert_eq!(member.effects(), [JOIN]);
        member.accept(1, Some((&[0, 1], &[])));
        assert_eq!(member.poll(), ["assigned [0,1] []"]);
        assert_eq!(member.effects(), ["heartbeat 1 has [0,1] [] []"]);
        member.accept(1, None);
        assert_eq!((member.effects(), member.poll()), (vec![], vec![]));
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
        let (ticket, verb, beat) = match effect {
            Effect::Send(ticket, GroupRequest::StreamsHeartbeat(beat)) => (ticket, "heartbeat", beat),
            Effect::Send(ticket, GroupRequest::StreamsLeave(beat)) => (ticket, "leave", beat),
            Effect::ForgetCoordinator => return "forget the coordinator".into(),
            other => unreachable!("{other:?}"),
        };
        self.ticket = ticket;
        let ids = |ids: Vec<
            headwater_wire::messages::streams_group_heartbeat::StreamsGroupHeartbeatRequestTaskIds,
        >| {
            let numbers = ids.iter().flat_map(|ids| &ids.partitions).map(ToString::to_string);
            format!(" [{}]", numbers.collect::<Vec<_>>().join(","))
        };
        let has = beat.active_tasks.is_some();
        let words = [
            Some(format!("{verb} {}", beat.member_epoch)),
            beat.process_id.map(|process| format!(" as {process}")),
            Some(beat.rebalance_timeout_ms).filter(|ms| *ms >= 0).map(|ms| format!(" within {ms}")),
            beat.topology.map(|topology| format!(" runs {}", topology.epoch)),
            has.then(|| " has".to_owned()),
            beat.active_tasks.map(ids),
            beat.standby_tasks.map(ids),
            beat.warmup_tasks.map(ids),
            beat.task_offsets.map(|offsets| format!(" reached {}", offsets.len())),
            beat.shutdown_application.then(|| " shutdown".to_owned()),
        ];
        words.into_iter().flatten().collect()
    }

    fn poll(&mut self) -> Vec<String> {
        self.member.poll_begins(self.now);
        self.member.let_go();
        let mut told = Vec::new();
        while let Some(news) = self.member.next_news() {
            told.push(match news {
                StreamsNews::Assigned(tasks) => format!("assigned {}", listed(&tasks)),
                StreamsNews::Revoked(tasks) => format!("revoked {}", listed(&tasks)),
                StreamsNews::Lost(tasks) => format!("lost {}", listed(&tasks)),
                StreamsNews::Status(status) => {
                    let words = status.iter().map(|status| format!(" {:?}", status.code));
                    format!("status{}", words.collect::<String>())
                }
                StreamsNews::Endpoints(endpoints) => format!("{} endpoints", endpoints.len()),
                StreamsNews::Failed(error) => format!("failed: {error}"),
            });
        }
        self.member.poll_ends(self.now);
        told
    }

    fn answer(&mut self, response: StreamsGroupHeartbeatResponse) {
        let answer = GroupAnswer::StreamsHeartbeat(Ok(Box::new(response)));
        self.member.answered(self.ticket, answer, self.now);
    }

    /// `assigned`: active and standby tasks.
    fn accept(&mut self, member_epoch: i32, assigned: Option<(&[i32], &[i32])>) {
        self.answer(StreamsGroupHeartbeatResponse {
            member_epoch,
            heartbeat_interval_ms: INTERVAL.as_millis() as i32,
            active_tasks: assigned.map(|(active, _)| task_ids(active)),
            standby_tasks: assigned.map(|(_, standby)| task_ids(standby)),
            warmup_tasks: assigned.map(|_| vec![]),
            ..Default::default()
        });
    }

    fn refuse(&mut self, error: ErrorCode) {
        let error_message = Some("so it said".to_owned());
        let error_code = error.code();
        self.answer(StreamsGroupHeartbeatResponse { error_code, error_message, ..Default::default() });
    }

    fn farewell_is_answered(&mut self) {
        self.member.answered(self.ticket, GroupAnswer::Leave, self.now);
    }
}

#[test]
fn who_joins_says_what_it_runs_and_then_only_what_is_new() {
    let mut member = Member::joined();
    assert_eq!(member.advance(INTERVAL).effects(), ["heartbeat 1"]);
    member.accept(1, None);
    let offsets = TaskOffsets { reached: [(TaskId::new("0", 1), 7)].into(), ends: BTreeMap::new() };
    member.member.report(offsets);
    assert_eq!(member.effects(), NOTHING);
    assert_eq!(member.advance(INTERVAL).effects(), ["heartbeat 1 reached 1"]);
}

#[test]
fn a_member_without_tasks_hears_of_that_and_confirms_it() {
    let mut member = Member::new(config());
    member.effects();
    member.accept(1, Some((&[], &[])));
    assert_eq!(member.poll(), ["assigned [] []"]);
    assert_eq!(member.effects(), ["heartbeat 1 has [] [] []"]);
}

#[test]
fn tasks_go_before_others_come_and_a_role_that_changes_is_both() {
    let mut member = Member::joined();
    member.advance(INTERVAL).effects();
    // Task 0 is to be kept a copy of from now on.
    member.accept(2, Some((&[1, 2], &[0])));
    assert_eq!(member.poll(), ["revoked [0] []"]);
    assert_eq!(member.effects(), NOTHING, "the application may still work on it");
    assert_eq!(member.advance(INTERVAL).effects(), ["heartbeat 2"]);
    member.accept(2, None);
    assert_eq!(member.poll(), NOTHING, "nothing is added before the coordinator has heard");
    assert_eq!(member.effects(), ["heartbeat 2 has [1] [] []"]);
    member.accept(2, None);
    assert_eq!(member.poll(), ["assigned [2] [0]"]);
    assert_eq!(member.effects(), ["heartbeat 2 has [1,2] [0] []"]);
}

#[test]
fn an_assignment_that_changes_before_the_application_hears_of_it_is_not_heard_of() {
    let mut member = Member::joined();
    for (epoch, active) in [(2, &[0, 1, 2][..]), (3, &[0, 1])] {
        member.advance(INTERVAL).effects();
        member.accept(epoch, Some((active, &[])));
    }
    assert_eq!(member.effects(), ["heartbeat 3 has [0,1] [] []"], "what is there already is confirmed");
    assert_eq!(member.poll(), NOTHING);
}

#[test]
fn who_is_unknown_or_fenced_loses_everything_and_joins_at_once() {
    for error in [ErrorCode::UnknownMemberId, ErrorCode::FencedMemberEpoch, ErrorCode::GroupIdNotFound] {
        let mut member = Member::joined();
        member.advance(INTERVAL).effects();
        member.refuse(error);
        assert_eq!(member.effects(), [JOIN], "{error}");
        assert_eq!(member.poll(), ["lost [0,1] []"]);
        assert_eq!(member.member.identity(), None);
    }
}

#[test]
fn nothing_is_committed_before_the_application_hears_of_what_it_has_lost() {
    let mut member = Member::joined();
    member.advance(INTERVAL).effects();
    member.refuse(ErrorCode::UnknownMemberId);
    assert_eq!(member.effects(), [JOIN]);
    member.accept(7, Some((&[], &[])));
    assert_eq!(member.member.identity(), None);
    assert_eq!(member.poll().first().map(String::as_str), Some("lost [0,1] []"));
    assert!(member.member.identity().is_some_and(|identity| identity.generation == 7));
}

#[test]
fn who_was_told_to_let_go_and_is_put_out_loses_what_it_has_not_let_go_of() {
    let mut member = Member::joined();
    member.advance(INTERVAL).effects();
    member.accept(2, Some((&[1], &[])));
    assert_eq!(member.poll(), ["revoked [0] []"]);
    member.advance(INTERVAL).effects();
    member.refuse(ErrorCode::UnknownMemberId);
    assert_eq!(member.poll(), ["lost [0,1] []"]);
}

#[test]
fn who_is_fenced_when_joining_leaves_first() {
    let mut member = Member::new(config());
    member.effects();
    member.refuse(ErrorCode::FencedMemberEpoch);
    assert_eq!(member.effects(), ["leave -1"]);
    assert_eq!(member.advance(BACKOFF).effects(), NOTHING, "the farewell is not answered");
    member.farewell_is_answered();
    assert_eq!(member.effects(), [JOIN]);
}

#[test]
fn what_passes_is_repeated_in_whole_after_a_wait() {
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
        assert_eq!(member.advance(BACKOFF).effects(), [EVERYTHING], "{error}");
        assert_eq!(member.poll(), NOTHING, "it has what it had");
    }
}

#[test]
fn refusals_that_do_not_pass_are_told_once_and_the_next_poll_tries_again() {
    for (error, words) in [
        (ErrorCode::StreamsInvalidTopology, "the topology is invalid (error code 130): so it said"),
        (ErrorCode::StreamsTopologyFenced, "(StreamsGroupHeartbeat)"),
        (ErrorCode::GroupMaxSizeReached, "the group is full"),
        (ErrorCode::UnsupportedVersion, "does not offer streams groups"),
    ] {
        let mut member = Member::new(config());
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
    for (instance_id, leave) in [(None, "leave -1"), (Some("i".to_owned()), "leave -2")] {
        let mut member = Member::new(StreamsConfig { instance_id, ..config() });
        member.effects();
        member.accept(1, Some((&[0], &[])));
        member.poll();
        member.effects();
        member.accept(1, None);
        assert_eq!(member.advance(Duration::from_mins(5)).effects(), [leave]);
        let told = member.poll();
        assert!(told[0] == "lost [0] []" && told[1].contains("did not poll for 300000 ms"), "{told:?}");
        assert_eq!(member.poll(), NOTHING);
        member.farewell_is_answered();
        assert_eq!(member.effects(), [JOIN]);
    }
}

#[test]
fn what_there_is_to_know_of_the_group_is_told_when_it_changes() {
    let mut member = Member::joined();
    let status = |codes: &[i8]| {
        let one = |code: &i8| Status { status_code: *code, ..Default::default() };
        Some(codes.iter().map(one).collect())
    };
    for (status, told) in [
        (status(&[1, 99]), vec!["status MissingSourceTopics Other(99)"]),
        (status(&[1, 99]), vec![]),
        (None, vec![]),
        (status(&[]), vec!["status"]),
    ] {
        member.advance(INTERVAL).effects();
        member.answer(StreamsGroupHeartbeatResponse { member_epoch: 1, status, ..Default::default() });
        assert_eq!(member.poll(), told);
    }
    // Who begins anew knows nothing of it any more.
    member.advance(INTERVAL).effects();
    let status = status(&[1]);
    member.answer(StreamsGroupHeartbeatResponse { member_epoch: 1, status, ..Default::default() });
    member.advance(INTERVAL).effects();
    member.refuse(ErrorCode::UnknownMemberId);
    assert_eq!(member.poll(), ["status MissingSourceTopics", "lost [0,1] []", "status"]);
}

#[test]
fn asking_all_to_end_is_told_at_once_and_again_until_it_is_heard() {
    let mut member = Member::joined();
    member.member.request_shutdown();
    assert_eq!(member.effects(), ["heartbeat 1 shutdown"]);
    member.refuse(ErrorCode::NotCoordinator);
    member.effects();
    assert_eq!(member.advance(BACKOFF).effects(), [format!("{EVERYTHING} shutdown")]);
}

#[test]
fn a_commit_that_is_refused_asks_the_coordinator_at_once() {
    let mut member = Member::joined();
    member.member.commit_refused(0, ErrorCode::StaleMemberEpoch, member.now);
    member.member.commit_refused(1, ErrorCode::OffsetMetadataTooLarge, member.now);
    assert_eq!(member.effects(), NOTHING);
    member.member.commit_refused(1, ErrorCode::StaleMemberEpoch, member.now);
    assert_eq!(member.effects(), ["heartbeat 1"]);
}

#[test]
fn leaving_is_told_once() {
    let mut member = Member::joined();
    member.member.leave();
    assert_eq!(member.effects(), ["leave -1"]);
    assert_eq!((member.poll(), member.member.deadline()), (vec![], None));
    let mut stranger = Member::new(config());
    stranger.member.leave();
    assert_eq!(stranger.effects(), NOTHING, "nobody knows it");
}
