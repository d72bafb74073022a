//! What the programs share: writing down the seeds of their target.
//!
//! A program is given `--seeds DIR` to fill a folder with the inputs to begin with; anything else is libFuzzer's.

use std::path::Path;

use headwater_testkit::fuzz::Target;

/// Writes the seeds and ends, if the program was asked to.
pub fn write_seeds_if_asked(target: &Target) {
    let mut arguments = std::env::args_os().skip(1);
    if arguments.next().is_none_or(|first| first != "--seeds") {
        return;
    }
    let folder = arguments.next().unwrap_or_else(|| panic!("--seeds wants a folder"));
    for (number, seed) in (target.seeds)().into_iter().enumerate() {
        let file = Path::new(&folder).join(format!("seed-{number}"));
        std::fs::write(&file, seed).unwrap_or_else(|error| panic!("cannot write {}: {error}", file.display()));
    }
    std::process::exit(0);
}
