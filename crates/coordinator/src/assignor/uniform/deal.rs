//! All subscribe to the same topics: everybody gets an even share.
#![expect(clippy::indexing_slicing, reason = "places are those of the table's lists")]

use super::{Place, Table};

pub(super) fn assign(table: &mut Table) {
    let members = table.loads.len();
    let total: usize = table.owners.iter().map(Vec::len).sum();
    if members == 0 || table.subscriptions[0].is_empty() {
        return;
    }
    let (share, longer) = (total / members, total % members);
    let room = room(table, share, longer);
    let mut free = take_surplus(table, &room);
    free.extend(table.unassigned());
    free.sort_unstable();
    free.dedup();
    deal(table, &room, &free);
}

/// How many each may have: as many get one more as it takes, those first that have more than their share.
fn room(table: &Table, share: usize, longer: usize) -> Vec<usize> {
    let mut room = vec![share; table.loads.len()];
    let mut in_order: Vec<Place> = (0..room.len()).collect();
    in_order.sort_by_key(|member| (table.loads[*member] <= share, *member));
    for member in in_order.into_iter().take(longer) {
        room[member] += 1;
    }
    room
}

/// Takes from each what is above its room, the highest numbers of the last topics first.
fn take_surplus(table: &mut Table, room: &[usize]) -> Vec<(Place, usize)> {
    let mut taken = Vec::new();
    for topic in (0..table.owners.len()).rev() {
        for number in (0..table.owners[topic].len()).rev() {
            if let Some(owner) = table.owners[topic][number]
                && table.loads[owner] > room[owner]
            {
                table.owners[topic][number] = None;
                table.loads[owner] -= 1;
                taken.push((topic, number));
            }
        }
    }
    taken
}

/// Deals to those with room, one to each in turn, so that nobody gets a topic alone.
fn deal(table: &mut Table, room: &[usize], free: &[(Place, usize)]) {
    let mut with_room: Vec<Place> =
        (0..room.len()).filter(|member| table.loads[*member] < room[*member]).collect();
    let mut free = free.iter();
    while !with_room.is_empty() {
        for member in &with_room {
            let Some((topic, number)) = free.next() else {
                return;
            };
            table.give(*topic, *number, *member);
        }
        with_room.retain(|member| table.loads[*member] < room[*member]);
    }
}
