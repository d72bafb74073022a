//! Where visits begin and end.

use std::collections::BTreeMap;

use headwater::prelude::Timestamp;
use headwater_advertising::visit::{Action, Kind, Seen, Visit};
use headwater_advertising::{GAP, GRACE};

use crate::web::{Did, MINUTE_MS, Web, did};

const USERS: [&str; 4] = ["ada", "ben", "cleo", "dan"];
const ADVERTISEMENTS: [&str; 3] = ["tea", "maps", "boats"];

/// Numbers that look random: SplitMix64.
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound
    }
}

/// Days of what users did, in the order of its times, one thing at a time.
fn days(seed: u64) -> Vec<Did> {
    let mut chance = Chance(seed);
    let mut at = Timestamp(0);
    let mut done = Vec::new();
    for _ in 0..2_000 {
        at = at.plus_ms(1 + chance.below(10 * MINUTE_MS as u64) as i64);
        let kind = if chance.below(3) == 0 { Kind::Click } else { Kind::View };
        let advertisement = ADVERTISEMENTS[chance.below(3) as usize];
        done.push((USERS[chance.below(4) as usize], kind, advertisement, at));
    }
    done
}

/// Cuts each user's actions, in the order of their times, where nothing happens for longer than the gap.
fn cut(done: &[Did]) -> Vec<Visit> {
    let mut visits: BTreeMap<&str, Vec<Visit>> = BTreeMap::new();
    for (user, kind, advertisement, at) in done {
        let action = Action::new(*kind, Seen { advertisement: (*advertisement).to_owned() }, *at);
        let of_user = visits.entry(user).or_default();
        let last_ms = of_user.last().and_then(|visit| visit.actions.last()).map(|last| last.at_ms);
        match of_user.last_mut() {
            Some(visit) if last_ms.is_some_and(|last| at.0 - last <= GAP.as_millis() as i64) => {
                visit.actions.push(action);
            }
            _ => of_user.push(Visit { user: (*user).to_owned(), actions: vec![action] }),
        }
    }
    sorted(visits.into_values().flatten().collect())
}

/// By their users and beginnings, as the topology gives them by their ends.
fn sorted(mut visits: Vec<Visit>) -> Vec<Visit> {
    visits.sort_by_key(|visit| (visit.user.clone(), visit.actions[0].at_ms));
    visits
}

#[test]
fn a_visit_is_all_that_a_user_did_without_a_longer_pause() {
    for seed in 0..5 {
        let done = days(seed);
        let mut web = Web::new();
        web.load(&done);
        web.run(&done);
        let visits = sorted(web.visits());
        assert!(visits.len() > 100, "{}", visits.len());
        assert_eq!(visits, cut(&done));
    }
}

#[test]
fn what_is_late_within_the_grace_is_where_it_belongs() {
    let done = days(7);
    let mut late = Vec::new();
    let mut chance = Chance(7);
    let grace_ms = GRACE.as_millis() as u64;
    // Each comes as late as chance wants it, but no later than the grace.
    for did in &done {
        late.push((did.3.plus_ms(chance.below(grace_ms) as i64), *did));
    }
    late.sort_by_key(|(comes_at, _)| *comes_at);
    let comes: Vec<_> = late.into_iter().map(|(_, did)| did).collect();
    assert!(!comes.is_sorted_by_key(|did| did.3));
    let mut web = Web::new();
    web.load(&comes);
    web.run(&comes);
    assert_eq!(web.late(), 0);
    assert_eq!(sorted(web.visits()), cut(&done));
}

#[test]
fn what_comes_when_its_visit_is_long_over_is_counted_and_left_out() {
    let over = (GAP + GRACE).as_millis() as i64 / MINUTE_MS;
    let done = [did("ada", Kind::View, "tea", 0), did("ben", Kind::View, "tea", over + 1)];
    let mut web = Web::new();
    web.load(&done);
    web.load(&[did("ada", Kind::View, "maps", 0)]);
    web.run(&done);
    assert_eq!(web.late(), 1);
    assert_eq!(sorted(web.visits()), cut(&done));
}
