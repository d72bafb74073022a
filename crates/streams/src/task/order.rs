//! The choice among inputs that are ready, where an author has a chooser.

use headwater_model::TopicPartition;

use super::input::Input;
use crate::chooser::{Chooser, Head, MakeChooser};

/// See the module. Without a chooser, the oldest record is next.
#[derive(Default)]
pub(super) struct Order {
    chooser: Option<Box<dyn Chooser>>,
    /// Kept so that choosing allocates nothing.
    heads: Vec<Head>,
    /// What was chosen and not taken up yet: a chooser that remembers its answers is asked once for each.
    chosen: Option<usize>,
}

impl Order {
    pub(super) fn by(make: &MakeChooser, inputs: &[TopicPartition]) -> Self {
        Self { chooser: Some(make(inputs)), ..Self::default() }
    }

    /// The input that is next, given the one that has the oldest record.
    pub(super) fn next(&mut self, oldest: usize, inputs: &[Input]) -> usize {
        let Some(chooser) = &mut self.chooser else {
            return oldest;
        };
        // What writers tell is nobody's record, and is heard as soon as its turn comes within its input.
        if let Some(mark) = inputs.iter().position(Input::is_mark) {
            return mark;
        }
        if let Some(chosen) = self.chosen {
            return chosen;
        }
        self.heads.clear();
        for (number, input) in inputs.iter().enumerate() {
            let buffered_bytes = input.buffered_bytes();
            let head = input.head().map(|(offset, timestamp)| Head {
                input: number,
                timestamp,
                offset,
                buffered_bytes,
            });
            self.heads.extend(head);
        }
        if self.heads.is_empty() {
            return oldest;
        }
        let chosen = chooser.choose(&self.heads).input;
        self.chosen = Some(chosen);
        chosen
    }

    /// The record that was chosen is taken up.
    pub(super) fn taken(&mut self) {
        self.chosen = None;
    }
}
