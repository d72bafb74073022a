//! After a power loss, whenever it comes, everything that a completed sync covered is there, unaltered and in order,
//! and what else is there is what was appended next.

use bytes::Bytes;
use headwater_log::sim::SimDisk;
use headwater_log::{Log, LogConfig, LogError, Poison};
use headwater_model::{Entropy, Offset};
use headwater_wire::batch::Compression;

use crate::support::*;

/// What a run has done so far.
#[derive(Default)]
struct Progress {
    /// The contents of all batches, in order; the last one's append may have failed.
    attempted: Vec<(Offset, Bytes)>,
    /// Up to where a completed sync reached.
    durable: Offset,
    /// The start that was asked for.
    start: Offset,
    /// The start that was confirmed.
    confirmed_start: Offset,
    /// The next sequence of the producer.
    sequence: i32,
}

impl Progress {
    /// Appends, rolls, syncs and removes at random; ends when the disk does.
    fn run(
        &mut self,
        log: &mut Log,
        disk: &SimDisk,
        entropy: &mut Entropy,
        steps: usize,
    ) -> Result<(), LogError> {
        for _ in 0..steps {
            match entropy.below(12) {
                0 => log.roll()?,
                1 => {
                    let oldest = self.start.0 as u64;
                    self.start = Offset(
                        (oldest + entropy.below((self.durable.0 as u64).max(oldest) - oldest + 1)) as i64,
                    );
                    log.set_start_offset(self.start)?;
                    self.confirmed_start = self.start;
                    log.apply_retention(now(), self.durable)?;
                }
                2..5 => self.sync(log, disk)?,
                _ => self.append(log, entropy)?,
            }
        }
        Ok(())
    }

    fn append(&mut self, log: &mut Log, entropy: &mut Entropy) -> Result<(), LogError> {
        let count = 1 + entropy.below(3) as usize;
        let bytes = if entropy.chance(1, 2) {
            let bytes = sequenced(7, 0, self.sequence, count);
            self.sequence += count as i32;
            bytes
        } else {
            let value = "v".repeat(entropy.below(400) as usize);
            batch(Compression::None, &vec![(entropy.below(1_000) as i64, value.as_str()); count])
        };
        self.attempted.push((log.end_offset(), bytes.slice(16..)));
        log.append(bytes, assign()).map(drop)
    }

    /// In two halves, sometimes with appends in between.
    fn sync(&mut self, log: &mut Log, disk: &SimDisk) -> Result<(), LogError> {
        let Some(ticket) = log.begin_sync() else {
            return Ok(());
        };
        let mut between = Entropy::from_seed(self.attempted.len() as u64);
        if between.chance(1, 3) {
            self.append(log, &mut between)?;
        }
        if let Err(error) = ticket.sync(disk) {
            log.poison(Poison::from(&error));
            return Err(Poison::from(&error).into());
        }
        self.durable = ticket.durable_to();
        log.complete_sync(ticket);
        Ok(())
    }

    /// Checks what a recovered log holds.
    fn check(&self, log: &mut Log) {
        let (start, end) = (log.start_offset(), log.end_offset());
        assert!(end >= self.durable, "ends at {end}, {} was durable", self.durable);
        assert!(start >= self.confirmed_start && start <= self.start.max(self.confirmed_start));
        let found = contents(&read_all(log));
        let from = self.attempted.partition_point(|(offset, _)| *offset < start);
        let from = if start < end && found[0].0 < start { from - 1 } else { from };
        let expected = self.attempted.get(from..from + found.len()).unwrap();
        assert!(found == expected, "what is there is not what was appended");
        // The producer's memory is that of what is there.
        let sequences = |(_, content): &&(Offset, Bytes)| content[27..35] == 7_i64.to_be_bytes();
        if let Some((offset, content)) = found.iter().rev().find(sequences) {
            let sequence = i32::from_be_bytes(content[37..41].try_into().unwrap());
            let count = i32::from_be_bytes(content[41..45].try_into().unwrap());
            let again = log.append(sequenced(7, 0, sequence, count as usize), assign()).unwrap();
            assert_eq!((again.duplicate, again.first_offset), (true, *offset));
            assert!(log.append(sequenced(7, 0, sequence + count + 1, 1), assign()).is_err());
        }
    }
}

