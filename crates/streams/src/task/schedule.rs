//! The choice of the input whose turn it is.

use std::time::Duration;

use headwater_model::{Monotonic, Timestamp};

/// What the choice needs to know of an input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum InputState {
    /// Its oldest waiting record is of this time.
    Ready(Timestamp),
    /// It has records that have not come yet.
    Lagging,
    /// It has no record now, since that moment; more may be written.
    AtEnd(Monotonic),
    /// It will never have another record.
    Finished,
}

/// Whose turn it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Choice {
    Process(usize),
    Wait(Option<Monotonic>),
    Idle,
    Finished,
}

/// Chooses the oldest record, unless an input without one must be waited for.
///
/// `now` is the moment at which the states were taken; an input at its end holds the others up for `max_idle`.
pub(super) fn choose(states: &[InputState], now: Monotonic, max_idle: Duration) -> Choice {
    let mut oldest: Option<(Timestamp, usize)> = None;
    let mut lagging = false;
    let mut held_until: Option<Monotonic> = None;
    let mut finished = true;
    for (index, state) in states.iter().enumerate() {
        match *state {
            InputState::Ready(time) if oldest.is_none_or(|(oldest, _)| time < oldest) => {
                oldest = Some((time, index));
            }
            InputState::Ready(_) | InputState::Finished => {}
            InputState::Lagging => lagging = true,
            InputState::AtEnd(since) => {
                finished = false;
                let until = since + max_idle;
                if until > now {
                    held_until = held_until.max(Some(until));
                }
            }
        }
    }
    match (oldest, lagging, held_until) {
        (_, true, _) => Choice::Wait(None),
        (Some(_), false, Some(until)) => Choice::Wait(Some(until)),
        (Some((_, index)), false, None) => Choice::Process(index),
        (None, false, _) if finished => Choice::Finished,
        (None, false, _) => Choice::Idle,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Choice::{Finished, Idle, Process, Wait};
    use InputState::{AtEnd, Lagging, Ready};

    fn second(number: u64) -> Monotonic {
        Monotonic::from_origin(Duration::from_secs(number))
    }

    fn check(rule: &str, states: &[InputState], max_idle_s: u64, expected: Choice) {
        let choice = choose(states, second(100), Duration::from_secs(max_idle_s));
        assert_eq!(choice, expected, "{rule}");
    }

    #[test]
    fn the_oldest_record_is_next_and_no_input_that_may_have_an_older_one_is_passed_over() {
        let (early, late) = (Ready(Timestamp(1)), Ready(Timestamp(2)));
        check("the oldest record is next", &[late, early], 0, Process(1));
        check("ties go to the input declared first", &[late, early, early], 0, Process(1));
        check("an input that lags is waited for", &[early, Lagging], 0, Wait(None));
        check("lagging alone is no idleness", &[Lagging], 0, Wait(None));
        check("an input at its end is not waited for", &[early, AtEnd(second(100))], 0, Process(0));
        check("unless the author says how long", &[early, AtEnd(second(98))], 5, Wait(Some(second(103))));
        check("and then it is not waited for longer", &[early, AtEnd(second(95))], 5, Process(0));
        check("a finished input is not waited for", &[early, InputState::Finished], 5, Process(0));
        check("nothing to do", &[AtEnd(second(1)), InputState::Finished], 0, Idle);
        check("nothing will ever come", &[InputState::Finished; 2], 0, Finished);
        check("a task without inputs is finished", &[], 0, Finished);
    }
}
