//! The microservice `lunch-abroad`: joins each payment abroad with the rate of its currency, and writes a notice.

use headwater::prelude::*;

use crate::notice::Notice;
use crate::payments::Payment;
use crate::rates::Rate;

/// The application id, and the name of its consumer group.
pub const APPLICATION: &str = "lunch-abroad";
/// What was paid, by the payment's id.
pub const PAYMENTS: &str = "payments";
/// The newest rate of each currency, in pounds. Compacted.
pub const EXCHANGE_RATES: &str = "exchange-rates";
/// The messages, by the card.
pub const NOTICES: &str = "notices";

/// The currency that payments at home are made in.
const HOME: &str = "GBP";

/// The topology.
pub fn topology() -> Result<Topology, TopologyError> {
    let mut app = Topology::builder(APPLICATION).guarantee(AtLeastOnce);
    let rates = app.table(EXCHANGE_RATES, serdes(utf8(), Json::<Rate>::new()));
    app.stream(PAYMENTS, serdes(utf8(), Json::<Payment>::new()))
        .filter(|payment| payment.value.currency != HOME)
        .select_key(|payment| payment.value.currency.clone())
        .left_join("payment-rate", &rates, |payment, rate| Notice::new(&payment.value, rate))
        .select_key(|notice| notice.value.card.clone())
        .to(NOTICES, serdes(utf8(), Json::<Notice>::new()));
    app.build()
}
