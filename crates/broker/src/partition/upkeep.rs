//! What is done to a partition beside appending and reading: settings, deletion of records, retention, compaction.
//!
//! Invariants: appends wait for moments of it only; all of it blocks on the disk.

use std::sync::Arc;

use headwater_log::{Compacted, Compaction, LogError};
use headwater_model::{ErrorCode, Offset};

use super::{Partition, log_config};
use crate::storage::lock;
use crate::topics::settings::TopicSettings;

impl Partition {
    /// Changes the settings, for what is appended from now on; waits for appends and retention under way.
    pub(crate) fn set_settings(&self, settings: TopicSettings) {
        let mut writer = self.writer();
        if let Some(log) = &mut writer.log {
            log.set_config(log_config(&settings, self.max_uncompressed));
        }
        *lock(&self.settings) = Arc::new(settings);
    }

    /// Deletes what is below an offset (`None`: below the high watermark); blocks on the disk.
    ///
    /// Gives the first offset that is left, which is durable on return.
    pub(crate) fn delete_records(&self, before: Option<Offset>) -> Result<Offset, ErrorCode> {
        let mut writer = self.writer();
        let high_watermark = self.high_watermark();
        let before = before.unwrap_or(high_watermark);
        if before > high_watermark || before < Offset::ZERO {
            return Err(ErrorCode::OffsetOutOfRange);
        }
        let log = writer.log.as_mut().ok_or(ErrorCode::UnknownTopicOrPartition)?;
        log.set_start_offset(before).map_err(|error| {
            tracing::error!(partition = %self.id, %error, "cannot delete records");
            error.error_code()
        })?;
        Ok(log.start_offset())
    }

    /// Runs retention; blocks on the disk.
    pub(crate) fn retain(&self) {
        let now = self.storage.clock.now();
        let high_watermark = self.high_watermark();
        let outcome = match &mut self.writer().log {
            Some(log) => log.apply_retention(now, high_watermark),
            None => return,
        };
        match outcome {
            Ok(retained) if retained.removed_segments > 0 => {
                let (segments, bytes) = (retained.removed_segments, retained.removed_bytes);
                tracing::info!(partition = %self.id, segments, bytes, "removed expired segments");
            }
            Ok(_) => {}
            Err(error) => tracing::warn!(partition = %self.id, %error, "cannot remove expired segments"),
        }
    }

    /// Compacts the log if that is worth it; blocks on the disk, for long. Appends wait for moments of it only.
    pub(crate) fn compact(self: &Arc<Self>, should_stop: &dyn Fn() -> bool) {
        if !self.settings().compacted {
            return;
        }
        let _compacting = lock(&self.compacting);
        let now = self.storage.clock.now();
        let high_watermark = self.high_watermark();
        let (begun, mark) = {
            let mut writer = self.writer();
            let Some(log) = &mut writer.log else {
                return;
            };
            let begun = log.begin_compaction(now, high_watermark);
            let waits = log.compaction_waits_for_sync();
            (begun, writer.mark(waits))
        };
        if mark {
            self.storage.syncer.mark(self.clone());
        }
        let should_stop = || self.is_closed() || should_stop();
        let run =
            |compaction: Option<Compaction>| compaction.map_or(Ok(()), |begun| self.run(begun, &should_stop));
        let outcome = begun.and_then(run);
        if let Err(error) = outcome {
            tracing::warn!(partition = %self.id, %error, "cannot compact the log; trying again later");
        }
    }

    fn run(&self, mut compaction: Compaction, should_stop: &dyn Fn() -> bool) -> Result<(), LogError> {
        while let Some(cleaned) = compaction.run(should_stop)? {
            let compacted = match &mut self.writer().log {
                Some(log) => log.complete_compaction(cleaned),
                None => return Ok(()),
            };
            if compacted.replaced_segments > 0 {
                let Compacted { replaced_segments: segments, bytes_before, bytes_after, .. } = compacted;
                tracing::debug!(partition = %self.id, segments, bytes_before, bytes_after, "compacted segments");
            }
        }
        Ok(())
    }
}
