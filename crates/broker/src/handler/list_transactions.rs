//! ListTransactions: the transactional ids, by state, producer, age and name.

use std::collections::BTreeSet;
use std::sync::Arc;

use headwater_coordinator::{Outcome, StoredTransaction, TransactionState as State, Transactions};
use headwater_model::{ErrorCode, Timestamp};
use headwater_wire::messages::list_transactions::{
    ListTransactionsRequest, ListTransactionsResponse, TransactionState,
};
use regex_lite::Regex;

use crate::api::{Context, Meta};

const STATES: [State; 6] = [
    State::Empty,
    State::Ongoing,
    State::Prepared(Outcome::Commit),
    State::Prepared(Outcome::Abort),
    State::Completed(Outcome::Commit),
    State::Completed(Outcome::Abort),
];

pub(crate) async fn handle(
    context: Arc<Context>,
    _: Meta,
    request: ListTransactionsRequest,
) -> ListTransactionsResponse {
    let refused =
        |error: ErrorCode| ListTransactionsResponse { error_code: error.code(), ..Default::default() };
    let is_known = |name: &&String| STATES.iter().any(|state| state.name() == name.as_str());
    let unknown_state_filters: Vec<String> =
        request.state_filters.iter().filter(|name| !is_known(name)).cloned().collect();
    let filter = match Filter::new(request, context.broker.clock().now()) {
        Ok(filter) => Arc::new(filter),
        Err(error) => return refused(error),
    };
    let look = move |transactions: &Transactions| {
        transactions.iter().filter(|stored| filter.passes(stored)).map(listed).collect::<Vec<_>>()
    };
    match context.broker.look_at_all(look).await {
        Ok(found) => ListTransactionsResponse {
            unknown_state_filters,
            transaction_states: found.into_iter().flatten().collect(),
            ..Default::default()
        },
        Err(error) => refused(error),
    }
}

fn listed(stored: &StoredTransaction) -> TransactionState {
    TransactionState {
        transactional_id: stored.id.to_string(),
        producer_id: stored.producer.id.0,
        transaction_state: stored.state.name().to_owned(),
    }
}

/// Which to list. What is empty lets everything pass.
struct Filter {
    states: BTreeSet<String>,
    producers: BTreeSet<i64>,
    /// Only those that have been open for longer.
    open_for_ms: Option<i64>,
    name: Option<Regex>,
    now: Timestamp,
}

impl Filter {
    fn new(request: ListTransactionsRequest, now: Timestamp) -> Result<Self, ErrorCode> {
        let pattern = request.transactional_id_pattern.filter(|pattern| !pattern.is_empty());
        // The whole name has to match.
        let name = pattern.map(|pattern| Regex::new(&format!("^(?:{pattern})$"))).transpose();
        Ok(Self {
            states: request.state_filters.into_iter().collect(),
            producers: request.producer_id_filters.into_iter().collect(),
            open_for_ms: Some(request.duration_filter).filter(|duration| *duration >= 0),
            name: name.map_err(|_| ErrorCode::InvalidRegularExpression)?,
            now,
        })
    }

    fn passes(&self, stored: &StoredTransaction) -> bool {
        let old_enough = |least: i64| {
            let open = matches!(stored.state, State::Ongoing | State::Prepared(_));
            open && stored.started_at.is_some_and(|began| self.now.ms_since(began) > least)
        };
        (self.states.is_empty() || self.states.contains(stored.state.name()))
            && (self.producers.is_empty() || self.producers.contains(&stored.producer.id.0))
            && self.open_for_ms.is_none_or(old_enough)
            && self.name.as_ref().is_none_or(|name| name.is_match(stored.id.as_str()))
    }
}
