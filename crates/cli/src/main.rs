//! The binary `headwater`: the composition root.
//!
//! Owns: arguments, what people and programs see, and which parts run together. The one crate, with the test kit, that
//! may name the broker.
//!
//! Does not know: protocols, logs, topologies beyond starting them.

mod arguments;
mod command;
mod output;

use std::io::IsTerminal;
use std::process::ExitCode;

use clap::Parser;
use tracing_subscriber::EnvFilter;

use crate::arguments::Arguments;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    log_to_stderr();
    match command::run(arguments) {
        Ok(code) => code,
        Err(error) if output::is_closed_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Warnings and errors go to standard error; `HEADWATER_LOG=debug` (or `headwater_broker=debug`, ...) shows more.
fn log_to_stderr() {
    let filter = EnvFilter::try_from_env("HEADWATER_LOG").unwrap_or_else(|_| EnvFilter::new("warn"));
    // Colours are for people: a file or a log collector gets plain text.
    let colours = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(colours)
        .with_target(false)
        .init();
}
