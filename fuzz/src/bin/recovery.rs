//! The target `recovery` under libFuzzer.

#![no_main]

use headwater_testkit::fuzz::RECOVERY;
use libfuzzer_sys::fuzz_target;

fuzz_target!(init: headwater_fuzz::write_seeds_if_asked(&RECOVERY), |input: &[u8]| (RECOVERY.run)(input));
