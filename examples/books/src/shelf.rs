//! What becomes of a book. Pure.
//!
//! Invariants: announcements of a book are an edition, any number of changes of it, its withdrawal, and so on from
//! there; two that follow each other never say the same.

use serde::{Deserialize, Serialize};

use crate::parts::Book;

/// The place of a book: what stands there, and what the last change of its parts has made of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shelf {
    /// The book, if it is out.
    pub book: Option<Book>,
    /// What is to be announced; `None` if nothing has changed.
    pub announcement: Option<Announcement>,
}

/// The value of the topic `announcements`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Announcement {
    /// It is out: all of its parts are there.
    Published(Book),
    /// It stays out, but not as it was.
    Changed {
        /// As it was.
        from: Book,
        /// As it is.
        to: Book,
    },
    /// It is out no more: one of its parts is gone.
    Withdrawn,
}

impl Shelf {
    /// The shelf when the book is this from now on, or not there.
    #[must_use]
    pub fn put(self, book: Option<Book>) -> Self {
        let announcement = match (self.book, &book) {
            (None, Some(book)) => Some(Announcement::Published(book.clone())),
            (Some(from), Some(to)) if from != *to => Some(Announcement::Changed { from, to: to.clone() }),
            (Some(_), None) => Some(Announcement::Withdrawn),
            (Some(_), Some(_)) | (None, None) => None,
        };
        Self { book, announcement }
    }
}
