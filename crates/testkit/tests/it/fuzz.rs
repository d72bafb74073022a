//! The fuzz targets, for a moment: over their seeds, over seeds that were damaged at random, and over every input that
//! was once a fault.

use std::path::Path;

use headwater_model::Entropy;
use headwater_testkit::fuzz::TARGETS;

/// Damaged inputs per target; `HEADWATER_FUZZ_RUNS` says another number.
const RUNS: u64 = 1_000;

fn runs() -> u64 {
    std::env::var("HEADWATER_FUZZ_RUNS").ok().and_then(|runs| runs.parse().ok()).unwrap_or(RUNS)
}

#[test]
fn the_seeds_and_what_random_damage_makes_of_them_do_no_harm() {
    for target in TARGETS {
        let seeds = (target.seeds)();
        for (number, seed) in seeds.iter().enumerate() {
            println!("{}: seed {number}", target.name);
            (target.run)(seed);
        }
        for run in 0..runs() {
            println!("{}: run {run}", target.name);
            (target.run)(&damaged(&seeds, &mut Entropy::from_seed(run)));
        }
    }
}

/// Two seeds in a row, bytes changed, lost and doubled.
fn damaged(seeds: &[Vec<u8>], entropy: &mut Entropy) -> Vec<u8> {
    let mut bytes = Vec::new();
    for _ in 0..2 {
        bytes.extend_from_slice(&seeds[entropy.below(seeds.len() as u64) as usize]);
    }
    for _ in 0..entropy.below(12) {
        let at = entropy.below(bytes.len() as u64) as usize;
        match entropy.below(4) {
            0 => bytes.insert(at, entropy.next_u64() as u8),
            1 if bytes.len() > 1 => drop(bytes.remove(at)),
            _ => bytes[at] = [0, 1, 0x7F, 0x80, 0xFF, entropy.next_u64() as u8][entropy.below(6) as usize],
        }
    }
    bytes
}

/// `tests/fuzz/TARGET/…`: what fuzzing found, kept.
#[test]
fn what_was_once_a_fault_is_none() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz");
    for target in TARGETS {
        let Ok(found) = std::fs::read_dir(folder.join(target.name)) else { continue };
        for input in found {
            let input = input.unwrap().path();
            println!("{}", input.display());
            (target.run)(&std::fs::read(&input).unwrap());
        }
    }
}
