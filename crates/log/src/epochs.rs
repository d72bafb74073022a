//! Which leader epoch wrote from which offset on.
//!
//! Owns: the epochs of a log, and their text form, Kafka's `leader-epoch-checkpoint`.
//!
//! Invariants: epochs and start offsets rise strictly.

use std::fmt::Write;

use headwater_model::{LeaderEpoch, Offset};

/// The name of the file in a partition's folder.
pub(crate) const FILE_NAME: &str = "leader-epoch-checkpoint";

const VERSION: &str = "0";

/// Where an epoch's records end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EpochEnd {
    /// The epoch asked for, or the last one before it that wrote records.
    pub epoch: LeaderEpoch,
    /// The offset after its last record.
    pub end: Offset,
}

/// The epochs of a log.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Epochs {
    entries: Vec<(LeaderEpoch, Offset)>,
}

impl Epochs {
    /// Notes that an epoch wrote at an offset; true if that was news.
    pub(crate) fn assign(&mut self, epoch: LeaderEpoch, start: Offset) -> bool {
        match self.entries.last() {
            Some((latest, _)) if epoch <= *latest => false,
            _ if epoch.0 < 0 => false,
            _ => {
                // An epoch that wrote nothing leaves no trace.
                self.entries.retain(|(_, began)| *began < start);
                self.entries.push((epoch, start));
                true
            }
        }
    }

    /// The epoch of the newest records.
    pub(crate) fn latest(&self) -> Option<LeaderEpoch> {
        self.entries.last().map(|(epoch, _)| *epoch)
    }

    /// The epoch of the record at an offset.
    pub(crate) fn at(&self, offset: Offset) -> Option<LeaderEpoch> {
        self.entries.iter().rev().find(|(_, start)| *start <= offset).map(|(epoch, _)| *epoch)
    }

    /// Where the records of an epoch, or of the last epoch before it, end (Kafka's `endOffsetFor`). `None` for an epoch
    /// that is yet to come.
    pub(crate) fn end_of(&self, epoch: LeaderEpoch, log_end: Offset) -> Option<EpochEnd> {
        if self.latest() == Some(epoch) {
            return Some(EpochEnd { epoch, end: log_end });
        }
        let (_, end) = *self.entries.iter().find(|(later, _)| *later > epoch)?;
        let floor = self.entries.iter().rev().find(|(earlier, _)| *earlier <= epoch);
        Some(EpochEnd { epoch: floor.map_or(epoch, |(floor, _)| *floor), end })
    }

    /// Forgets what lies wholly below the log's start; true if that was something.
    pub(crate) fn cut_start(&mut self, start: Offset) -> bool {
        let below = self.entries.iter().take_while(|(_, began)| *began <= start).count();
        let before = self.entries.clone();
        self.entries.drain(..below.saturating_sub(1));
        if let Some((_, began)) = self.entries.first_mut() {
            *began = (*began).max(start);
        }
        self.entries != before
    }

    /// Forgets what lies at or after the log's end; true if that was something.
    pub(crate) fn cut_end(&mut self, end: Offset) -> bool {
        let before = self.entries.len();
        self.entries.retain(|(_, start)| *start < end);
        self.entries.len() != before
    }

    /// The text form.
    pub(crate) fn to_text(&self) -> String {
        let mut text = format!("{VERSION}\n{}\n", self.entries.len());
        for (epoch, start) in &self.entries {
            let _ = writeln!(text, "{} {start}", epoch.0);
        }
        text
    }

    /// Reads the text form; `None` if it is malformed.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut lines = text.lines();
        if lines.next()? != VERSION {
            return None;
        }
        let count: usize = lines.next()?.parse().ok()?;
        let mut entries: Vec<(LeaderEpoch, Offset)> = Vec::new();
        for line in lines {
            let (epoch, start) = line.split_once(' ')?;
            let (epoch, start) = (LeaderEpoch(epoch.parse().ok()?), Offset(start.parse().ok()?));
            if entries.last().is_some_and(|(before, began)| *before >= epoch || *began >= start) {
                return None;
            }
            entries.push((epoch, start));
        }
        (entries.len() == count).then_some(Self { entries })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn epochs(entries: &[(i32, i64)]) -> Epochs {
        let mut epochs = Epochs::default();
        for (epoch, start) in entries {
            assert!(epochs.assign(LeaderEpoch(*epoch), Offset(*start)));
        }
        epochs
    }

    fn end_of(epochs: &Epochs, epoch: i32) -> Option<(i32, i64)> {
        epochs.end_of(LeaderEpoch(epoch), Offset(50)).map(|found| (found.epoch.0, found.end.0))
    }

    #[test]
    fn the_end_of_an_epoch_is_the_start_of_the_next() {
        let epochs = epochs(&[(2, 0), (4, 11), (7, 30)]);
        assert_eq!(end_of(&epochs, 7), Some((7, 50)));
        assert_eq!(end_of(&epochs, 4), Some((4, 30)));
        assert_eq!(end_of(&epochs, 5), Some((4, 30)), "an epoch without records ends with the one before");
        assert_eq!(end_of(&epochs, 2), Some((2, 11)));
        assert_eq!(end_of(&epochs, 1), Some((1, 0)), "nothing was written before the first");
        assert_eq!(end_of(&epochs, 8), None);
        assert_eq!(epochs.at(Offset(12)), Some(LeaderEpoch(4)));
    }

    #[test]
    fn older_and_repeated_epochs_are_no_news() {
        let mut epochs = epochs(&[(2, 0)]);
        assert!(!epochs.assign(LeaderEpoch(2), Offset(5)));
        assert!(!epochs.assign(LeaderEpoch(1), Offset(5)));
        assert!(epochs.assign(LeaderEpoch(3), Offset(0)), "an epoch that wrote nothing is replaced");
        assert_eq!(epochs.to_text(), "0\n1\n3 0\n");
    }

    #[test]
    fn cutting_keeps_the_epoch_that_spans_the_cut() {
        let mut cut = epochs(&[(2, 0), (4, 11), (7, 30)]);
        assert!(cut.cut_start(Offset(12)));
        assert_eq!(cut, epochs(&[(4, 12), (7, 30)]));
        assert!(!cut.cut_start(Offset(12)));
        assert!(cut.cut_end(Offset(30)));
        assert_eq!(cut, epochs(&[(4, 12)]));
    }

    #[test]
    fn the_text_is_kafkas_and_reads_back() {
        let written = epochs(&[(2, 0), (4, 11)]);
        assert_eq!(written.to_text(), "0\n2\n2 0\n4 11\n");
        assert_eq!(Epochs::parse(&written.to_text()), Some(written));
        for text in ["", "0\n", "1\n0\n", "0\n2\n2 0\n", "0\n1\nx 0\n", "0\n2\n4 0\n2 11\n", "0\n1\n2\n"] {
            assert_eq!(Epochs::parse(text), None, "{text:?}");
        }
    }
}
