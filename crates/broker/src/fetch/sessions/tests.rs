//! Sessions against the rules of KIP-227, and against a client that keeps the whole picture itself.

use super::*;
use headwater_model::Entropy;
use proptest::prelude::*;

const LIMITS: SessionLimits = SessionLimits { sessions: 2, partitions: 5, idle: Duration::from_mins(2) };

struct World {
    sessions: Sessions,
    entropy: Entropy,
    now: Monotonic,
}

impl World {
    fn new() -> Self {
        let sessions = Sessions::new(LIMITS);
        Self { sessions, entropy: Entropy::from_seed(1), now: Monotonic::ORIGIN }
    }

    fn begin(
        &mut self,
        id: i32,
        epoch: i32,
        asks: &[(i32, i64)],
        forgotten: &[i32],
    ) -> Result<Begun, ErrorCode> {
        self.begin_by(false, id, epoch, asks, forgotten)
    }

    fn begin_by(
        &mut self,
        by_id: bool,
        id: i32,
        epoch: i32,
        asks: &[(i32, i64)],
        forgotten: &[i32],
    ) -> Result<Begun, ErrorCode> {
        let asks = each_once(asks.iter().map(|(partition, from)| ask(*partition, *from)).collect());
        let forgotten = forgotten.iter().map(|partition| ask(*partition, 0).place()).collect();
        let request = SessionRequest { id, epoch, by_id, asks, forgotten };
        self.sessions.begin(request, self.now, || self.entropy.next_u64())
    }

    /// Begins a session and finishes its first answer.
    fn open(&mut self, partitions: &[i32]) -> i32 {
        let asks: Vec<_> = partitions.iter().map(|partition| (*partition, 0)).collect();
        let begun = self.begin(0, 0, &asks, &[]).unwrap();
        let told = vec![quiet(0); begun.asks.len()];
        self.sessions.finish(&begun, &told);
        begun.kind.session_id()
    }
}

fn ask(partition: i32, from: i64) -> Ask {
    Ask { topic: TopicKey::Name("t".into()), partition, from, max_bytes: 1, leader_epoch: -1 }
}

fn quiet(high_watermark: i64) -> Told {
    Told { high_watermark, log_start: 0, is_error: false, has_records: false }
}

fn order(begun: &Begun) -> Vec<(i32, i64)> {
    begun.asks.iter().map(|ask| (ask.partition, ask.from)).collect()
}

#[test]
fn a_session_remembers_what_is_read_and_takes_changes() {
    let mut world = World::new();
    let id = world.open(&[0, 1, 2]);
    assert_ne!(id, 0);
    let second = world.begin(id, 1, &[(1, 7), (3, 9)], &[0]).unwrap();
    assert_eq!(second.kind, Kind::Incremental { id });
    assert_eq!(order(&second), [(1, 7), (2, 0), (3, 9)]);
    let third = world.begin(id, 2, &[], &[]).unwrap();
    assert_eq!(order(&third), order(&second));
}

#[test]
fn only_news_is_told_and_errors_until_they_are_gone() {
    let mut world = World::new();
    let id = world.open(&[0, 1]);
    let mut told = |epoch, first: Told, second: Told| {
        let begun = world.begin(id, epoch, &[], &[]).unwrap();
        world.sessions.finish(&begun, &[first, second])
    };
    let failed = Told { is_error: true, ..quiet(-1) };
    assert_eq!(told(1, quiet(0), quiet(0)), [false, false]);
    assert_eq!(told(2, quiet(0), quiet(1)), [false, true], "the high watermark moved");
    assert_eq!(told(3, quiet(0), Told { log_start: 1, ..quiet(1) }), [false, true], "the start moved");
    assert_eq!(told(4, failed, Told { log_start: 1, ..quiet(1) }), [true, false]);
    assert_eq!(told(5, failed, Told { log_start: 1, ..quiet(1) }), [true, false], "and again");
    assert_eq!(told(6, quiet(0), Told { log_start: 1, ..quiet(1) }), [true, false], "the error is gone");
}

#[test]
fn who_gave_records_goes_behind_the_others() {
    let mut world = World::new();
    let id = world.open(&[0, 1, 2]);
    let begun = world.begin(id, 1, &[], &[]).unwrap();
    let full = Told { has_records: true, ..quiet(0) };
    assert_eq!(world.sessions.finish(&begun, &[full, quiet(0), full]), [true, false, true]);
    let next = world.begin(id, 2, &[], &[]).unwrap();
    assert_eq!(order(&next), [(1, 0), (0, 0), (2, 0)]);
}

#[test]
fn wrong_ids_epochs_and_ways_to_name_topics_are_refused_and_change_nothing() {
    let mut world = World::new();
    let id = world.open(&[0]);
    assert_eq!(world.begin(id + 1, 1, &[], &[]).unwrap_err(), ErrorCode::FetchSessionIdNotFound);
    for epoch in [2, 7, i32::MIN] {
        let refused = world.begin(id, epoch, &[(4, 4)], &[0]).unwrap_err();
        assert_eq!(refused, ErrorCode::InvalidFetchSessionEpoch);
    }
    assert_eq!(world.begin_by(true, id, 1, &[], &[]).unwrap_err(), ErrorCode::FetchSessionTopicIdError);
    assert_eq!(order(&world.begin(id, 1, &[], &[]).unwrap()), [(0, 0)]);
}

#[test]
fn epochs_start_over_behind_the_greatest() {
    let mut world = World::new();
    let id = world.open(&[0]);
    world.sessions.by_id.get_mut(&id).unwrap().epoch = i32::MAX;
    world.begin(id, i32::MAX, &[], &[]).unwrap();
    world.begin(id, 1, &[], &[]).unwrap();
}

