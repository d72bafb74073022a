//! What a task tells the readers of its repartition topics, and when: not more often than it is asked to, when it has
//! something new to say; and now and then again, for readers that have begun since.

use std::time::Duration;

use headwater_model::{Monotonic, PartitionId, Timestamp, TopicName};

use super::{Mark, Standing};
use crate::outputs::OutputRecord;
use crate::topology::TaskId;

/// How often a task that has nothing new to say says it again.
const TELL_AGAIN: Duration = Duration::from_secs(10);

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Outgoing {
    topics: Vec<Topic>,
    told_at: Option<Monotonic>,
}

#[derive(Debug)]
struct Topic {
    name: TopicName,
    partitions: i32,
    hold_ms: i64,
    told: Option<Standing>,
}

impl Outgoing {
    /// Adds a topic with so many partitions, whose records may be so much older than the watermark was when they came
    /// about: they were held back.
    pub(crate) fn add(&mut self, name: TopicName, partitions: i32, hold_ms: i64) {
        self.topics.push(Topic { name, partitions, hold_ms, told: None });
    }

    /// Writes the marks that are due, one for each partition of each topic.
    pub(crate) fn tell(
        &mut self,
        writer: TaskId,
        standing: Standing,
        (now, interval): (Monotonic, Duration),
        mut write: impl FnMut(&OutputRecord<'_>),
    ) {
        let silent_for = self.told_at.map(|told_at| now - told_at);
        if silent_for.is_some_and(|silence| silence < interval) {
            return;
        }
        let is_to_repeat = silent_for.is_some_and(|silence| silence >= TELL_AGAIN);
        for topic in &mut self.topics {
            let next = topic.next(standing);
            if next.has_news_for(topic.told) || (is_to_repeat && topic.told.is_some()) {
                self.told_at = Some(now);
                topic.told = Some(next);
                topic.write(Mark { writer, standing: next }, &mut write);
            }
        }
    }
}

impl Topic {
    /// What is to be told next: what was told before is never taken back.
    fn next(&self, Standing { watermark, is_idle }: Standing) -> Standing {
        let held = watermark.plus_ms(self.hold_ms.saturating_neg()).max(Timestamp::NONE);
        let told = self.told.map_or(Timestamp::NONE, |told| told.watermark);
        Standing { watermark: held.max(told), is_idle }
    }

    fn write(&self, mark: Mark, write: &mut impl FnMut(&OutputRecord<'_>)) {
        let headers = &mark.headers();
        let timestamp = mark.standing.watermark.max(Timestamp(0));
        for partition in 0..self.partitions {
            write(&OutputRecord {
                topic: &self.name,
                partition: Some(PartitionId(partition)),
                key: None,
                value: None,
                timestamp,
                headers,
                is_chosen: false,
            });
        }
    }
}

impl Standing {
    fn has_news_for(self, told: Option<Self>) -> bool {
        match told {
            Some(told) => self != told,
            None => self.is_idle || self.watermark >= Timestamp(0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn second(number: u64) -> Monotonic {
        Monotonic::from_origin(Duration::from_secs(number))
    }

    fn busy(watermark: i64) -> Standing {
        Standing { watermark: Timestamp(watermark), is_idle: false }
    }

    fn idle(watermark: i64) -> Standing {
        Standing { watermark: Timestamp(watermark), is_idle: true }
    }

    /// The marks that are written: topic, partition, time.
    fn told(outgoing: &mut Outgoing, standing: Standing, now: Monotonic) -> Vec<(String, i32, i64)> {
        let mut told = Vec::new();
        let writer = TaskId { sub_topology: 0, partition: PartitionId(0) };
        outgoing.tell(writer, standing, (now, Duration::from_secs(1)), |record| {
            told.push((record.topic.to_string(), record.partition.unwrap().0, record.timestamp.0));
        });
        told
    }

    fn outgoing(topics: &[(&str, i32, i64)]) -> Outgoing {
        let mut outgoing = Outgoing::default();
        for (name, partitions, hold_ms) in topics {
            outgoing.add(TopicName::new(name).unwrap(), *partitions, *hold_ms);
        }
        outgoing
    }

    #[test]
    fn each_partition_is_told_what_is_new_and_not_too_often() {
        let mut outgoing = outgoing(&[("one", 2, 0)]);
        assert_eq!(told(&mut outgoing, busy(-1), second(0)), [], "nothing is known yet");
        let to_both = |time| vec![("one".to_owned(), 0, time), ("one".to_owned(), 1, time)];
        assert_eq!(told(&mut outgoing, busy(5), second(0)), to_both(5));
        assert_eq!(told(&mut outgoing, busy(6), second(0)), [], "too soon");
        assert_eq!(told(&mut outgoing, busy(5), second(2)), [], "nothing new");
        assert_eq!(told(&mut outgoing, busy(7), second(2)), to_both(7));
        assert_eq!(told(&mut outgoing, idle(7), second(3)), to_both(7), "being idle is news");
        assert_eq!(told(&mut outgoing, idle(7), second(12)), []);
        assert_eq!(told(&mut outgoing, idle(7), second(13)), to_both(7), "for readers that have begun since");
    }

    #[test]
    fn who_is_idle_says_so_though_it_knows_no_time() {
        let mut outgoing = outgoing(&[("one", 1, 0)]);
        assert_eq!(told(&mut outgoing, idle(-1), second(0)), [("one".to_owned(), 0, 0)]);
    }

    #[test]
    fn what_is_held_back_is_not_promised_and_nothing_is_taken_back() {
        let mut outgoing = outgoing(&[("held", 1, 10), ("plain", 1, 0)]);
        assert_eq!(told(&mut outgoing, busy(5), second(0)), [("plain".to_owned(), 0, 5)]);
        let both = |held, plain| vec![("held".to_owned(), 0, held), ("plain".to_owned(), 0, plain)];
        assert_eq!(told(&mut outgoing, busy(15), second(1)), both(5, 15));
        assert_eq!(told(&mut outgoing, busy(14), second(2)), []);
    }
}
