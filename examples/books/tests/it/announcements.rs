//! What is said of one book.

use expect_test::{Expect, expect};
use headwater::prelude::*;
use headwater_books::parts::Book;
use headwater_books::shelf::Announcement;
use headwater_books::topology;

use crate::steps::Step::{Contents, Cover, Price};
use crate::steps::{Shop, Step};

fn short(book: &Book) -> String {
    format!("{}, {}, {}p", book.contents.title, book.cover.picture, book.price.pence)
}

/// Says after each step what was announced.
fn check(steps: &[Step], expected: &Expect) {
    let mut shop = Shop::new();
    let said = steps.iter().zip(1..).map(|(step, time)| {
        shop.load("rivers", *step, Timestamp(time));
        let announced = shop.announcements().into_iter().map(|announcement| match announcement.value {
            Announcement::Published(book) => format!("published: {}", short(&book)),
            Announcement::Changed { from, to } => format!("changed: {} to {}", short(&from), short(&to)),
            Announcement::Withdrawn => "withdrawn".to_owned(),
        });
        let announced = announced.reduce(|one, more| format!("{one}; {more}"));
        format!("{step:?}: {}\n", announced.unwrap_or("nothing".to_owned()))
    });
    expected.assert_eq(&said.collect::<Vec<_>>().concat());
}

#[test]
fn a_book_is_published_once_when_the_last_of_its_parts_is_there() {
    check(
        &[Price(Some(1)), Contents(Some(1)), Cover(Some(1))],
        &expect![[r#"
        Price(Some(1)): nothing
        Contents(Some(1)): nothing
        Cover(Some(1)): published: Rivers 1, river-1.png, 1001p
    "#]],
    );
}

#[test]
fn a_book_that_is_out_changes_with_each_part_and_not_with_what_is_the_same() {
    let out = [Contents(Some(1)), Cover(Some(1)), Price(Some(1))];
    let then = [Price(Some(2)), Price(Some(2)), Cover(Some(2)), Contents(Some(2)), Contents(Some(2))];
    check(
        &[out.as_slice(), &then].concat(),
        &expect![[r#"
        Contents(Some(1)): nothing
        Cover(Some(1)): nothing
        Price(Some(1)): published: Rivers 1, river-1.png, 1001p
        Price(Some(2)): changed: Rivers 1, river-1.png, 1001p to Rivers 1, river-1.png, 1002p
        Price(Some(2)): nothing
        Cover(Some(2)): changed: Rivers 1, river-1.png, 1002p to Rivers 1, river-2.png, 1002p
        Contents(Some(2)): changed: Rivers 1, river-2.png, 1002p to Rivers 2, river-2.png, 1002p
        Contents(Some(2)): nothing
    "#]],
    );
}

#[test]
fn a_book_is_withdrawn_once_and_published_again_when_it_is_whole_again() {
    let steps = [
        Contents(Some(1)),
        Cover(Some(1)),
        Price(Some(1)),
        Cover(None),
        Cover(None),
        Price(Some(2)),
        Price(None),
        Cover(Some(2)),
        Price(Some(3)),
    ];
    check(
        &steps,
        &expect![[r#"
        Contents(Some(1)): nothing
        Cover(Some(1)): nothing
        Price(Some(1)): published: Rivers 1, river-1.png, 1001p
        Cover(None): withdrawn
        Cover(None): nothing
        Price(Some(2)): nothing
        Price(None): nothing
        Cover(Some(2)): nothing
        Price(Some(3)): published: Rivers 1, river-2.png, 1003p
    "#]],
    );
}

#[test]
fn of_a_book_that_was_never_out_nothing_is_said() {
    let steps = [Cover(Some(1)), Price(Some(1)), Contents(None), Cover(None), Contents(Some(1)), Price(None)];
    check(
        &steps,
        &expect![[r#"
        Cover(Some(1)): nothing
        Price(Some(1)): nothing
        Contents(None): nothing
        Cover(None): nothing
        Contents(Some(1)): nothing
        Price(None): nothing
    "#]],
    );
}

#[test]
fn the_topics_hold_json_that_anybody_can_read() {
    let mut shop = Shop::new();
    for (step, time) in [Contents(Some(1)), Cover(Some(1)), Price(Some(1)), Price(None)].into_iter().zip(1..)
    {
        shop.load("rivers", step, Timestamp(time));
    }
    let books = shop.books(utf8()).into_iter();
    let books: Vec<_> = books.map(|(key, book)| format!("{key}: {}\n", book.unwrap_or("~".into()))).collect();
    expect![[r#"
        rivers: {"contents":{"title":"Rivers 1","text":"rivers-1.txt"},"cover":{"picture":"river-1.png"},"price":{"pence":1001}}
        rivers: ~
    "#]].assert_eq(&books.concat());
}

#[test]
fn the_topology_is_as_the_book_shows_it() {
    expect![[r#"
        topology books, at least once

        sub-topology 0, stateful
          table contents
            join bound with table covers
              join complete with table prices
                to stream
                  to books
                  aggregate shelves
                    updates
                      flat map values
                        to announcements
          table covers
            join bound with table covers, see above
          table prices
            join complete with table prices, see above
          store contents: newest value per key, backed by contents
          store covers: newest value per key, backed by covers
          store prices: newest value per key, backed by prices
          store shelves: value per key, backed by books-shelves-changelog
    "#]]
    .assert_eq(&topology().unwrap().to_string());
}