fn config() -> LogConfig {
    LogConfig { retention_ms: None, ..small() }
}

#[test]
fn nothing_durable_is_lost_wherever_the_power_fails() {
    for seed in 0..u64::from(scaled(25)) {
        // Every operation of the run in turn, until a run ends by itself.
        for operation in 1.. {
            let disk = SimDisk::new(seed * 1_000 + operation);
            disk.power_fails_at(operation);
            let (mut progress, mut entropy) = (Progress::default(), Entropy::from_seed(seed));
            if let Ok((mut log, _)) = Log::open(shared(&disk), dir(), config(), now()) {
                let _ = progress.run(&mut log, &disk, &mut entropy, 40);
            }
            let ended_by_itself = disk.is_powered();
            disk.power_loss();
            let (mut log, _) = open(&disk, config());
            progress.check(&mut log);
            assert_eq!(log.durable_offset(), log.end_offset());
            let next = log.append(plain(1), assign()).unwrap();
            log.close().unwrap();
            let (log, report) = open(&disk, config());
            assert!(report.clean);
            assert_eq!(log.end_offset(), next.last_offset.next());
            if ended_by_itself {
                break;
            }
        }
    }
}

#[test]
fn nothing_durable_is_lost_when_the_power_fails_again_during_recovery() {
    for seed in 0..u64::from(scaled(150)) {
        let disk = SimDisk::new(seed);
        let (mut progress, mut entropy) = (Progress::default(), Entropy::from_seed(seed));
        let (mut log, _) = open(&disk, config());
        progress.run(&mut log, &disk, &mut entropy, 60).unwrap();
        drop(log);
        for operation in 1.. {
            disk.power_loss();
            disk.power_fails_at(disk.operations() + operation);
            if let Ok((mut log, _)) = Log::open(shared(&disk), dir(), config(), now())
                && disk.is_powered()
            {
                progress.check(&mut log);
                break;
            }
        }
    }
}

#[test]
fn nothing_durable_is_lost_over_many_lives() {
    for seed in 0..u64::from(scaled(100)) {
        let (disk, mut entropy) = (SimDisk::new(seed), Entropy::from_seed(seed));
        let mut progress = Progress::default();
        for _ in 0..8 {
            let mut log = if entropy.chance(1, 2) {
                open(&disk, config()).0
            } else {
                Log::open_unsynced(shared(&disk), dir(), config(), now()).unwrap().0
            };
            progress.check(&mut log);
            // What was lost never was durable.
            progress.durable = progress.durable.max(log.durable_offset());
            progress.attempted.retain(|(offset, _)| *offset < log.end_offset());
            progress.start = log.start_offset();
            progress.confirmed_start = progress.start;
            let of_producer = |(_, content): &&(Offset, Bytes)| content[27..35] == 7_i64.to_be_bytes();
            progress.sequence =
                progress.attempted.iter().rev().find(of_producer).map_or(0, |(_, content)| {
                    let sequence = i32::from_be_bytes(content[37..41].try_into().unwrap());
                    sequence + i32::from_be_bytes(content[41..45].try_into().unwrap())
                });
            progress.run(&mut log, &disk, &mut entropy, 30).unwrap();
            match entropy.below(4) {
                0 => {
                    progress.durable = log.end_offset();
                    log.close().unwrap();
                    disk.power_loss();
                }
                1 => disk.power_loss(),
                _ => drop(log),
            }
        }
    }
}

