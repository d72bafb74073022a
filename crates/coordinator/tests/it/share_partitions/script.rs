//! A small language for scripts on one share-partition: one command a line. The outcome repeats each line after `>` and
//! tells what it led to.
//!
//! - `begin OFFSET`, `alter OFFSET`, `forget`, `log-start OFFSET`
//! - `take CLIENT BATCH .. [from=OFFSET] [max=N] [size=N] [strict]`: a BATCH is FIRST-LAST, with `!` after it if it is not for
//!   consumers; it is read from where it says itself that reading is to begin, if not said
//! - `ack CLIENT FIRST-LAST:TYPES ..`: a TYPE is `a`ccept, `r`elease, re`j`ect, `g`ap or re`n`ew
//! - `close CLIENT`; `dead FIRST-LAST`: is in the dead-letter topic
//! - `wait S`; `restart [without=N]`: the state is replayed, without the last records; `show`

use std::fmt::Write;
use std::time::Duration;

use expect_test::Expect;
use headwater_coordinator::{
    Acknowledge, AcknowledgementBatch, Acknowledgements, Acquire, AcquireMode, DeadLetters, MemberGone,
    MemberId, Now, ReadBatch, SharePartitionChange, SharePartitionEffects, SharePartitionId,
    SharePartitionReply, SharePartitions, SharePartitionsConfig, SharePartitionsGone, ShareSettings,
    ShareStateChange, StateBatch, Token,
};
use headwater_model::{Monotonic, Offset, PartitionId, Timestamp, Uuid};

#[track_caller]
pub(super) fn check(script: &str, expected: Expect) {
    check_with(ShareSettings::default(), script, expected);
}

#[track_caller]
#[expect(clippy::needless_pass_by_value, reason = "an Expect is written in place")]
pub(super) fn check_with(settings: ShareSettings, script: &str, expected: Expect) {
    let config =
        SharePartitionsConfig { settings, updates_per_snapshot: 3, ..SharePartitionsConfig::default() };
    let mut run = Run {
        machine: SharePartitions::new(config.clone()),
        config,
        elapsed: Duration::ZERO,
        log: Vec::new(),
        tokens: 0,
        out: String::new(),
    };
    for line in script.lines().map(str::trim).filter(|line| !line.is_empty()) {
        writeln!(run.out, "> {line}").unwrap();
        run.line(line);
    }
    expected.assert_eq(&run.out);
}

pub(super) fn id() -> SharePartitionId {
    SharePartitionId { group: "g".into(), topic: Uuid::from_u64_pair(0, 1), partition: PartitionId(0) }
}

pub(super) fn at(elapsed: Duration) -> Now {
    Now { monotonic: Monotonic::from_origin(elapsed), wall: Timestamp(0) }
}

fn span(text: &str) -> (Offset, Offset) {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    (Offset(first.parse().unwrap()), Offset(last.parse().unwrap()))
}

fn show_span(first: Offset, last: Offset) -> String {
    if first == last { first.to_string() } else { format!("{first}-{last}") }
}

fn batch(text: &str) -> ReadBatch {
    let (first, last) = span(text.trim_end_matches('!'));
    ReadBatch { first, last, is_deliverable: !text.ends_with('!') }
}

fn acknowledgement(text: &str) -> AcknowledgementBatch {
    let (offsets, types) = text.split_once(':').unwrap();
    let (first, last) = span(offsets);
    let types = types.chars().map(|letter| match letter {
        'a' => Acknowledge::Accept,
        'r' => Acknowledge::Release,
        'j' => Acknowledge::Reject,
        'g' => Acknowledge::Gap,
        'n' => Acknowledge::Renew,
        other => panic!("unknown type {other}"),
    });
    AcknowledgementBatch { first, last, types: types.collect() }
}

struct Run {
    config: SharePartitionsConfig,
    machine: SharePartitions,
    elapsed: Duration,
    log: Vec<SharePartitionChange>,
    tokens: u64,
    out: String,
}

impl Run {
    fn line(&mut self, line: &str) {
        let mut words = line.split_whitespace();
        let command = words.next().unwrap();
        let (options, plain): (Vec<&str>, Vec<&str>) = words.partition(|word| word.contains('='));
        let option = |key: &str| {
            let given = options.iter().find_map(|word| word.strip_prefix(key)?.strip_prefix('='));
            given.map(|value| value.parse::<i64>().unwrap())
        };
        let offset = || Offset(plain[0].parse().unwrap());
        self.tokens += 1;
        let (now, token) = (at(self.elapsed), Token(self.tokens));
        let member = || MemberId::new(plain[0]);
        let group = id().group;
        let effects = match command {
            "begin" => self.machine.begin(token, &id(), offset()),
            "alter" => self.machine.alter(now, token, &id(), offset()),
            "forget" => self.machine.forget(token, &SharePartitionsGone::Group(group)),
            "log-start" => self.machine.log_start_moved(now, id().topic, id().partition, offset()),
            "take" => {
                let strict = plain.contains(&"strict");
                let batches = plain[1..].iter().filter(|word| **word != "strict").map(|word| batch(word));
                let from = option("from").map(Offset).or_else(|| self.machine.next_fetch_offset(&id()));
                let request = Acquire {
                    member: member(),
                    mode: if strict { AcquireMode::RecordLimit } else { AcquireMode::BatchOptimized },
                    max_records: option("max").unwrap_or(500) as u64,
                    batch_size: option("size").unwrap_or(500) as u64,
                    from: from.unwrap_or(Offset::ZERO),
                    batches: batches.collect(),
                };
                self.machine.acquire(now, token, &id(), &request)
            }
            "ack" => {
                let batches: Vec<_> = plain[1..].iter().map(|word| acknowledgement(word)).collect();
                self.machine.acknowledge(now, token, &id(), &Acknowledgements { member: member(), batches })
            }
            "close" => {
                let gone = MemberGone { group, member: member() };
                self.machine.release(now, token, &gone)
            }
            "dead" => {
                let (first, last) = span(plain[0]);
                self.machine.dead_lettered(now, &id(), first, last)
            }
            "wait" => return self.wait(Duration::from_secs_f64(plain[0].parse().unwrap())),
            "restart" => return self.restart(option("without").unwrap_or(0) as usize),
            "show" => return self.describe(),
            unknown => panic!("unknown command {unknown}"),
        };
        self.show(effects);
    }

