//! The flights example from the outside: the board against a recomputation, late departures, a feed that is killed.
//!
//! (The board is also recomputed by SQL, on Headwater's broker and on Apache Kafka: tests/e2e/flights.)

#![cfg(test)]

mod board;
mod feed;
mod lock;
