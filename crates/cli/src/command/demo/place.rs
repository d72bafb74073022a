//! Where a demo runs: over a broker of its own, or over a cluster that is there.

use std::fmt;
use std::path::PathBuf;

use anyhow::Context as _;
use headwater_broker::{BrokerConfig, RunningBroker};
use headwater_model::SystemClock;
use tempfile::TempDir;

use crate::arguments::DemoPlace;
use crate::command::up;
use crate::output;

/// See the module.
pub(super) struct Place {
    bootstrap: Vec<String>,
    embedded: Option<Embedded>,
}

/// A broker of the demo's own; its folder, if temporary, goes with it.
struct Embedded {
    broker: RunningBroker,
    data_dir: PathBuf,
    temporary: Option<TempDir>,
}

impl Place {
    /// Starts a broker if no cluster is given.
    pub(super) async fn prepare(arguments: &DemoPlace, clock: &SystemClock) -> anyhow::Result<Self> {
        if !arguments.bootstrap.is_empty() {
            return Ok(Self { bootstrap: arguments.bootstrap.clone(), embedded: None });
        }
        let (data_dir, temporary) = if let Some(data_dir) = &arguments.data_dir {
            (data_dir.clone(), None)
        } else {
            let folder = tempfile::Builder::new().prefix("headwater-demo-").tempdir();
            let folder = folder.context("cannot make a temporary folder for the broker's log")?;
            (folder.path().to_owned(), Some(folder))
        };
        let config = BrokerConfig { data_dir: data_dir.clone(), ..BrokerConfig::default() };
        let broker = up::start(config, clock, "127.0.0.1:0").await?;
        let bootstrap = vec![broker.local_addr().to_string()];
        Ok(Self { bootstrap, embedded: Some(Embedded { broker, data_dir, temporary }) })
    }

    pub(super) fn bootstrap(&self) -> &[String] {
        &self.bootstrap
    }

    /// Says how to look at a topic when the demo has ended; `demo` is what to run, with a folder, if the log goes away.
    pub(super) fn say_how_to_look(&self, demo: &str, folder: &str, topic: &str) -> anyhow::Result<()> {
        output::line("")?;
        let Some(embedded) = &self.embedded else {
            output::line("Look at the result:")?;
            return say_how_to_consume(topic, &self.bootstrap.join(","));
        };
        if embedded.temporary.is_some() {
            output::line("The broker's log was temporary. To keep it, and look at the result:")?;
            output::line(format_args!("  headwater demo {demo} --data-dir {folder}"))?;
            output::line(format_args!("  headwater up --data-dir {folder}"))?;
        } else {
            output::line("Look at the result:")?;
            output::line(format_args!("  headwater up --data-dir {}", embedded.data_dir.display()))?;
        }
        say_how_to_consume(topic, "127.0.0.1:9092")
    }

    /// Ends the broker, if it is the demo's own.
    pub(super) async fn close(self) {
        if let Some(Embedded { broker, temporary, .. }) = self.embedded {
            broker.shutdown().await;
            drop(temporary);
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let engine = if self.embedded.is_some() { "the embedded broker" } else { "the cluster" };
        write!(f, "{engine} at {}", self.bootstrap.join(","))
    }
}

/// Says how to read a topic while a broker is there.
pub(super) fn say_how_to_consume(topic: &str, address: &str) -> anyhow::Result<()> {
    let elsewhere =
        if address == "127.0.0.1:9092" { String::new() } else { format!(" --bootstrap {address}") };
    output::line(format_args!("  headwater consume {topic} --from-beginning --until-end{elsewhere}"))?;
    output::line(format_args!("  kcat -b {address} -C -t {topic} -e      (or any Kafka client)"))
}
