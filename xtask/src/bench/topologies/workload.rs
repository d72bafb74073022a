//! What is run: topologies over topics of so many records and keys, and the ways in which Kafka Streams can be set up for
//! them.

/// A topology over topics.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Workload {
    /// What a row is called.
    pub(super) name: String,
    /// What both programs call it.
    pub(super) topology: &'static str,
    pub(super) inputs: Vec<Input>,
    pub(super) commit_ms: u64,
    /// How much memory our stores on disk may take, if not as much as by default.
    pub(super) state_memory_mib: Option<u32>,
    pub(super) peers: &'static [Variant],
    /// How many keys its point of the plot stands for.
    pub(super) plotted_keys: Option<u64>,
}

/// A topic that is filled before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Input {
    pub(super) name: &'static str,
    pub(super) records: u64,
    pub(super) keys: u64,
    pub(super) draws: Draws,
    /// How much later its first record is than the first of all.
    pub(super) later_ms: u64,
}

/// How keys come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Draws {
    Uniformly,
    Skewed,
    InTurn,
}

/// Where state is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Store {
    /// There is none.
    Nowhere,
    InMemory,
    OnDisk,
}

/// How Kafka Streams is set up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Variant {
    pub(super) store: Store,
    /// With its cache of 10 MB in front of stores, as by default: it hands on only the last of several changes of a key.
    pub(super) cache: bool,
}

const STATELESS: &[Variant] = &[Variant { store: Store::Nowhere, cache: false }];
/// A cache changes neither what joins give nor, much, what they cost.
const JOINS: &[Variant] =
    &[Variant { store: Store::InMemory, cache: true }, Variant { store: Store::OnDisk, cache: true }];
const COUNTS: &[Variant] = &[
    Variant { store: Store::InMemory, cache: false },
    Variant { store: Store::InMemory, cache: true },
    Variant { store: Store::OnDisk, cache: false },
    Variant { store: Store::OnDisk, cache: true },
];

const ON_DISK: &[Variant] =
    &[Variant { store: Store::OnDisk, cache: false }, Variant { store: Store::OnDisk, cache: true }];

const SECOND: u64 = 1_000;
const FEW_KEYS: u64 = 100_000;

impl Workload {
    fn new(name: impl Into<String>, topology: &'static str, peers: &'static [Variant], input: Input) -> Self {
        let name = name.into();
        Self {
            name,
            topology,
            inputs: vec![input],
            commit_ms: SECOND,
            state_memory_mib: None,
            peers,
            plotted_keys: None,
        }
    }

    /// Records that are read from outside.
    pub(super) fn records(&self) -> u64 {
        self.inputs.iter().map(|input| input.records).sum()
    }

    /// Records that tasks take in, those of repartition topics included.
    pub(super) fn processed(&self) -> u64 {
        if self.topology == "repartition" { 2 * self.records() } else { self.records() }
    }

    /// The kinds of store that the peers have, each once.
    pub(super) fn stores(&self) -> Vec<Store> {
        let mut stores: Vec<Store> = self.peers.iter().map(|peer| peer.store).collect();
        stores.dedup();
        stores
    }

    /// What a row with this peer is called.
    pub(super) fn row(&self, peer: Variant) -> String {
        let differ = self.peers.iter().any(|other| other.store == peer.store && other.cache != peer.cache);
        let words = if differ { peer.words() } else { Variant { cache: false, ..peer }.words() };
        format!("{}{words}", self.name)
    }
}

impl Variant {
    /// To stand behind a name.
    pub(super) fn words(self) -> String {
        let store = match self.store {
            Store::Nowhere => "",
            Store::InMemory => ", in memory",
            Store::OnDisk => ", on disk",
        };
        let cache = if self.cache { ", its cache on" } else { "" };
        format!("{store}{cache}")
    }
}

/// All of them.
pub(super) fn all(is_quick: bool) -> Vec<Workload> {
    let few = if is_quick { 10 } else { 1 };
    let input = |records: u64, keys| Input {
        name: "in",
        records: records / few,
        keys,
        draws: Draws::Uniformly,
        later_ms: 0,
    };
    let usual = input(2_000_000, FEW_KEYS);
    let count = |name: &str, input| Workload::new(format!("count, {name}"), "count", COUNTS, input);
    let counted = [
        ("10 thousand keys", 10_000, 2_000_000),
        ("100 thousand keys", 100_000, 2_000_000),
        ("1 million keys", 1_000_000, 2_000_000),
        ("10 million keys", 10_000_000, 10_000_000),
    ];
    let mut all = vec![
        Workload::new("two filters and two maps", "stateless", STATELESS, usual),
        Workload::new("another key, repartition, map", "repartition", STATELESS, usual),
    ];
    all.extend(counted.map(|(name, keys, records)| Workload {
        plotted_keys: Some(keys),
        ..count(name, input(records, keys))
    }));
    // In less memory, all in all, than Kafka Streams takes for them.
    all.push(Workload {
        state_memory_mib: Some(768),
        peers: ON_DISK,
        ..count("10 million keys, 768 MiB for state", input(10_000_000, 10_000_000))
    });
    let skewed = Input { draws: Draws::Skewed, ..input(2_000_000, 1_000_000) };
    all.push(count("1 million keys, skewed", skewed));
    all.push(Workload { commit_ms: 30 * SECOND, ..count("100 thousand keys, a commit in 30 s", usual) });
    all.push(Workload::new("count per key and minute", "windows", COUNTS, input(2_000_000, 10_000)));
    all.extend(joins(usual));
    all
}

fn joins(usual: Input) -> [Workload; 2] {
    let table = Input { name: "table", records: FEW_KEYS, draws: Draws::InTurn, ..usual };
    let stream = Input { later_ms: FEW_KEYS, ..usual };
    let left = Input { records: usual.records / 2, ..usual };
    let right = Input { name: "right", ..left };
    let join = |name, topology, inputs| Workload { inputs, ..Workload::new(name, topology, JOINS, usual) };
    [
        join("stream with table", "table-join", vec![stream, table]),
        join("stream with stream, within a second", "stream-join", vec![left, right]),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_rows_have_one_name() {
        for is_quick in [false, true] {
            let mut names = Vec::new();
            for workload in all(is_quick) {
                names.extend(workload.peers.iter().map(|peer| workload.row(*peer)));
            }
            let mut once = names.clone();
            once.sort();
            once.dedup();
            assert_eq!(once.len(), names.len(), "{names:?}");
        }
    }

    #[test]
    fn a_row_tells_what_sets_its_peer_apart() {
        let all = all(false);
        let rows = |topology| {
            let found = all.iter().find(|workload| workload.topology == topology).unwrap();
            found.peers.iter().map(|peer| found.row(*peer)).collect::<Vec<_>>()
        };
        assert_eq!(rows("stateless"), ["two filters and two maps"]);
        assert_eq!(rows("table-join"), ["stream with table, in memory", "stream with table, on disk"]);
        assert_eq!(rows("windows")[1], "count per key and minute, in memory, its cache on");
    }

    #[test]
    fn records_of_a_repartition_topic_are_processed_too() {
        let all = all(true);
        let [stateless, repartition, ..] = all.as_slice() else { panic!("there are more") };
        assert_eq!(stateless.processed(), stateless.records());
        assert_eq!(repartition.processed(), 2 * repartition.records());
        assert_eq!(repartition.stores(), [Store::Nowhere]);
    }
}
