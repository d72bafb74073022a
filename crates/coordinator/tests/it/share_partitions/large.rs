//! Many records.

use std::time::Duration;

use headwater_coordinator::{
    Acknowledge, AcknowledgementBatch, Acknowledgements, Acquire, AcquireMode, ReadBatch,
    SharePartitionReply, SharePartitions, SharePartitionsConfig, Token,
};
use headwater_model::Offset;

use super::script::{at, id};

/// Acquires 500 records for each of four members, and has each acknowledge its own with these types, until so many records
/// have been dealt with. Gives how many records of its own it took.
fn deal_with(records: i64, types: &[Acknowledge]) -> usize {
    let mut machine = SharePartitions::new(SharePartitionsConfig::default());
    machine.begin(Token(0), &id(), Offset(0));
    let mut recorded = 0;
    while machine.describe(&id()).unwrap().start.0 < records {
        let mut all = Vec::new();
        for member in ["a", "b", "c", "d"] {
            let Some(from) = machine.next_fetch_offset(&id()) else {
                break;
            };
            let request = Acquire {
                member: member.into(),
                mode: AcquireMode::RecordLimit,
                max_records: 500,
                batch_size: 500,
                from,
                batches: vec![ReadBatch { first: from, last: from + 1_999, is_deliverable: true }],
            };
            let effects = machine.acquire(at(Duration::ZERO), Token(0), &id(), &request);
            let [(_, SharePartitionReply::Acquire(Ok(acquired)))] = effects.replies.as_slice() else {
                panic!("not what was asked");
            };
            all.push((member, acquired.clone()));
        }
        for (member, acquired) in all {
            let batches = acquired.iter().map(|one| AcknowledgementBatch {
                first: one.first,
                last: one.last,
                types: (one.first.0..=one.last.0)
                    .map(|offset| types[offset as usize % types.len()])
                    .collect(),
            });
            let said = Acknowledgements { member: member.into(), batches: batches.collect() };
            let effects = machine.acknowledge(at(Duration::ZERO), Token(0), &id(), &said);
            assert_eq!(effects.replies, [(Token(0), SharePartitionReply::Acknowledge(Ok(())))]);
            recorded += effects.records.len();
        }
    }
    recorded
}

/// Not a bound to rely on, but a wrong order of growth would be noticed.
#[test]
fn many_records_are_dealt_with_in_a_moment() {
    #[expect(clippy::disallowed_methods, reason = "the test tells how long it takes")]
    let clock = std::time::Instant::now;
    let start = clock();
    let recorded = deal_with(1_000_000, &[Acknowledge::Accept]);
    println!("1,000,000 records are accepted: {:?}, {recorded} changes", start.elapsed());
    assert!(start.elapsed().as_secs() < 60);
    let start = clock();
    let recorded = deal_with(20_000, &[Acknowledge::Accept, Acknowledge::Release]);
    println!("20,000 are, every other one after failing: {:?}, {recorded} changes", start.elapsed());
    assert!(start.elapsed().as_secs() < 60);
}
