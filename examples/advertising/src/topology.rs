//! The microservice `advertising`: gathers views and clicks to visits, and tells who pays for which conversion.

use std::time::Duration;

use headwater::prelude::*;
use headwater::streams::{EmitStrategy, SessionWindows};

use crate::conversion::{Advertisement, Conversion};
use crate::visit::{Action, Click, Kind, Seen, Visit};

/// The application id, and the name of its consumer group.
pub const APPLICATION: &str = "advertising";
/// What was seen, by user.
pub const VIEWS: &str = "views";
/// What was clicked on, by user. As many partitions as `views`.
pub const CLICKS: &str = "clicks";
/// The advertisements, by id. Compacted.
pub const ADVERTISEMENTS: &str = "advertisements";
/// Visits that are over, by user.
pub const VISITS: &str = "visits";
/// Conversions, by advertisement.
pub const CONVERSIONS: &str = "conversions";

/// A visit is over when its user has done nothing for longer than that.
pub const GAP: Duration = Duration::from_mins(30);
/// How late an action may come and still belong to its visit.
pub const GRACE: Duration = Duration::from_mins(5);

/// The topology.
pub fn topology() -> Result<Topology, TopologyError> {
    let mut app = Topology::builder(APPLICATION).guarantee(AtLeastOnce);
    let advertisements = app.table(ADVERTISEMENTS, serdes(utf8(), Json::<Advertisement>::new()));
    let views = app
        .stream(VIEWS, serdes(utf8(), Json::<Seen>::new()))
        .map_values(|seen| Action::new(Kind::View, seen.value, seen.timestamp));
    let clicks = app
        .stream(CLICKS, serdes(utf8(), Json::<Seen>::new()))
        .map_values(|seen| Action::new(Kind::Click, seen.value, seen.timestamp));
    let visits = views
        .merge(&clicks)
        .group_by_key()
        .windowed_by(SessionWindows::with_gap(GAP).grace(GRACE))
        .emit(EmitStrategy::OnClose)
        .aggregate(
            "visits-so-far",
            Visit::default,
            |user: &String, action, visit| visit.with(user, action),
            |_, visit, other| visit.merge(other),
            serdes(utf8(), Json::new()),
        )
        .updates()
        .map(|visit| (visit.key.key, visit.value));
    visits.to(VISITS, serdes(utf8(), Json::new()));
    visits
        .flat_map(|visit| {
            let clicks = visit.value.conversions().into_iter();
            clicks.map(|click| (click.advertisement.clone(), click)).collect::<Vec<_>>()
        })
        .with_serdes(serdes(utf8(), Json::<Click>::new()))
        .left_join("advertisement-of-click", &advertisements, |click, advertisement| {
            Conversion::new(click.value, advertisement)
        })
        .to(CONVERSIONS, serdes(utf8(), Json::new()));
    app.build()
}
