//! The target `internal` under libFuzzer.

#![no_main]

use headwater_testkit::fuzz::INTERNAL;
use libfuzzer_sys::fuzz_target;

fuzz_target!(init: headwater_fuzz::write_seeds_if_asked(&INTERNAL), |input: &[u8]| (INTERNAL.run)(input));