    fn wait(&mut self, duration: Duration) {
        let until = self.elapsed + duration;
        while let Some(next) = self.machine.next_deadline()
            && next.since_origin() <= until
        {
            self.elapsed = next.since_origin();
            writeln!(self.out, "at {}s:", self.elapsed.as_secs_f64()).unwrap();
            let effects = self.machine.tick(at(self.elapsed));
            self.show(effects);
        }
        self.elapsed = until;
    }

    fn restart(&mut self, without: usize) {
        self.log.truncate(self.log.len() - without);
        self.machine = SharePartitions::new(self.config.clone());
        self.log.iter().cloned().for_each(|change| self.machine.replay(change));
        let effects = self.machine.loaded();
        self.show(effects);
    }

    fn describe(&mut self) {
        let Some(described) = self.machine.describe(&id()) else {
            writeln!(self.out, "has not begun").unwrap();
            return;
        };
        let (start, end, epoch) = (described.start, described.end, described.state_epoch);
        let (in_flight, completed) = (described.in_flight, described.completed);
        let next =
            self.machine.next_fetch_offset(&id()).map_or("nothing".to_owned(), |next| next.to_string());
        writeln!(
            self.out,
            "{start}..{end} epoch={epoch} in flight={in_flight} completed={completed} next={next}"
        )
        .unwrap();
    }

    fn show(&mut self, effects: SharePartitionEffects) {
        for (token, reply) in effects.replies {
            assert_eq!(token, Token(self.tokens));
            self.show_reply(reply);
        }
        for DeadLetters { first, last, deliveries, cause, .. } in effects.dead_letters {
            writeln!(self.out, "! {} {cause:?} after {deliveries}", show_span(first, last)).unwrap();
        }
        for change in effects.records {
            self.show_change(&change.change);
            self.log.push(change);
        }
        if !effects.freed.is_empty() {
            writeln!(self.out, "freed").unwrap();
        }
    }

    fn show_reply(&mut self, reply: SharePartitionReply) {
        let line = match reply {
            SharePartitionReply::Begin(outcome) => match outcome {
                Ok(start) => format!("begins at {start}"),
                Err(error) => format!("{error:?}"),
            },
            SharePartitionReply::Acquire(Err(error)) | SharePartitionReply::Alter(Err(error)) => {
                format!("{error:?}")
            }
            SharePartitionReply::Acquire(Ok(acquired)) => {
                let one = |acquired: &headwater_coordinator::Acquired| {
                    format!("{} ({})", show_span(acquired.first, acquired.last), acquired.deliveries)
                };
                format!("gets [{}]", acquired.iter().map(one).collect::<Vec<_>>().join(", "))
            }
            SharePartitionReply::Acknowledge(Err(refused)) => {
                format!("{:?}: {}", refused.error, refused.message)
            }
            SharePartitionReply::Acknowledge(Ok(())) | SharePartitionReply::Alter(Ok(())) => "ok".to_owned(),
            SharePartitionReply::Release => return,
            SharePartitionReply::Forget(ended) => format!("{} ended", ended.len()),
        };
        writeln!(self.out, "{line}").unwrap();
    }

    fn show_change(&mut self, change: &ShareStateChange) {
        let line = match change {
            ShareStateChange::Snapshot(snapshot) => {
                let (number, epoch) = (snapshot.snapshot_epoch, snapshot.state_epoch);
                let batches = show_batches(&snapshot.batches);
                format!("snapshot {number} epoch={epoch} start={}{batches}", snapshot.start)
            }
            ShareStateChange::Update { slot, update } => {
                let (number, batches) = (update.snapshot_epoch, show_batches(&update.batches));
                format!("update {number}.{slot} start={}{batches}", update.start)
            }
            ShareStateChange::SnapshotForgotten => "snapshot forgotten".to_owned(),
            ShareStateChange::UpdateForgotten { slot } => format!("update {slot} forgotten"),
        };
        writeln!(self.out, "+ {line}").unwrap();
    }
}

/// Each after a space.
fn show_batches(batches: &[StateBatch]) -> String {
    let mut text = String::new();
    for StateBatch { first, last, state, deliveries } in batches {
        write!(text, " {}:{state:?}", show_span(*first, *last)).unwrap();
        if *deliveries > 0 {
            write!(text, "({deliveries})").unwrap();
        }
    }
    text
}
