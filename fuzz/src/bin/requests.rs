//! The target `requests` under libFuzzer.

#![no_main]

use headwater_testkit::fuzz::REQUESTS;
use libfuzzer_sys::fuzz_target;

fuzz_target!(init: headwater_fuzz::write_seeds_if_asked(&REQUESTS), |input: &[u8]| (REQUESTS.run)(input));
