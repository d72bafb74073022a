//! Runs a topology to the ends of its inputs, at least once.

use std::io::{Read, Write};
use std::path::PathBuf;
use std::time::Duration;

use headwater_client::Client;
use headwater_streams::{Streams, StreamsConfig};

use crate::topologies::{self, Named};

/// What to run, and how.
#[derive(Debug, clap::Args)]
pub(crate) struct Run {
    /// The application id
    #[arg(long)]
    application: String,
    /// The name of the topology
    #[arg(long, value_enum)]
    topology: Named,
    #[arg(long)]
    pub(crate) workers: usize,
    #[arg(long)]
    commit_ms: u64,
    /// The topics that are read, in their order
    #[arg(long, value_delimiter = ',')]
    inputs: Vec<String>,
    /// The topic that is written
    #[arg(long)]
    output: String,
    /// Where stores are kept; in memory without
    #[arg(long)]
    state_dir: Option<PathBuf>,
    /// How many MiB of memory stores on disk may take; the library's default without
    #[arg(long)]
    state_memory_mib: Option<usize>,
}

pub(crate) async fn run(client: Client, how: &Run) -> anyhow::Result<()> {
    let topology = topologies::build(how.topology, &how.application, &how.inputs, &how.output)?;
    let mut config = StreamsConfig {
        workers: how.workers,
        commit_interval: Duration::from_millis(how.commit_ms),
        state_dir: how.state_dir.clone(),
        ..StreamsConfig::default()
    };
    if let Some(mebibytes) = how.state_memory_mib {
        config.state_memory = mebibytes << 20;
    }
    say("start")?;
    Streams::run_bounded(topology, client, config).await?;
    say("end")?;
    // Until whoever measures has looked.
    std::io::stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}

fn say(word: &str) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{word}")?;
    Ok(out.flush()?)
}
