//! What a member wants done.

use super::{Effect, GroupRequest, Ticket};

/// Effects until they are taken, and the tickets of those that are answered.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    effects: Vec<Effect>,
    last_ticket: Ticket,
}

impl Outbox {
    pub(super) fn push(&mut self, effect: Effect) {
        self.effects.push(effect);
    }

    /// To be answered under the ticket that it gives.
    pub(super) fn ask(&mut self, effect: impl FnOnce(Ticket) -> Effect) -> Ticket {
        self.last_ticket += 1;
        self.effects.push(effect(self.last_ticket));
        self.last_ticket
    }

    pub(super) fn send(&mut self, request: GroupRequest) -> Ticket {
        self.ask(|ticket| Effect::Send(ticket, request))
    }

    pub(super) fn take(&mut self) -> Vec<Effect> {
        std::mem::take(&mut self.effects)
    }
}
