//! What becomes of the records that share groups consume (KIP-932).

mod acknowledging;
mod acquiring;
mod large;
mod model;
mod properties;
mod recording;
mod releasing;
mod schedules;
mod script;