#[test]
fn the_mark_of_an_orderly_end_is_not_believed_once_the_log_has_grown() {
    for seed in 0..u64::from(scaled(300)) {
        let (disk, mut entropy) = (SimDisk::new(seed), Entropy::from_seed(seed));
        let mut progress = Progress::default();
        let (mut log, _) = open(&disk, config());
        progress.run(&mut log, &disk, &mut entropy, 8).unwrap();
        progress.durable = log.end_offset();
        log.close().unwrap();
        // What takes back the mark may be lost, and some of what was appended may not.
        let (mut log, report) = open(&disk, config());
        assert!(report.clean);
        for _ in 0..=entropy.below(4) {
            progress.append(&mut log, &mut entropy).unwrap();
        }
        disk.power_loss();
        let (mut log, _) = open(&disk, config());
        progress.check(&mut log);
    }
}

#[test]
fn a_failed_sync_poisons_until_the_log_is_opened_again() {
    let disk = SimDisk::new(5);
    let (mut log, _) = open(&disk, config());
    log.append(plain(1), assign()).unwrap();
    log.sync().unwrap();
    log.append(plain(1), assign()).unwrap();
    disk.fail_next(headwater_log::sim::Operation::Sync, std::io::ErrorKind::Other);
    assert!(log.sync().is_err());
    assert_eq!((log.durable_offset(), log.end_offset()), (Offset(1), Offset(2)));
    assert!(matches!(log.append(plain(1), assign()), Err(LogError::Poisoned(_))));
    assert!(log.roll().is_err());
    assert_eq!(read_all(&log).len(), 2, "it can still be read");
    assert!(log.close().is_err(), "and is not closed in order");
    disk.power_loss();
    let (mut log, report) = open(&disk, config());
    assert!(!report.clean && log.end_offset() >= Offset(1));
    assert!(log.append(plain(1), assign()).is_ok());
}

#[test]
fn a_poisoned_log_hands_out_no_tickets() {
    let disk = SimDisk::new(5);
    let (mut log, _) = open(&disk, config());
    log.append(plain(1), assign()).unwrap();
    let ticket = log.begin_sync().unwrap();
    log.append(plain(1), assign()).unwrap();
    log.poison(Poison { kind: std::io::ErrorKind::Other, message: "the sync failed".into() });
    assert!(log.is_dirty() && log.begin_sync().is_none());
    log.complete_sync(ticket);
    assert_eq!(log.durable_offset(), Offset(0), "nothing is durable any more, whatever succeeds");
}

#[test]
fn recovery_reads_from_the_last_roll_on_and_trusts_the_epochs_file() {
    for seed in 0..u64::from(scaled(50)) {
        let disk = SimDisk::new(seed);
        let (mut log, _) = open(&disk, LogConfig::default());
        for _ in 0..5 {
            log.append(plain(2), assign()).unwrap();
            log.sync().unwrap();
            log.roll().unwrap();
        }
        log.append(plain(2), assign()).unwrap();
        log.sync().unwrap();
        disk.power_loss();
        let (log, report) = open(&disk, LogConfig::default());
        assert_eq!((log.end_offset(), report.epochs_rebuilt), (Offset(12), false));
        assert_eq!(report.checked_bytes, plain(2).len() as u64, "the last segment's");
    }
}

#[test]
fn an_epoch_whose_records_are_lost_is_forgotten() {
    let disk = SimDisk::new(1);
    let (mut log, _) = open(&disk, LogConfig::default());
    log.append(plain(2), assign()).unwrap();
    log.sync().unwrap();
    let later = headwater_log::Assign { leader_epoch: headwater_model::LeaderEpoch(4), ..assign() };
    log.append(plain(2), later).unwrap();
    // The epochs are in their file, and the sync never comes.
    drop(log.begin_sync());
    drop(log);
    let path = files(&disk, ".log").remove(0);
    let bytes = content(&disk, &path);
    overwrite(&disk, &path, &bytes[..plain(2).len() + 10]);
    let (log, _) = open(&disk, LogConfig::default());
    assert_eq!((log.end_offset(), log.latest_epoch()), (Offset(2), Some(assign().leader_epoch)));
}
