//! Topologies over prefilled topics of any Kafka cluster: fills topics, runs a topology to their ends, checks what came out.
//!
//! Owns: the command line. Each work is a module.
//!
//! Invariants: the same arguments fill a topic with the same records. A run says `start` and `end`, and lives until its
//! input is closed, so that whoever started it reads from outside what it has used: the same ruler as for its peer,
//! `bench/java/Topologies.java`.

mod digest;
mod fill;
mod run;
mod topics;
mod topologies;

use clap::{Parser, Subcommand};
use headwater_client::{Client, ClientConfig};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[derive(Debug, Parser)]
struct Arguments {
    /// The brokers, host:port
    #[arg(long)]
    bootstrap: String,
    #[command(subcommand)]
    work: Work,
}

#[derive(Debug, Subcommand)]
enum Work {
    /// Makes a topic
    Create(topics::Create),
    /// Makes a topic, and fills it
    Fill(fill::Fill),
    /// Runs a topology to the ends of its inputs
    Run(run::Run),
    /// Says what is in a topic, and whether a group has committed all that it read
    Digest(digest::Digest),
    /// Removes the topics whose names begin so
    Delete(topics::Delete),
}

fn main() -> anyhow::Result<()> {
    let Arguments { bootstrap, work } = Arguments::parse();
    let threads = if let Work::Run(how) = &work { how.workers } else { 2 };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(threads).enable_all().build()?;
    runtime.block_on(async {
        let client = Client::connect(ClientConfig::new([bootstrap])).await?;
        match work {
            Work::Create(what) => topics::create(&client, &what).await,
            Work::Fill(how) => fill::run(&client, &how).await,
            Work::Run(how) => run::run(client, &how).await,
            Work::Digest(of) => digest::run(&client, &of).await,
            Work::Delete(which) => topics::delete(&client, &which).await,
        }
    })
}
