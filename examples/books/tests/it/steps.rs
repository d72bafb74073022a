//! What can happen to a book, and a shop that sees it happen.

use headwater::prelude::*;
use headwater::streams::{TestDriver, TestRecord};
use headwater_books::parts::{Contents, Cover, Price};
use headwater_books::shelf::Announcement;
use headwater_books::{ANNOUNCEMENTS, BOOKS, CONTENTS, COVERS, PRICES, topology};

/// One record of one of the three topics. A number makes values differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    Contents(Option<u32>),
    Cover(Option<u32>),
    Price(Option<u32>),
}

pub(crate) fn contents(number: u32) -> Contents {
    Contents { title: format!("Rivers {number}"), text: format!("rivers-{number}.txt") }
}

pub(crate) fn cover(number: u32) -> Cover {
    Cover { picture: format!("river-{number}.png") }
}

pub(crate) fn price(number: u32) -> Price {
    Price { pence: 1_000 + number }
}

/// The topology at work.
pub(crate) struct Shop(TestDriver);

impl Shop {
    pub(crate) fn new() -> Self {
        Self(TestDriver::new(&topology().unwrap()))
    }

    /// Lays a step into its topic.
    pub(crate) fn load(&mut self, book: &str, step: Step, at: Timestamp) {
        let key = book.to_owned();
        let Self(driver) = self;
        match step {
            Step::Contents(number) => {
                let record = Record::new(key, number.map(contents), at);
                driver.load(CONTENTS, serdes(utf8(), optional(Json::new())), [record])
            }
            Step::Cover(number) => {
                let record = Record::new(key, number.map(cover), at);
                driver.load(COVERS, serdes(utf8(), optional(Json::new())), [record])
            }
            Step::Price(number) => {
                let record = Record::new(key, number.map(price), at);
                driver.load(PRICES, serdes(utf8(), optional(Json::new())), [record])
            }
        }
        .unwrap();
    }

    /// All that was announced since the last time.
    pub(crate) fn announcements(&mut self) -> Vec<TestRecord<String, Announcement>> {
        self.0.run().unwrap();
        self.0.output(ANNOUNCEMENTS, serdes(utf8(), Json::new())).unwrap()
    }

    /// What was written to the topic `books` since the last time.
    pub(crate) fn books<V: 'static>(&mut self, values: impl Serde<V>) -> Vec<(String, Option<V>)> {
        self.0.run().unwrap();
        let written = self.0.output(BOOKS, serdes(utf8(), optional(values))).unwrap();
        written.into_iter().map(|book| (book.key, book.value)).collect()
    }
}