#[test]
fn a_session_ends_when_it_is_told_to_or_reads_nothing() {
    let mut world = World::new();
    let id = world.open(&[0]);
    assert_eq!(world.begin(id, -1, &[(0, 5)], &[]).unwrap().kind, Kind::Sessionless);
    assert_eq!(world.begin(id, 1, &[], &[]).unwrap_err(), ErrorCode::FetchSessionIdNotFound);
    let id = world.open(&[0]);
    assert_eq!(world.begin(id, 1, &[], &[0]).unwrap().kind, Kind::Sessionless);
    let id = world.open(&[0]);
    let anew = world.begin(id, 0, &[(1, 1)], &[]).unwrap().kind.session_id();
    assert_eq!(world.begin(id, 1, &[], &[]).unwrap_err(), ErrorCode::FetchSessionIdNotFound);
    assert_eq!(order(&world.begin(anew, 1, &[], &[]).unwrap()), [(1, 1)]);
}

#[test]
fn where_all_sessions_are_in_use_a_request_is_served_without() {
    let mut world = World::new();
    let (first, second) = (world.open(&[0]), world.open(&[0]));
    assert_eq!(world.open(&[0]), 0, "no room");
    world.now = Monotonic::from_origin(Duration::from_secs(119));
    world.begin(second, 1, &[], &[]).unwrap();
    world.now = Monotonic::from_origin(Duration::from_mins(2));
    assert_ne!(world.open(&[0]), 0, "the one that nobody used gave way");
    assert_eq!(world.begin(first, 1, &[], &[]).unwrap_err(), ErrorCode::FetchSessionIdNotFound);
    world.begin(second, 2, &[], &[]).unwrap();
}

#[test]
fn a_session_holds_only_so_many_partitions() {
    let mut world = World::new();
    assert_eq!(world.open(&[0, 1, 2, 3, 4, 5]), 0);
    let id = world.open(&[0, 1, 2, 3, 4]);
    let one_out_one_in = world.begin(id, 1, &[(1, 7), (5, 0)], &[0]).unwrap();
    assert_eq!(order(&one_out_one_in), [(1, 7), (2, 0), (3, 0), (4, 0), (5, 0)]);
    assert_eq!(world.begin(id, 2, &[(0, 0)], &[]).unwrap_err(), ErrorCode::FetchSessionIdNotFound);
    let whole = world.begin(0, 0, &[(0, 0), (1, 0), (2, 0), (3, 0), (4, 0), (5, 0)], &[]).unwrap();
    assert_eq!((whole.kind, whole.asks.len()), (Kind::Sessionless, 6), "served without a session");
}

#[test]
fn names_that_no_topic_can_have_are_not_remembered() {
    let mut world = World::new();
    let long = |partition| Ask { topic: TopicKey::Name("t".repeat(250).into()), ..ask(partition, 0) };
    let mut begin = |id, epoch, asks| {
        let request = SessionRequest { id, epoch, by_id: false, asks, forgotten: Vec::new() };
        world.sessions.begin(request, world.now, || world.entropy.next_u64())
    };
    assert_eq!(begin(0, 0, vec![ask(0, 0), long(0)]).unwrap().kind, Kind::Sessionless);
    let id = begin(0, 0, vec![ask(0, 0)]).unwrap().kind.session_id();
    assert_eq!(begin(id, 1, vec![long(0)]).unwrap_err(), ErrorCode::FetchSessionIdNotFound);
}

#[test]
fn a_partition_named_twice_is_read_once_as_the_last_one_says() {
    let kept = each_once(vec![ask(1, 10), ask(0, 20), ask(1, 30)]);
    assert_eq!(kept, [ask(1, 30), ask(0, 20)]);
}

proptest! {
    /// A client that puts together what it was told knows what one without a session is told.
    #[test]
    fn what_was_told_in_pieces_adds_up_to_the_whole(
        rounds in proptest::collection::vec(
            (proptest::collection::vec((0..5i32, 0..9i64), 0..3), proptest::collection::vec(0..5i32, 0..2),
             proptest::collection::vec((0..3i64, 0..2i64, 0..8u8), 5)),
            1..30,
        )
    ) {
        let mut world = World::new();
        let id = world.open(&[0, 1, 2, 3, 4]);
        let mut reads: BTreeMap<i32, i64> = (0..5).map(|partition| (partition, 0)).collect();
        let mut known: BTreeMap<i32, Option<(i64, i64)>> = (0..5).map(|partition| (partition, Some((0, 0)))).collect();
        for (epoch, (asks, forgotten, state)) in (1..).zip(rounds) {
            for partition in &forgotten {
                reads.remove(partition);
                known.remove(partition);
            }
            reads.extend(asks.iter().copied());
            if reads.is_empty() {
                break;
            }
            let begun = world.begin(id, epoch, &asks, &forgotten).unwrap();
            prop_assert_eq!(order(&begun).into_iter().collect::<BTreeMap<_, _>>(), reads.clone());
            let told: Vec<Told> = begun.asks.iter().map(|ask| {
                let (high_watermark, log_start, luck) = state[ask.partition as usize];
                Told { high_watermark, log_start, is_error: luck == 0, has_records: luck == 1 }
            }).collect();
            for (at, spoken) in world.sessions.finish(&begun, &told).into_iter().enumerate() {
                let truth = (!told[at].is_error).then_some((told[at].high_watermark, told[at].log_start));
                if spoken {
                    known.insert(begun.asks[at].partition, truth);
                }
                prop_assert_eq!(known[&begun.asks[at].partition], truth);
            }
        }
    }
}
