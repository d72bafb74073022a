//! All orders of what can come, against parts kept one by one.

use std::collections::BTreeMap;

use headwater::prelude::*;
use headwater_books::parts::Book;
use headwater_books::shelf::Announcement;

use crate::steps::Step::{Contents, Cover, Price};
use crate::steps::{Shop, Step, contents, cover, price};

/// How many steps a book's story has.
const STEPS: u32 = 5;

/// The step of a number from 0 to 8: for each part, one value, another, none.
fn step(number: u32) -> Step {
    let value = [Some(1), Some(2), None][(number % 3) as usize];
    [Contents, Cover, Price][(number / 3) as usize](value)
}

/// All stories of that many steps: 9 to the power of it.
fn stories() -> impl Iterator<Item = (String, Vec<Step>)> {
    (0..9_u32.pow(STEPS)).map(|number| {
        let steps = (0..STEPS).map(|place| step(number / 9_u32.pow(place) % 9));
        (format!("book-{number}"), steps.collect())
    })
}

/// What is to be announced, and when, as one would say it of three values that come and go; and what is out in the end.
fn told(steps: &[Step]) -> (Vec<(Timestamp, Announcement)>, Option<Book>) {
    let (mut has_contents, mut has_cover, mut has_price) = (None, None, None);
    let mut out: Option<Book> = None;
    let mut told = Vec::new();
    for (step, at) in steps.iter().zip(1..) {
        match *step {
            Contents(number) => has_contents = number.map(contents),
            Cover(number) => has_cover = number.map(cover),
            Price(number) => has_price = number.map(price),
        }
        let whole = has_contents.clone().zip(has_cover.clone()).zip(has_price);
        let book = whole.map(|((contents, cover), price)| Book { contents, cover, price });
        if book != out {
            let announcement = match (out, book.clone()) {
                (None, Some(book)) => Announcement::Published(book),
                (Some(from), Some(to)) => Announcement::Changed { from, to },
                (_, None) => Announcement::Withdrawn,
            };
            told.push((Timestamp(at), announcement));
        }
        out = book;
    }
    (told, out)
}

#[test]
fn whatever_comes_in_whatever_order_is_announced_as_it_becomes_true() {
    let mut shop = Shop::new();
    let (mut expected, mut expected_out) = (BTreeMap::new(), BTreeMap::new());
    let stories: Vec<_> = stories().collect();
    for place in 0..STEPS {
        for (book, steps) in &stories {
            shop.load(book, steps[place as usize], Timestamp(i64::from(place) + 1));
        }
    }
    for (book, steps) in stories {
        let (told, out) = told(&steps);
        expected_out.extend(out.map(|out| (book.clone(), out)));
        if !told.is_empty() {
            expected.insert(book, told);
        }
    }
    let mut announced: BTreeMap<String, Vec<_>> = BTreeMap::new();
    for record in shop.announcements() {
        announced.entry(record.key).or_default().push((record.timestamp, record.value));
    }
    assert_eq!(announced.len(), expected.len());
    assert!(announced == expected, "stories are told otherwise than they were");
    let newest: BTreeMap<_, _> = shop.books(Json::<Book>::new()).into_iter().collect();
    let out: BTreeMap<_, _> =
        newest.into_iter().filter_map(|(book, value)| value.map(|value| (book, value))).collect();
    assert!(out == expected_out, "the table `books` is not what is out");
}
