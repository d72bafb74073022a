//! A conversion with what is known of its advertisement. Pure.

use serde::{Deserialize, Serialize};

use crate::visit::Click;

/// The value of the topic `advertisements`, whose keys are their ids.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Advertisement {
    /// Who pays.
    pub advertiser: String,
    /// How much for a conversion.
    pub pence: u32,
}

/// The value of the topic `conversions`, whose keys are the advertisements' ids.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conversion {
    /// Who clicked.
    pub user: String,
    /// How long after the first view.
    pub after_ms: i64,
    /// Who pays how much for it; null if nobody knows the advertisement.
    pub payer: Option<Advertisement>,
}

impl Conversion {
    /// A click on an advertisement, if that is known.
    pub fn new(click: Click, advertisement: Option<&Advertisement>) -> Self {
        Self { user: click.user, after_ms: click.after_ms, payer: advertisement.cloned() }
    }
}
