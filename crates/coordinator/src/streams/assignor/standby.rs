//! Copies of state: on other processes than the one that the task is processed in, on each once.
//!
//! Copies stay where they are; missing ones go to processes that have had the task, else where there is least to do.
//! Then copies move as long as that brings the loads of two members closer together.
#![expect(clippy::indexing_slicing, reason = "places are those of the table's lists")]

use std::cmp::Reverse;
use std::collections::BTreeSet;

use super::{Place, Table};

pub(super) fn assign(table: &mut Table, replicas: usize) {
    let replicas = replicas.min(table.processes.len().saturating_sub(1));
    if replicas == 0 {
        return;
    }
    let tasks: Vec<Place> = (0..table.tasks.len()).filter(|task| table.tasks[*task].is_stateful).collect();
    for task in &tasks {
        keep(table, *task, replicas);
    }
    for task in &tasks {
        fill(table, *task, replicas);
    }
    let mut copies = copies(table);
    while shift_one(table, &mut copies) {}
}

fn keep(table: &mut Table, task: Place, replicas: usize) {
    for member in table.tasks[task].was_standby.clone() {
        let is_full = table.tasks[task].standby.len() == replicas;
        if !is_full && !table.is_in_process(task, table.process_of(member)) {
            table.add_standby(task, member);
        }
    }
}

fn fill(table: &mut Table, task: Place, replicas: usize) {
    while table.tasks[task].standby.len() < replicas {
        let former = best(table, task, &mut table.beside_former(task).into_iter());
        let Some(member) = former.or_else(|| best(table, task, &mut (0..table.members.len()))) else {
            return;
        };
        table.add_standby(task, member);
    }
}

/// Who of those whose process does not have the task has least to do.
fn best(table: &Table, task: Place, members: &mut dyn Iterator<Item = Place>) -> Option<Place> {
    let by_load = |member: &Place| {
        let process = table.process_of(*member);
        (table.processes[process].load_ratio(), table.members[*member].load(), *member)
    };
    members.filter(|member| !table.is_in_process(task, table.process_of(*member))).min_by_key(by_load)
}

/// Moves one copy from a member to one with less to do, by two at least. False if there is none to move. (The sum of
/// the squares of the loads becomes smaller with each.)
fn shift_one(table: &mut Table, copies: &mut [BTreeSet<Place>]) -> bool {
    let load = |member: Place| table.members[member].load();
    // Of each process the member with the least to do: it is as good as any.
    let mut to: Vec<Place> = table
        .processes
        .iter()
        .filter_map(|process| process.members.iter().copied().min_by_key(|member| (load(*member), *member)))
        .collect();
    to.sort_by_key(|member| (load(*member), *member));
    let mut from: Vec<Place> = (0..table.members.len()).collect();
    from.sort_by_key(|member| (Reverse(load(*member)), *member));
    let least = to.first().map_or(0, |member| load(*member));
    for giver in from {
        if load(giver) < least + 2 {
            return false;
        }
        for taker in to.iter().copied().take_while(|taker| load(*taker) + 2 <= load(giver)) {
            let (here, there) = (table.process_of(giver), table.process_of(taker));
            let may_go = |task: &Place| here == there || !table.is_in_process(*task, there);
            if let Some(task) = copies[giver].iter().rev().copied().find(may_go) {
                table.remove_standby(task, giver);
                table.add_standby(task, taker);
                copies[giver].remove(&task);
                copies[taker].insert(task);
                return true;
            }
        }
    }
    false
}

/// The copies that each member has.
fn copies(table: &Table) -> Vec<BTreeSet<Place>> {
    let mut copies = vec![BTreeSet::new(); table.members.len()];
    for (task, row) in table.tasks.iter().enumerate() {
        for member in &row.standby {
            copies[*member].insert(task);
        }
    }
    copies
}
