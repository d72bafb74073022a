//! The bank from the outside: the topology under the test driver, against accounts that are booked one movement after
//! the other.

#![cfg(test)]
#![expect(clippy::needless_raw_string_hashes, reason = "expect-test writes expectations so")]

mod account;
mod lock;
mod order;
