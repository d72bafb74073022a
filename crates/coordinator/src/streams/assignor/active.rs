//! The tasks that are processed: an even share for every member, and as few as that takes are moved.
//!
//! Each member keeps what it had up to its share. The rest goes to who has a copy of the state, else into a process
//! that has had it, else where there is least to do. If it does not come out even, some get one more: those first
//! that have more already, spread over the processes.
#![expect(clippy::indexing_slicing, reason = "places are those of the table's lists")]

use std::cmp::Reverse;

use super::{Place, Table};

/// Assigns the tasks with state, or those without, on top of what is assigned already.
pub(super) fn assign(table: &mut Table, stateful: bool) {
    let tasks: Vec<Place> =
        (0..table.tasks.len()).filter(|task| table.tasks[*task].is_stateful == stateful).collect();
    let mut room = Room::new(table, &tasks);
    let mut free = Vec::new();
    for task in by_partition(table, tasks) {
        match table.tasks[task].was_active.filter(|member| room.is_kept_by(table, *member)) {
            Some(member) => table.activate(task, member),
            None => free.push(task),
        }
    }
    free.sort_unstable();
    for task in free {
        if let Some(member) = choose(table, &room, task) {
            room.take(table, member);
            table.activate(task, member);
        }
    }
}

/// Those of low numbers first, so that nobody keeps all tasks of one subtopology and none of another.
fn by_partition(table: &Table, mut tasks: Vec<Place>) -> Vec<Place> {
    tasks.sort_by_key(|task| (table.tasks[*task].task.partition, *task));
    tasks
}

/// How many tasks each member may have.
struct Room {
    of_member: Vec<usize>,
    /// As many more members may have one more.
    longer: usize,
    share: usize,
}

impl Room {
    fn new(table: &Table, tasks: &[Place]) -> Self {
        let members = table.members.len();
        let total = table.members.iter().map(|member| member.active).sum::<usize>() + tasks.len();
        let (share, longer) = (total / members, total % members);
        let mut room = Self { of_member: vec![share; members], longer, share };
        let mut wanted: Vec<usize> = table.members.iter().map(|member| member.active).collect();
        for task in tasks {
            if let Some(member) = table.tasks[*task].was_active {
                wanted[member] += 1;
            }
        }
        room.give_more(table, &wanted);
        room
    }

    /// Those that have or had more than their share may have one more, as long as there is more to give. (There is
    /// enough for those that have.)
    fn give_more(&mut self, table: &Table, wanted: &[usize]) {
        let share = self.share;
        let mut given = vec![0_usize; table.processes.len()];
        let mut more: Vec<Place> = (0..wanted.len()).filter(|member| wanted[*member] > share).collect();
        while self.longer > 0 {
            let order = |member: &&Place| {
                let process = &table.members[**member].process;
                // Of equal processes the larger one has room for more.
                (given[*process], Reverse(table.processes[*process].members.len()), **member)
            };
            let Some(member) = more.iter().min_by_key(order).copied() else {
                return;
            };
            more.retain(|other| *other != member);
            given[table.process_of(member)] += 1;
            self.of_member[member] += 1;
            self.longer -= 1;
        }
    }

    /// Whether a member may keep one more of those that it had.
    fn is_kept_by(&self, table: &Table, member: Place) -> bool {
        table.members[member].active < self.of_member[member]
    }

    fn is_there(&self, table: &Table, member: Place) -> bool {
        let (has, may) = (table.members[member].active, self.of_member[member]);
        has < may || (has == self.share && may == self.share && self.longer > 0)
    }

    /// A member is about to get one.
    fn take(&mut self, table: &Table, member: Place) {
        if table.members[member].active == self.of_member[member] {
            self.of_member[member] += 1;
            self.longer -= 1;
        }
    }
}

/// Who of those with room gets a task that nobody keeps.
fn choose(table: &Table, room: &Room, task: Place) -> Option<Place> {
    let by_load = |member: &Place| {
        let process = table.process_of(*member);
        (table.processes[process].active_ratio(), table.members[*member].active, *member)
    };
    let best = |members: &mut dyn Iterator<Item = Place>| {
        members.filter(|member| room.is_there(table, *member)).min_by_key(by_load)
    };
    best(&mut table.tasks[task].was_standby.iter().copied())
        .or_else(|| best(&mut table.beside_former(task).into_iter()))
        .or_else(|| best(&mut (0..table.members.len())))
}
