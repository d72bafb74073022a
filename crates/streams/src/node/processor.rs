//! Authors' processors as nodes: called with records, and by timers.

use std::marker::PhantomData;
use std::sync::{Arc, Mutex, PoisonError};

use headwater_model::Timestamp;

use super::{Node, Processed};
use crate::context::{Context, ProcessorId, PunctuationType, Timer};
use crate::error::TaskError;
use crate::graph::NodeId;
use crate::processor::{At, Cause, ProcessingContext, Processor, ProcessorContext, ProcessorError};
use crate::record::Record;

/// A processor between what leads to it and what is behind it.
pub(crate) struct Seat<P: Processor<K, V>, K, V> {
    pub(crate) id: ProcessorId,
    pub(crate) operator: NodeId,
    pub(crate) processor: P,
    pub(crate) next: Box<dyn Node<P::Key, P::Value>>,
    pub(crate) takes: PhantomData<fn(K, V)>,
}

/// One of two ways to a processor: records take this one, timers the task's. No two are gone at once.
pub(crate) struct ProcessorNode<S>(Arc<Mutex<S>>);

/// What a task can do with a processor but hand it records.
pub(crate) trait Timed: Send {
    /// Lets the processor begin.
    fn init(&mut self, context: &mut Context) -> Processed;

    /// Lets the processor take a timer's turn; `time` is what the timer's clock shows.
    fn punctuate(&mut self, timer: Timer, time: Timestamp, context: &mut Context) -> Processed;
}

/// The processors of a task, by their numbers.
#[derive(Default)]
pub(crate) struct Processors {
    all: Vec<Arc<Mutex<dyn Timed>>>,
    have_begun: bool,
}

impl Processors {
    /// Adds a processor.
    pub(super) fn seat<S: Timed + 'static>(
        &mut self,
        make: impl FnOnce(ProcessorId) -> S,
    ) -> ProcessorNode<S> {
        let seat = Arc::new(Mutex::new(make(ProcessorId(self.all.len()))));
        self.all.push(Arc::clone(&seat) as Arc<Mutex<dyn Timed>>);
        ProcessorNode(seat)
    }

    /// Lets the processors begin, unless they have.
    pub(crate) fn begin(&mut self, context: &mut Context) -> Processed {
        if std::mem::replace(&mut self.have_begun, true) {
            return Ok(());
        }
        context.set_has_record(false);
        for processor in &self.all {
            processor.lock().unwrap_or_else(PoisonError::into_inner).init(context)?;
        }
        context.set_has_record(true);
        Ok(())
    }

    /// Lets every timer take its turn that is due by a clock.
    pub(crate) fn punctuate(&self, kind: PunctuationType, context: &mut Context) -> Processed {
        if self.all.is_empty() {
            return Ok(());
        }
        let now = context.now(kind);
        while let Some((timer, ProcessorId(number))) = context.timers().take_due(kind, now) {
            if let Some(processor) = self.all.get(number) {
                context.set_has_record(false);
                let mut processor = processor.lock().unwrap_or_else(PoisonError::into_inner);
                processor.punctuate(timer, now, context)?;
                context.set_has_record(true);
            }
        }
        Ok(())
    }
}

impl<K, V, P: Processor<K, V>> Node<K, V> for ProcessorNode<Seat<P, K, V>> {
    fn process(&mut self, record: Record<K, V>, context: &mut Context) -> Processed {
        let mut seat = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let at = seat.at(record.timestamp);
        let processed = seat.call(at, context, |processor, context| processor.process(record, context))?;
        let Err(source) = processed else {
            return Ok(());
        };
        let operator = context.operator(seat.operator);
        context.fail(if context.has_record() {
            TaskError::Refused { operator, at: context.location(), source }
        } else {
            TaskError::Punctuation { operator, time: at.timestamp, source }
        })
    }
}

impl<K, V, P: Processor<K, V>> Timed for Seat<P, K, V> {
    fn init(&mut self, context: &mut Context) -> Processed {
        let at = self.at(time_without_record(context));
        let mut failed = None;
        let begun = self.processor.init(&mut ProcessingContext { context, at, failed: &mut failed });
        match (failed, begun.map_err(ProcessorError::into_cause)) {
            (Some(error), _) | (None, Err(Cause::Task(error))) => Err(error),
            (None, Err(Cause::Refused(source))) => {
                Err(Box::new(TaskError::Begin { operator: context.operator(self.operator), source }))
            }
            (None, Ok(()) | Err(Cause::Stopped)) => Ok(()),
        }
    }

    fn punctuate(&mut self, timer: Timer, time: Timestamp, context: &mut Context) -> Processed {
        let at = self.at(time_without_record(context));
        let done = self.call(at, context, |processor, context| processor.punctuate(timer, time, context))?;
        let Err(source) = done else {
            return Ok(());
        };
        context.fail(TaskError::Punctuation { operator: context.operator(self.operator), time, source })
    }
}

/// What the processor itself refuses.
type Refusal = Result<(), Box<dyn std::error::Error + Send + Sync>>;

impl<K, V, P: Processor<K, V>> Seat<P, K, V> {
    fn at(&self, timestamp: Timestamp) -> At {
        At { operator: self.operator, processor: self.id, timestamp }
    }

    /// Calls the processor. Errors that it has not made itself are dealt with; its own are given back.
    fn call(
        &mut self,
        at: At,
        context: &mut Context,
        call: impl FnOnce(&mut P, &mut ProcessorContext<'_, P::Key, P::Value>) -> Result<(), ProcessorError>,
    ) -> Result<Refusal, super::NodeError> {
        let mut failed = None;
        let base = ProcessingContext { context, at, failed: &mut failed };
        let called = call(&mut self.processor, &mut ProcessorContext { base, next: self.next.as_mut() });
        if let Some(error) = failed {
            return Err(error);
        }
        match called.map_err(ProcessorError::into_cause) {
            Ok(()) | Err(Cause::Stopped) => Ok(Ok(())),
            Err(Cause::Refused(source)) => Ok(Err(source)),
            Err(Cause::Task(error)) => context.fail(*error).map(Ok),
        }
    }
}

/// The time of what is done when no record is at hand.
fn time_without_record(context: &Context) -> Timestamp {
    context.stream_time().max(Timestamp(0))
}
