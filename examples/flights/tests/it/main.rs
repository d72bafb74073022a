//! The flights example from the outside: board and causes against a recomputation, late departures, a feed that is killed.
//!
//! (Both are also recomputed by SQL, on Headwater's broker and on Apache Kafka: tests/e2e/flights.)

#![cfg(test)]

mod board;
mod causes;
mod feed;
mod lock;
