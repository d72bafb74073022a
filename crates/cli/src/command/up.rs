//! `headwater up`.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::Context as _;
use headwater_broker::{Broker, BrokerConfig, RunningBroker};
use headwater_log::RealDisk;
use headwater_model::{Clock as _, Entropy, SystemClock};
use rustix::process::{Resource, getrlimit, setrlimit};
use tokio::signal::unix::{SignalKind, signal};

use crate::arguments::{Durability, Format, Up};
use crate::output;

pub(super) async fn run(up: Up) -> anyhow::Result<()> {
    let clock = SystemClock::new();
    let mut config = BrokerConfig {
        data_dir: up.data_dir.clone(),
        durability: durability(up.durability),
        insecure: up.insecure,
        auto_create_topics: up.auto_create_topics,
        topic_defaults: up.topic_defaults.iter().cloned().collect(),
        ..BrokerConfig::default()
    };
    for (name, value) in &up.group_settings {
        config.set_for_groups(name, value)?;
    }
    let broker = start(config, &clock, &format!("{}:{}", bracketed(up.listen), up.kafka_port)).await?;
    announce(&up, &broker, &clock)?;
    until_told_to_stop().await?;
    if up.output.output == Format::Text {
        output::line("stopping: writing everything to the disk")?;
    }
    broker.shutdown().await;
    Ok(())
}

/// Opens a broker over this machine's disk and lets it listen.
pub(super) async fn start(
    config: BrokerConfig,
    clock: &SystemClock,
    address: &str,
) -> anyhow::Result<RunningBroker> {
    allow_many_open_files();
    let broker =
        Broker::open(config, Arc::new(RealDisk::new()), Arc::new(clock.clone()), Entropy::from_system())?;
    Ok(broker.listen(address).await?)
}

fn announce(up: &Up, broker: &RunningBroker, clock: &SystemClock) -> anyhow::Result<()> {
    let address = broker.local_addr().to_string();
    let data_dir = up.data_dir.display().to_string();
    let promise = match up.durability {
        Durability::Fsync => "fsync: acknowledged means on disk",
        Durability::Os => {
            "os: acknowledged means handed to the operating system; a power cut can lose the last minute"
        }
    };
    match up.output.output {
        Format::Json => output::json_line(&BTreeMap::from([
            ("kafka", address.as_str()),
            ("data_dir", data_dir.as_str()),
            ("durability", if up.durability == Durability::Fsync { "fsync" } else { "os" }),
            ("version", env!("CARGO_PKG_VERSION")),
        ])),
        Format::Text => {
            let ready_ms = clock.monotonic().since_origin().as_millis();
            output::line(format_args!(
                "Headwater {} is ready after {ready_ms} ms",
                env!("CARGO_PKG_VERSION")
            ))?;
            output::line(format_args!("  Kafka       {address}"))?;
            output::line(format_args!("  data        {data_dir}"))?;
            output::line(format_args!("  durability  {promise}"))?;
            output::line("")?;
            output::line("Try, in another terminal:")?;
            output::line("  headwater topic create greetings")?;
            output::line("  echo hello | headwater produce greetings")?;
            output::line("  headwater consume greetings --from-beginning")?;
            output::line("Ctrl-C stops it.")
        }
    }
}

/// Every segment of the log and every connection is an open file: takes as many as the system allows this process.
fn allow_many_open_files() {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    if let Err(error) = setrlimit(Resource::Nofile, limit) {
        tracing::warn!(%error, "the limit of open files stays as it is");
    }
}

/// Waits for Ctrl-C or a termination signal.
pub(super) async fn until_told_to_stop() -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate()).context("cannot listen for signals")?;
    tokio::select! {
        biased;
        _ = terminate.recv() => Ok(()),
        interrupted = tokio::signal::ctrl_c() => interrupted.context("cannot listen for Ctrl-C"),
    }
}

pub(super) fn durability(durability: Durability) -> headwater_broker::Durability {
    match durability {
        Durability::Fsync => headwater_broker::Durability::Fsync,
        Durability::Os => headwater_broker::Durability::Os,
    }
}

fn bracketed(address: std::net::IpAddr) -> String {
    match address {
        std::net::IpAddr::V4(address) => address.to_string(),
        std::net::IpAddr::V6(address) => format!("[{address}]"),
    }
}
