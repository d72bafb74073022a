//! Lunch abroad from the outside: the topology under the test driver, against the rates looked up one by one.

#![cfg(test)]
#![expect(clippy::needless_raw_string_hashes, reason = "expect-test writes expectations so")]

mod lock;
mod notices;
mod payments;
mod rates;
