//! The message about a payment. Pure.

use serde::{Deserialize, Serialize};

use crate::payments::Payment;
use crate::rates::Rate;

/// The value of the topic `notices`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Notice {
    /// The card.
    pub card: String,
    /// What its holder reads.
    pub text: String,
    /// The cost in pounds; null if there was no rate.
    pub pounds: Option<f64>,
}

impl Notice {
    /// What to say about a payment, given the rate of its currency, if it has one.
    pub fn new(payment: &Payment, rate: Option<&Rate>) -> Self {
        let Payment { card, place, amount, currency } = payment;
        let pounds = rate.map(|rate| whole_pence(amount * rate.pounds));
        let text = match (pounds, rate) {
            (Some(pounds), Some(Rate { date, .. })) => {
                format!("{amount:.2} {currency} in {place}: {pounds:.2} GBP at the rate of {date}")
            }
            _ => format!("{amount:.2} {currency} in {place}: there is no rate of {currency}"),
        };
        Self { card: card.clone(), text, pounds }
    }
}

fn whole_pence(pounds: f64) -> f64 {
    (pounds * 100.0).round() / 100.0
}
