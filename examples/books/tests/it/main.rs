//! Books from the outside: the topology under the test driver, with all orders of what can come.

#![cfg(test)]
#![expect(clippy::needless_raw_string_hashes, reason = "expect-test writes expectations so")]

mod announcements;
mod lock;
mod orders;
mod steps;
