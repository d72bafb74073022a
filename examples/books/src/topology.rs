//! The microservice `books`: joins the tables of contents, covers and prices, and announces what becomes of each book.

use headwater::prelude::*;

use crate::parts::{Book, Contents, Cover, Price};
use crate::shelf::Shelf;

/// The application id, and the name of its consumer group.
pub const APPLICATION: &str = "books";
/// The contents, by book. Compacted.
pub const CONTENTS: &str = "contents";
/// The covers, by book. Compacted; as many partitions as `contents`.
pub const COVERS: &str = "covers";
/// The prices, by book. Compacted; as many partitions as `contents`.
pub const PRICES: &str = "prices";
/// The books that are out. Compacted.
pub const BOOKS: &str = "books";
/// What becomes of books, by book.
pub const ANNOUNCEMENTS: &str = "announcements";

/// The topology.
pub fn topology() -> Result<Topology, TopologyError> {
    let mut app = Topology::builder(APPLICATION).guarantee(AtLeastOnce);
    let contents = app.table(CONTENTS, serdes(utf8(), Json::<Contents>::new()));
    let covers = app.table(COVERS, serdes(utf8(), Json::<Cover>::new()));
    let prices = app.table(PRICES, serdes(utf8(), Json::<Price>::new()));
    let complete = contents
        .join("bound", &covers, |_, contents, cover| (contents.clone(), cover.clone()))
        .join("complete", &prices, |_, (contents, cover), price| Book {
            contents: contents.clone(),
            cover: cover.clone(),
            price: *price,
        });
    let changes = complete.to_stream();
    changes.to(BOOKS, serdes(utf8(), optional(Json::new())));
    changes
        .group_by_key()
        .aggregate("shelves", Shelf::default, |_, book, shelf| shelf.put(book), serdes(utf8(), Json::new()))
        .updates()
        .flat_map_values(|shelf| shelf.value.announcement)
        .to(ANNOUNCEMENTS, serdes(utf8(), Json::new()));
    app.build()
}
