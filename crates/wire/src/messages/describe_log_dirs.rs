//! The messages of DescribeLogDirs (API 35).
//!
//! Written by `cargo xtask codegen` from `tables/describe_log_dirs.txt`; do not edit.

use crate::protocol::{DecodeError, Reader, Writer, check_version};
use crate::{ApiKey, Message, Request};

/// `DescribeLogDirsRequest`, versions 1 to 5.
#[derive(Debug, Clone, PartialEq)]
pub struct DescribeLogDirsRequest {
    /// `Topics` ([]DescribableLogDirTopic, nullable).
    pub topics: Option<Vec<DescribableLogDirTopic>>,
}

impl Default for DescribeLogDirsRequest {
    fn default() -> Self {
        Self { topics: Some(Vec::new()) }
    }
}

impl Message for DescribeLogDirsRequest {
    const MIN_SIZE: usize = 2;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        check_version(version, 1..=5)?;
        let flex = version >= 2;
        let this = Self { topics: r.opt_structs(flex, true, version)? };
        if flex {
            r.skip_tagged()?;
        }
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        let flex = version >= 2;
        w.put_opt_structs(self.topics.as_deref(), flex, true, version);
        if flex {
            w.put_no_tagged();
        }
    }
}

/// A part of [`DescribeLogDirsRequest`].
#[derive(Debug, Clone, PartialEq, Default)]
pub struct DescribableLogDirTopic {
    /// `Topic` (string).
    pub topic: String,
    /// `Partitions` ([]int32).
    pub partitions: Vec<i32>,
}

impl Message for DescribableLogDirTopic {
    const MIN_SIZE: usize = 3;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let flex = version >= 2;
        let this = Self { topic: r.string(flex)?, partitions: r.array(flex, 4, Reader::i32)? };
        if flex {
            r.skip_tagged()?;
        }
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        let flex = version >= 2;
        w.put_string(&self.topic, flex);
        w.put_array(&self.partitions, flex, Writer::put_i32);
        if flex {
            w.put_no_tagged();
        }
    }
}

impl Request for DescribeLogDirsRequest {
    const KEY: ApiKey = ApiKey::DescribeLogDirs;
    const VERSIONS: std::ops::RangeInclusive<i16> = 1..=5;
    const FIRST_FLEXIBLE: i16 = 2;
    type Response = DescribeLogDirsResponse;
}

/// `DescribeLogDirsResponse`, versions 1 to 5.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct DescribeLogDirsResponse {
    /// `ThrottleTimeMs` (int32).
    pub throttle_time_ms: i32,
    /// `ErrorCode` (int16, versions 3+).
    pub error_code: i16,
    /// `Results` ([]DescribeLogDirsResult).
    pub results: Vec<DescribeLogDirsResult>,
}

impl Message for DescribeLogDirsResponse {
    const MIN_SIZE: usize = 6;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        check_version(version, 1..=5)?;
        let flex = version >= 2;
        let this = Self {
            throttle_time_ms: r.i32()?,
            error_code: if version >= 3 { r.i16()? } else { 0 },
            results: r.structs(flex, version)?,
        };
        if flex {
            r.skip_tagged()?;
        }
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        let flex = version >= 2;
        w.put_i32(self.throttle_time_ms);
        if version >= 3 {
            w.put_i16(self.error_code);
        }
        w.put_structs(&self.results, flex, version);
        if flex {
            w.put_no_tagged();
        }
    }
}

/// A part of [`DescribeLogDirsResponse`].
#[derive(Debug, Clone, PartialEq)]
pub struct DescribeLogDirsResult {
    /// `ErrorCode` (int16).
    pub error_code: i16,
    /// `LogDir` (string).
    pub log_dir: String,
    /// `Topics` ([]DescribeLogDirsTopic).
    pub topics: Vec<DescribeLogDirsTopic>,
    /// `TotalBytes` (int64, versions 4+, default -1).
    pub total_bytes: i64,
    /// `UsableBytes` (int64, versions 4+, default -1).
    pub usable_bytes: i64,
    /// `IsCordoned` (bool, versions 5+).
    pub is_cordoned: bool,
}

impl Default for DescribeLogDirsResult {
    fn default() -> Self {
        Self {
            error_code: 0,
            log_dir: String::new(),
            topics: Vec::new(),
            total_bytes: -1,
            usable_bytes: -1,
            is_cordoned: false,
        }
    }
}

impl Message for DescribeLogDirsResult {
    const MIN_SIZE: usize = 5;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let flex = version >= 2;
        let this = Self {
            error_code: r.i16()?,
            log_dir: r.string(flex)?,
            topics: r.structs(flex, version)?,
            total_bytes: if version >= 4 { r.i64()? } else { -1 },
            usable_bytes: if version >= 4 { r.i64()? } else { -1 },
            is_cordoned: if version >= 5 { r.bool()? } else { false },
        };
        if flex {
            r.skip_tagged()?;
        }
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        let flex = version >= 2;
        w.put_i16(self.error_code);
        w.put_string(&self.log_dir, flex);
        w.put_structs(&self.topics, flex, version);
        if version >= 4 {
            w.put_i64(self.total_bytes);
            w.put_i64(self.usable_bytes);
        }
        if version >= 5 {
            w.put_bool(self.is_cordoned);
        }
        if flex {
            w.put_no_tagged();
        }
    }
}

/// A part of [`DescribeLogDirsResponse`].
#[derive(Debug, Clone, PartialEq, Default)]
pub struct DescribeLogDirsTopic {
    /// `Name` (string).
    pub name: String,
    /// `Partitions` ([]DescribeLogDirsPartition).
    pub partitions: Vec<DescribeLogDirsPartition>,
}

impl Message for DescribeLogDirsTopic {
    const MIN_SIZE: usize = 3;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let flex = version >= 2;
        let this = Self { name: r.string(flex)?, partitions: r.structs(flex, version)? };
        if flex {
            r.skip_tagged()?;
        }
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        let flex = version >= 2;
        w.put_string(&self.name, flex);
        w.put_structs(&self.partitions, flex, version);
        if flex {
            w.put_no_tagged();
        }
    }
}

/// A part of [`DescribeLogDirsResponse`].
#[derive(Debug, Clone, PartialEq, Default)]
pub struct DescribeLogDirsPartition {
    /// `PartitionIndex` (int32).
    pub partition_index: i32,
    /// `PartitionSize` (int64).
    pub partition_size: i64,
    /// `OffsetLag` (int64).
    pub offset_lag: i64,
    /// `IsFutureKey` (bool).
    pub is_future_key: bool,
}

impl Message for DescribeLogDirsPartition {
    const MIN_SIZE: usize = 21;

    fn decode(r: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let flex = version >= 2;
        let this = Self {
            partition_index: r.i32()?,
            partition_size: r.i64()?,
            offset_lag: r.i64()?,
            is_future_key: r.bool()?,
        };
        if flex {
            r.skip_tagged()?;
        }
        Ok(this)
    }

    fn encode(&self, w: &mut Writer, version: i16) {
        let flex = version >= 2;
        w.put_i32(self.partition_index);
        w.put_i64(self.partition_size);
        w.put_i64(self.offset_lag);
        w.put_bool(self.is_future_key);
        if flex {
            w.put_no_tagged();
        }
    }
}
