//! The embedded broker over a simulated disk and network, on virtual time.
//!
//! Owns: starting it, connecting clients to it, and taking its power away.
//!
//! Invariants: everything runs on the one runtime that the cluster was started on; a power loss keeps what was synced
//! and what the disk likes besides.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use headwater_broker::{Advertised, Broker, BrokerConfig, BrokerError, Execution};
use headwater_client::{Client, ClientConfig, ConnectError, Connector};
use headwater_log::sim::SimDisk;
use headwater_model::Entropy;
use tokio::io::DuplexStream;

use crate::{Faults, SimClock, SimNet, meddler};

const HOST: &str = "broker";
const PORT: u16 = 9092;
const MEDDLERS_BUFFER: usize = 64 * 1024;

/// A broker that can lose its power, and the network to it.
#[derive(Debug)]
pub struct SimCluster {
    /// The network between clients and broker.
    pub net: SimNet,
    /// The broker's disk.
    pub disk: SimDisk,
    /// The time of everybody.
    pub clock: SimClock,
    meddled: Arc<AtomicU64>,
    config: BrokerConfig,
    entropy: Entropy,
    broker: Option<Broker>,
}

/// Connects clients to whatever listens on a [`SimNet`].
#[derive(Debug, Clone)]
pub struct SimConnector {
    net: SimNet,
}

impl Connector for SimConnector {
    type Stream = DuplexStream;

    async fn connect(&self, _host: &str, _port: u16) -> io::Result<DuplexStream> {
        self.net.connect()
    }
}

impl SimCluster {
    /// A broker with default settings. Call it within a current-thread runtime whose time is paused; everything that
    /// happens then follows from the seed.
    pub fn start(seed: u64, faults: Faults) -> Result<Self, BrokerError> {
        let mut entropy = Entropy::from_seed(seed);
        let clock = SimClock::start();
        let config = BrokerConfig {
            data_dir: "/data".into(),
            execution: Execution::Inline,
            advertised: Some(Advertised { host: HOST.to_owned(), port: PORT }),
            ..BrokerConfig::default()
        };
        let mut cluster = Self {
            net: SimNet::new(entropy.next_u64(), faults, clock.clone()),
            disk: SimDisk::new(entropy.next_u64()),
            clock,
            meddled: Arc::default(),
            config,
            entropy,
            broker: None,
        };
        cluster.power_on()?;
        Ok(cluster)
    }

    /// How many requests were answered with an error that the broker did not give.
    pub fn meddled(&self) -> u64 {
        self.meddled.load(Ordering::Relaxed)
    }

    /// Starts the broker, which recovers what its disk holds.
    pub fn power_on(&mut self) -> Result<(), BrokerError> {
        let disk = Arc::new(self.disk.clone());
        let clock = Arc::new(self.clock.clone());
        let broker = Broker::open(self.config.clone(), disk, clock, self.entropy.fork())?;
        self.broker = Some(broker.clone());
        let meddled = Arc::clone(&self.meddled);
        self.net.listen(move |stream, faults, entropy| {
            let broker = broker.clone();
            let stream = match faults.error_one_in {
                0 => stream,
                one_in => {
                    let (ours, brokers) = tokio::io::duplex(MEDDLERS_BUFFER);
                    meddler::meddle(stream, ours, entropy, one_in, Arc::clone(&meddled));
                    brokers
                }
            };
            tokio::spawn(async move { broker.serve_connection(stream, "simulated client").await });
        });
        Ok(())
    }

    /// Cuts every connection and the power. What was not synced is lost, in part or whole.
    pub fn lose_power(&mut self) {
        self.net.stop_listening();
        self.broker = None;
        self.disk.power_loss();
    }

    /// A client over the simulated network.
    pub async fn client(&mut self, name: &str) -> Result<Client<SimConnector>, ConnectError> {
        let config =
            ClientConfig { client_id: name.to_owned(), ..ClientConfig::new([format!("{HOST}:{PORT}")]) };
        self.client_with(config).await
    }

    /// The same, with settings of its own.
    pub async fn client_with(&mut self, config: ClientConfig) -> Result<Client<SimConnector>, ConnectError> {
        let connector = SimConnector { net: self.net.clone() };
        Client::with(config, connector, Arc::new(self.clock.clone()), self.entropy.fork()).await
    }
}

/// Runs a simulation to its end, on a runtime of its own with paused time.
///
/// # Panics
/// If the runtime cannot be made.
pub fn simulate<F: Future>(simulation: impl FnOnce() -> F) -> F::Output {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    #[expect(clippy::expect_used, reason = "a test kit; without a runtime there is no test")]
    let runtime = runtime.expect("a current-thread runtime can be made");
    runtime.block_on(async { simulation().await })
}
