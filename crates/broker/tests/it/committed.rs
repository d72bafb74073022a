//! Reading committed records: no further than what is decided, and told what was aborted. The transactions are put into
//! the log beforehand, as the broker does not serve them yet.

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use headwater_log::{Assign, Log, LogConfig, RealDisk};
use headwater_model::{LeaderEpoch, ProducerEpoch, ProducerId, Timestamp};
use headwater_wire::batch::{BatchMeta, Compression, ControlMarker, TimestampType};
use headwater_wire::messages::fetch::{FetchRequest, PartitionData};
use headwater_wire::messages::list_offsets::{ListOffsetsPartition, ListOffsetsRequest, ListOffsetsTopic};
use tokio::net::TcpStream;

use crate::harness::{
    Client, batch, batch_with, config, connect, fetch_request, only_partition, open, values,
};

const NOW: Timestamp = Timestamp(1_700_000_000_000);
const UNCOMMITTED: i8 = 0;
const COMMITTED: i8 = 1;
/// The value of a marker: its version, and the epoch of who decided.
const MARKER: &str = "\0\0\0\0\0\0";

pub(crate) fn within(producer: i64, values: &[&str]) -> Bytes {
    let meta = BatchMeta {
        producer_id: ProducerId(producer),
        producer_epoch: ProducerEpoch(0),
        base_sequence: 0,
        is_transactional: true,
        ..BatchMeta::default()
    };
    batch_with(Compression::None, NOW, values, &meta)
}

pub(crate) fn marker(producer: i64, marker: ControlMarker) -> Bytes {
    marker.batch(ProducerId(producer), ProducerEpoch(0), NOW)
}

/// Appends to the partition `t-0` of a broker that does not run.
pub(crate) fn append(dir: &Path, batches: Vec<Bytes>) {
    let config = LogConfig::default();
    let (mut log, _) =
        Log::open(Arc::new(RealDisk::default()), &dir.join("broker/t-0"), config, NOW).unwrap();
    let leader_epoch = log.latest_epoch().unwrap_or(LeaderEpoch(0));
    for batches in batches {
        let assign = Assign { leader_epoch, now: NOW, timestamp_type: TimestampType::CreateTime };
        log.append_coordinated(batches, assign).unwrap();
    }
    log.close().unwrap();
}

async fn fetch(client: &mut Client<TcpStream>, from: i64, isolation_level: i8) -> PartitionData {
    let request = FetchRequest { isolation_level, ..fetch_request("t", 0, from, 0) };
    only_partition(client.call(12, &request).await)
}

async fn latest(client: &mut Client<TcpStream>, isolation_level: i8) -> i64 {
    let partitions =
        vec![ListOffsetsPartition { timestamp: -1, current_leader_epoch: -1, ..Default::default() }];
    let topics = vec![ListOffsetsTopic { name: "t".into(), partitions }];
    let request = ListOffsetsRequest { replica_id: -1, isolation_level, topics, ..Default::default() };
    client.call(7, &request).await.topics[0].partitions[0].offset
}

fn aborted(data: &PartitionData) -> Option<Vec<(i64, i64)>> {
    let aborted = data.aborted_transactions.as_ref()?;
    Some(aborted.iter().map(|aborted| (aborted.producer_id, aborted.first_offset)).collect())
}

#[tokio::test]
async fn committed_records_are_read_to_the_last_stable_offset() {
    let dir = tempfile::tempdir().unwrap();
    let start = async || {
        let running = open(config(dir.path())).listen("127.0.0.1:0").await.unwrap();
        let client = connect(&running).await;
        (running, client)
    };
    let (running, mut client) = start().await;
    client.create("t", 1, &[]).await;
    running.shutdown().await;

    append(
        dir.path(),
        vec![
            batch(&["a"]),
            within(7, &["b", "c"]),
            within(8, &["d"]),
            marker(7, ControlMarker::Abort),
            batch(&["e"]),
        ],
    );
    let (running, mut client) = start().await;
    let all = fetch(&mut client, 0, UNCOMMITTED).await;
    assert_eq!(values(&all), ["a", "b", "c", "d", MARKER, "e"]);
    assert_eq!((all.high_watermark, all.last_stable_offset, aborted(&all)), (6, 3, None));
    let decided = fetch(&mut client, 0, COMMITTED).await;
    assert_eq!(values(&decided), ["a", "b", "c"], "which of them count is told apart from them");
    assert_eq!((decided.last_stable_offset, aborted(&decided)), (3, Some(vec![(7, 1)])));
    let nothing = fetch(&mut client, 3, COMMITTED).await;
    assert_eq!((nothing.error_code, values(&nothing)), (0, Vec::new()));
    let beyond = fetch(&mut client, 5, COMMITTED).await;
    assert_eq!((beyond.error_code, values(&beyond)), (0, Vec::new()), "it may have been read before");
    assert_eq!((latest(&mut client, COMMITTED).await, latest(&mut client, UNCOMMITTED).await), (3, 6));
    running.shutdown().await;

    append(dir.path(), vec![marker(8, ControlMarker::Commit)]);
    let (running, mut client) = start().await;
    let decided = fetch(&mut client, 3, COMMITTED).await;
    assert_eq!(values(&decided), ["d", MARKER, "e", MARKER]);
    assert_eq!((decided.last_stable_offset, aborted(&decided)), (7, Some(vec![(7, 1)])));
    assert_eq!(aborted(&fetch(&mut client, 5, COMMITTED).await), Some(Vec::new()));
    assert_eq!(latest(&mut client, COMMITTED).await, 7);
    running.shutdown().await;
}
