//! Names of the files in a partition's folder.

use std::path::{Path, PathBuf};

use headwater_model::Offset;

/// What a file of a segment is for; also its suffix.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum FileKind {
    /// Batches.
    Log,
    /// Offsets to positions.
    OffsetIndex,
    /// Timestamps to offsets.
    TimeIndex,
    /// Aborted transactions; only where there are some.
    TransactionIndex,
}

impl FileKind {
    /// All of them.
    pub(crate) const ALL: [Self; 4] = [Self::Log, Self::OffsetIndex, Self::TimeIndex, Self::TransactionIndex];

    fn suffix(self) -> &'static str {
        match self {
            Self::Log => "log",
            Self::OffsetIndex => "index",
            Self::TimeIndex => "timeindex",
            Self::TransactionIndex => "txnindex",
        }
    }
}

/// How far the files are that compaction makes; also what their names end with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    /// Being written; worth nothing.
    Cleaned,
    /// Complete and durable, about to replace the segments that they were made of. What decides is the batches' file.
    Swap,
}

impl Stage {
    fn suffix(self) -> &'static str {
        match self {
            Self::Cleaned => ".cleaned",
            Self::Swap => ".swap",
        }
    }
}

/// The path of a segment's file while compaction makes it.
pub(crate) fn staged_path(dir: &Path, base: Offset, kind: FileKind, stage: Stage) -> PathBuf {
    dir.join(format!("{:020}.{}{}", base.0, kind.suffix(), stage.suffix()))
}

/// Which segment's file a name is while compaction makes it, if it is one.
pub(crate) fn parse_staged_name(name: &str) -> Option<(Offset, FileKind, Stage)> {
    let staged = |stage: Stage| Some((parse_segment_name(name.strip_suffix(stage.suffix())?)?, stage));
    let ((base, kind), stage) = staged(Stage::Cleaned).or_else(|| staged(Stage::Swap))?;
    Some((base, kind, stage))
}

/// The path of a segment's file: 20 digits of the base offset, and the suffix.
pub(crate) fn segment_path(dir: &Path, base: Offset, kind: FileKind) -> PathBuf {
    dir.join(format!("{:020}.{}", base.0, kind.suffix()))
}

/// Which segment's file a name is, if it is one.
pub(crate) fn parse_segment_name(name: &str) -> Option<(Offset, FileKind)> {
    let (digits, suffix) = name.split_once('.')?;
    let kind = FileKind::ALL.into_iter().find(|kind| kind.suffix() == suffix)?;
    if digits.len() != 20 || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    Some((Offset(digits.parse().ok()?), kind))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_kafkas_and_read_back() {
        let path = segment_path(Path::new("t-0"), Offset(170_210), FileKind::TimeIndex);
        assert_eq!(path, Path::new("t-0/00000000000000170210.timeindex"));
        for kind in FileKind::ALL {
            let path = segment_path(Path::new("t-0"), Offset(i64::MAX), kind);
            let name = path.file_name().and_then(|name| name.to_str()).unwrap();
            assert_eq!(parse_segment_name(name), Some((Offset(i64::MAX), kind)));
        }
    }

    #[test]
    fn names_of_what_compaction_makes_read_back_and_are_no_segments() {
        for kind in FileKind::ALL {
            for stage in [Stage::Cleaned, Stage::Swap] {
                let path = staged_path(Path::new("t-0"), Offset(12), kind, stage);
                let name = path.file_name().and_then(|name| name.to_str()).unwrap();
                assert_eq!(parse_staged_name(name), Some((Offset(12), kind, stage)));
                assert_eq!(parse_segment_name(name), None);
            }
        }
        assert_eq!(parse_staged_name("00000000000000000012.log"), None);
    }

    #[test]
    fn other_names_are_no_segments() {
        for name in [
            "leader-epoch-checkpoint",
            "0.log",
            "00000000000000000000.snapshot",
            "00000000000000000000.log.deleted",
            "-0000000000000000001.log",
            "99999999999999999999.log",
        ] {
            assert_eq!(parse_segment_name(name), None, "{name}");
        }
    }
}
