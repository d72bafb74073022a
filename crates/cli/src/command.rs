//! One module a command: arguments in, calls of the library, output.

mod app;
mod connect;
mod consume;
mod demo;
mod group;
mod produce;
mod topic;
mod up;

use std::process::ExitCode;

use anyhow::Context as _;

use crate::arguments::{Arguments, Command};

/// Runs a command to its end, and tells how the process is to end.
pub(crate) fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("the threads that Headwater runs on cannot be started")?;
    let result = runtime.block_on(dispatch(arguments.command));
    // Reading standard input blocks a thread that cannot be interrupted: do not wait for it.
    runtime.shutdown_background();
    result
}

async fn dispatch(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Up(up) => up::run(up).await?,
        Command::Demo(demo) => demo::run(demo).await?,
        Command::Topic(topic) => topic::run(topic).await?,
        Command::Produce(produce) => produce::run(produce).await?,
        Command::Consume(consume) => consume::run(consume).await?,
        Command::Group(group) => group::run(group).await?,
        Command::App(app) => return app::run(&app),
    }
    Ok(ExitCode::SUCCESS)
}
