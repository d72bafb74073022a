//! `headwater demo flights`.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;
use headwater_broker::{BrokerConfig, RunningBroker};
use headwater_client::admin::OffsetSpec;
use headwater_client::{Client, Consumer, ConsumerConfig, StartAt};
use headwater_flights::board::BoardRow;
use headwater_flights::source::Flights;
use headwater_flights::topics::DELAY_BOARD;
use headwater_flights::{Demo, DemoError, Status};
use headwater_model::{Clock as _, PartitionId, SystemClock, TopicName, TopicPartition};
use tempfile::TempDir;
use tokio::time::{MissedTickBehavior, interval};

use super::board::{Board, grouped};
use super::screen::Screen;
use crate::arguments::DemoFlights;
use crate::command::{connect, up};
use crate::output;

/// How large a batch of the board may become when it is decompressed.
const MAX_BATCH_BYTES: usize = 64 << 20;

/// Where the demo runs.
enum Place {
    /// Over a broker of its own; the folder, if temporary, goes with it.
    Embedded { broker: RunningBroker, data_dir: PathBuf, temporary: Option<TempDir> },
    /// Over a cluster that is there.
    Cluster,
}

pub(super) async fn run(arguments: DemoFlights) -> anyhow::Result<()> {
    let flights = match &arguments.data {
        Some(path) => Flights::open(path)?,
        None => Flights::january()?,
    };
    let clock = SystemClock::new();
    let (place, bootstrap) = prepare(&arguments, &clock).await?;
    let client = Client::connect(connect::config(&bootstrap)).await?;
    let title = title(&arguments, &place, &bootstrap);
    let mut show = Show::new(client.clone(), title, clock, bootstrap.join(","));
    let mut demo = Demo::start(client, flights).await?;
    let ended = tokio::select! {
        biased;
        told = up::until_told_to_stop() => told.map(|()| None),
        ran = show.run(&mut demo, arguments.until_done) => ran.map(Some),
    };
    match ended {
        Ok(Some(())) => {
            let status = demo.drain().await?;
            show.finish(&status).await?;
        }
        Ok(None) => demo.stop().await?,
        Err(error) => return Err(error),
    }
    say_how_to_look(&place, &bootstrap)?;
    if let Place::Embedded { broker, temporary, .. } = place {
        broker.shutdown().await;
        drop(temporary);
    }
    Ok(())
}

