//! The target `batches` under libFuzzer.

#![no_main]

use headwater_testkit::fuzz::BATCHES;
use libfuzzer_sys::fuzz_target;

fuzz_target!(init: headwater_fuzz::write_seeds_if_asked(&BATCHES), |input: &[u8]| (BATCHES.run)(input));
