//! What users do, and a topology that sees it.

use headwater::prelude::*;
use headwater::streams::TestDriver;
use headwater_advertising::conversion::{Advertisement, Conversion};
use headwater_advertising::visit::{Kind, Seen, Visit};
use headwater_advertising::{ADVERTISEMENTS, CLICKS, CONVERSIONS, GAP, GRACE, VIEWS, VISITS, topology};

pub(crate) const MINUTE_MS: i64 = 60_000;

/// One thing that somebody did: user, what, advertisement, when.
pub(crate) type Did = (&'static str, Kind, &'static str, Timestamp);

/// Something done at a minute.
pub(crate) fn did(user: &'static str, kind: Kind, advertisement: &'static str, minute: i64) -> Did {
    (user, kind, advertisement, Timestamp(minute * MINUTE_MS))
}

/// The topology at work.
pub(crate) struct Web(TestDriver);

impl Web {
    pub(crate) fn new() -> Self {
        Self(TestDriver::new(&topology().unwrap()))
    }

    /// Loads an advertisement as it is from a minute on; tombstones are `None`.
    pub(crate) fn advertise(&mut self, id: &str, details: Option<(&str, u32)>, minute: i64) {
        let advertisement =
            details.map(|(advertiser, pence)| Advertisement { advertiser: advertiser.to_owned(), pence });
        let record = Record::new(id.to_owned(), advertisement, Timestamp(minute * MINUTE_MS));
        self.0.load(ADVERTISEMENTS, serdes(utf8(), optional(Json::new())), [record]).unwrap();
    }

    /// Loads what was done, in this order.
    pub(crate) fn load(&mut self, done: &[Did]) {
        for (topic, wanted) in [(VIEWS, Kind::View), (CLICKS, Kind::Click)] {
            let records = done.iter().filter(|(_, kind, ..)| *kind == wanted).map(|(user, _, id, at)| {
                Record::new((*user).to_owned(), Seen { advertisement: (*id).to_owned() }, *at)
            });
            self.0.load(topic, serdes(utf8(), Json::new()), records).unwrap();
        }
    }

    /// Takes up all that was loaded, and lets stream time pass the end of all its visits.
    pub(crate) fn run(&mut self, done: &[Did]) {
        let last = done.iter().map(|(.., at)| *at).max().unwrap();
        let over = GAP.as_millis() as i64 + GRACE.as_millis() as i64 + 1;
        self.load(&[("nobody", Kind::View, "", last.plus_ms(over))]);
        self.0.run().unwrap();
    }

    pub(crate) fn late(&self) -> u64 {
        self.0.late("visits-so-far")
    }

    pub(crate) fn visits(&mut self) -> Vec<Visit> {
        let visits = self.0.output(VISITS, serdes(utf8(), Json::<Visit>::new())).unwrap();
        assert!(visits.iter().all(|visit| visit.key == visit.value.user));
        visits.into_iter().map(|visit| visit.value).collect()
    }

    /// The conversions in words.
    pub(crate) fn conversions(&mut self) -> String {
        let conversions = self.0.output(CONVERSIONS, serdes(utf8(), Json::<Conversion>::new())).unwrap();
        let lines = conversions.into_iter().map(|conversion| {
            let Conversion { user, after_ms, payer } = conversion.value;
            let payer = payer.map_or("nobody".to_owned(), |Advertisement { advertiser, pence }| {
                format!("{advertiser} {pence}p")
            });
            format!("{user} on {} after {} min: {payer} pays\n", conversion.key, after_ms / MINUTE_MS)
        });
        lines.collect::<Vec<_>>().concat()
    }
}
