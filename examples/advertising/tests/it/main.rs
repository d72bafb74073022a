//! Advertising from the outside: the topology under the test driver, against visits that are cut one by one.

#![cfg(test)]
#![expect(clippy::needless_raw_string_hashes, reason = "expect-test writes expectations so")]

mod conversions;
mod lock;
mod visits;
mod web;
