//! How a worker asks its consumer, which the group may have taken partitions from meanwhile.
//!
//! Owns: what of the consumer's errors is no error of the worker's.
//!
//! Does not know: tasks.

use std::time::Duration;

use headwater_client::{Connector, ConsumeError, Consumer, ConsumerEvent, GroupError};

/// How long one poll waits for news.
const WAIT: Duration = Duration::from_millis(100);

/// What happens next to the partitions of a consumer, of which nothing is handed out.
pub(super) async fn next_news<C: Connector>(consumer: &Consumer<C>) -> Result<ConsumerEvent, ConsumeError> {
    loop {
        if let Some(news) = poll(consumer, WAIT).await? {
            return Ok(news);
        }
    }
}

/// Polls. A worker that comes too late, because something took long, has lost its partitions, and joins again.
pub(super) async fn poll<C: Connector>(
    consumer: &Consumer<C>,
    wait: Duration,
) -> Result<Option<ConsumerEvent>, ConsumeError> {
    match consumer.poll_event(wait).await {
        Err(ConsumeError::Group(error @ GroupError::PollTooLate { .. })) => {
            tracing::warn!("{error}");
            Ok(Some(ConsumerEvent::Lost(Vec::new())))
        }
        event => event,
    }
}

/// What was asked of a partition; `None` if the group has taken it back, which the next event tells.
pub(super) fn unless_taken<T>(asked: Result<T, ConsumeError>) -> Result<Option<T>, ConsumeError> {
    match asked {
        Ok(answer) => Ok(Some(answer)),
        Err(ConsumeError::NotAssigned(_)) => Ok(None),
        Err(error) => Err(error),
    }
}
