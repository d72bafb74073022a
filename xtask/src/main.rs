//! Repository chores. `cargo xtask help` lists them.

mod bench;
mod codegen;
mod nightly;
mod test;
mod tidy;
mod usage;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Headwater's repository chores")]
struct Arguments {
    #[command(subcommand)]
    chore: Chore,
}

#[derive(Subcommand)]
enum Chore {
    /// Writes crates/wire/src/messages from the field tables in crates/wire/tables
    Codegen(codegen::Options),
    /// Checks the arrows between crates and the file rules
    Tidy(tidy::Options),
    /// Sets up and runs every test, quick form
    Test(test::Options),
    /// Measures Headwater beside its peers
    Bench(bench::Options),
    /// Runs the long form of a suite
    Nightly(nightly::Options),
}

fn main() -> ExitCode {
    let outcome = match Arguments::parse().chore {
        Chore::Bench(options) => bench::run(&options),
        Chore::Codegen(options) => codegen::run(&options),
        Chore::Nightly(options) => nightly::run(&options),
        Chore::Tidy(options) => tidy::run(&options),
        Chore::Test(options) => match test::run(&options) {
            Ok(code) => return code,
            Err(error) => Err(error),
        },
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