async fn prepare(arguments: &DemoFlights, clock: &SystemClock) -> anyhow::Result<(Place, Vec<String>)> {
    if !arguments.bootstrap.is_empty() {
        return Ok((Place::Cluster, arguments.bootstrap.clone()));
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
    let address = broker.local_addr().to_string();
    Ok((Place::Embedded { broker, data_dir, temporary }, vec![address]))
}

fn title(arguments: &DemoFlights, place: &Place, bootstrap: &[String]) -> String {
    let data = arguments.data.as_ref().map_or_else(
        || "January 2013".to_owned(),
        |path| path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned(),
    );
    let engine = match place {
        Place::Embedded { .. } => "the embedded broker at",
        Place::Cluster => "the cluster at",
    };
    format!("Flights, {data}, over {engine} {}", bootstrap.join(","))
}

fn say_how_to_look(place: &Place, bootstrap: &[String]) -> anyhow::Result<()> {
    output::line("")?;
    let address = match place {
        Place::Embedded { temporary: Some(_), .. } => {
            output::line("The broker's log was temporary. To keep it, and look at the result:")?;
            output::line("  headwater demo flights --until-done --data-dir flights-data")?;
            output::line("  headwater up --data-dir flights-data")?;
            "127.0.0.1:9092".to_owned()
        }
        Place::Embedded { data_dir, .. } => {
            output::line("Look at the result:")?;
            output::line(format_args!("  headwater up --data-dir {}", data_dir.display()))?;
            "127.0.0.1:9092".to_owned()
        }
        Place::Cluster => {
            output::line("Look at the result:")?;
            bootstrap.join(",")
        }
    };
    say_how_to_consume(&address)
}

fn say_how_to_consume(address: &str) -> anyhow::Result<()> {
    let elsewhere =
        if address == "127.0.0.1:9092" { String::new() } else { format!(" --bootstrap {address}") };
    output::line(format_args!("  headwater consume delay-board --from-beginning --until-end{elsewhere}"))?;
    output::line(format_args!("  kcat -b {address} -C -t delay-board -e      (or any Kafka client)"))
}

/// Completes when the feed is done or, if it is, when the microservice fails.
async fn fed_or_failed(demo: &mut Demo, is_fed: bool) -> Result<(), DemoError> {
    if is_fed { Err(demo.failed().await) } else { demo.fed().await }
}

/// The board on the screen, fed by what the microservice publishes.
struct Show {
    board: Board,
    screen: Screen,
    consumer: Consumer,
    client: Client,
    clock: SystemClock,
    bootstrap: String,
}

impl Show {
    fn new(client: Client, title: String, clock: SystemClock, bootstrap: String) -> Self {
        let consumer = client.consumer(ConsumerConfig::default());
        let board = Board { title, ..Board::default() };
        Self { board, screen: Screen::new(), consumer, client, clock, bootstrap }
    }

    /// Shows the board until every departure is published (or, if not `until_done`, for ever).
    async fn run(&mut self, demo: &mut Demo, until_done: bool) -> anyhow::Result<()> {
        self.follow_board().await?;
        let mut ticks = interval(self.screen.interval());
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut is_fed = false;
        loop {
            tokio::select! {
                biased;
                _ = ticks.tick() => self.tick(&demo.status(), is_fed)?,
                fed = fed_or_failed(demo, is_fed) => {
                    fed?;
                    is_fed = true;
                    if until_done {
                        return Ok(());
                    }
                }
                batches = self.consumer.poll(Duration::from_secs(1)) => self.read(&batches?)?,
            }
        }
    }

    fn tick(&mut self, status: &Status, is_fed: bool) -> anyhow::Result<()> {
        // Once all is counted there is no news, and a terminal keeps what it shows.
        let is_news = self.board.counted != status.counted || self.board.published != status.published;
        if is_fed && !is_news {
            return Ok(());
        }
        self.take(status);
        self.screen.show(&self.board)?;
        if is_fed && status.counted == status.total {
            self.screen.let_go();
            output::line("")?;
            output::line(
                "Every flight is counted, and the microservice waits for more. In another terminal:",
            )?;
            say_how_to_consume(&self.bootstrap)?;
            output::line("Ctrl-C ends it.")?;
        }
        Ok(())
    }

    /// Reads the rest of the board, and shows how it all came out.
    async fn finish(mut self, status: &Status) -> anyhow::Result<()> {
        self.take(status);
        let at =
            self.consumer.assignment().into_iter().map(|at| (at, OffsetSpec::Latest)).collect::<Vec<_>>();
        let ends = self.client.admin().offsets(&at).await?;
        for (at, end) in ends {
            while self.consumer.position(&at)?.zip(end.offset).is_none_or(|(position, end)| position < end) {
                let batches = self.consumer.poll(Duration::from_secs(1)).await?;
                self.read(&batches)?;
            }
        }
        self.consumer.close().await;
        self.screen.show(&self.board)?;
        output::line("")?;
        output::line(format_args!(
            "done: {} events in, {} updates of windows out, {} late, in {:.1} s",
            grouped(status.counted),
            grouped(status.updates),
            grouped(status.late),
            self.board.elapsed.as_secs_f64()
        ))
    }

    async fn follow_board(&self) -> anyhow::Result<()> {
        let topic = TopicName::new(DELAY_BOARD)?;
        let partitions = self.client.admin().describe_topic(&topic).await?.partitions.len() as i32;
        let all = (0..partitions).map(|partition| TopicPartition::new(topic.clone(), PartitionId(partition)));
        Ok(self.consumer.assign(all.map(|at| (at, StartAt::Earliest)))?)
    }

    fn take(&mut self, status: &Status) {
        self.board.total = status.total;
        self.board.published = status.published;
        self.board.counted = status.counted;
        self.board.updates = status.updates;
        self.board.late = status.late;
        self.board.elapsed = self.clock.monotonic().since_origin();
    }

    fn read(&mut self, batches: &[headwater_client::Fetched]) -> anyhow::Result<()> {
        for fetched in batches {
            let batch = fetched.open(MAX_BATCH_BYTES)?;
            for record in fetched.records(&batch) {
                let value = record?.value.context("the topic delay-board holds a tombstone")?;
                let row: BoardRow =
                    serde_json::from_slice(value).context("the topic delay-board holds something else")?;
                self.board.show(row);
            }
        }
        Ok(())
    }
}
