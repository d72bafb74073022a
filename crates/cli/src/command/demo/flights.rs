//! `headwater demo flights`.

use std::time::Duration;

use anyhow::Context as _;
use headwater_client::{Client, Consumer, ConsumerConfig, Fetched};
use headwater_flights::board::BoardRow;
use headwater_flights::source::Flights;
use headwater_flights::topics::DELAY_BOARD;
use headwater_flights::{Demo, DemoError, Status};
use headwater_model::{Clock as _, SystemClock};
use tokio::time::{MissedTickBehavior, interval};

use super::board::{Board, grouped};
use super::place::{Place, say_how_to_consume};
use super::screen::Screen;
use super::topic::{MAX_BATCH_BYTES, assign_all, read_to_end};
use crate::arguments::DemoFlights;
use crate::command::{connect, up};
use crate::output;

pub(super) async fn run(arguments: DemoFlights) -> anyhow::Result<()> {
    let flights = match &arguments.data {
        Some(path) => Flights::open(path)?,
        None => Flights::january()?,
    };
    let clock = SystemClock::new();
    let place = Place::prepare(&arguments.place, &clock).await?;
    let client = Client::connect(connect::config(place.bootstrap())).await?;
    let title = title(&arguments, &place);
    let mut show = Show::new(client.clone(), title, clock, place.bootstrap().join(","));
    let mut demo = Demo::start(client, flights, arguments.place.workers.into()).await?;
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
    place.say_how_to_look("flights --until-done", "flights-data", DELAY_BOARD)?;
    place.close().await;
    Ok(())
}

fn title(arguments: &DemoFlights, place: &Place) -> String {
    let data = arguments.data.as_ref().map_or_else(
        || "January 2013".to_owned(),
        |path| path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned(),
    );
    format!("Flights, {data}, over {place}")
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
        assign_all(&self.client, &self.consumer, DELAY_BOARD).await?;
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
                batches = self.consumer.poll(Duration::from_secs(1)) => show(&mut self.board, &batches?)?,
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
            say_how_to_consume(DELAY_BOARD, &self.bootstrap)?;
            output::line("Ctrl-C ends it.")?;
        }
        Ok(())
    }

    /// Reads the rest of the board, and shows how it all came out.
    async fn finish(mut self, status: &Status) -> anyhow::Result<()> {
        self.take(status);
        read_to_end(&self.client, &self.consumer, |batches| show(&mut self.board, batches)).await?;
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

    fn take(&mut self, status: &Status) {
        self.board.total = status.total;
        self.board.published = status.published;
        self.board.counted = status.counted;
        self.board.updates = status.updates;
        self.board.late = status.late;
        self.board.elapsed = self.clock.monotonic().since_origin();
    }
}

/// Shows what was read.
fn show(board: &mut Board, batches: &[Fetched]) -> anyhow::Result<()> {
    for fetched in batches {
        let batch = fetched.open(MAX_BATCH_BYTES)?;
        for record in fetched.records(&batch) {
            let value = record?.value.context("the topic delay-board holds a tombstone")?;
            let row: BoardRow =
                serde_json::from_slice(value).context("the topic delay-board holds something else")?;
            board.show(row);
        }
    }
    Ok(())
}
