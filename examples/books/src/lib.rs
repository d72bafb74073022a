//! A publisher: a book is out when its contents, its cover and its price are there (reference application A6).
//!
//! Owns: what a book is made of, what is announced of it, the microservice `books` with its topology.
//!
//! Does not know: any broker.

pub mod parts;
pub mod shelf;
mod topology;

pub use topology::{ANNOUNCEMENTS, APPLICATION, BOOKS, CONTENTS, COVERS, PRICES, topology};
