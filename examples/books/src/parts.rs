//! What a book is made of.

use serde::{Deserialize, Serialize};

/// The value of the topic `contents`, whose keys are books.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contents {
    /// The title.
    pub title: String,
    /// Where the text is.
    pub text: String,
}

/// The value of the topic `covers`, whose keys are books.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cover {
    /// Where the picture is.
    pub picture: String,
}

/// The value of the topic `prices`, whose keys are books.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Price {
    /// What it costs.
    pub pence: u32,
}

/// A book, which has all of it. The value of the topic `books`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Book {
    /// What is in it.
    pub contents: Contents,
    /// What it looks like.
    pub cover: Cover,
    /// What it costs.
    pub price: Price,
}
