//! Which clicks are conversions, and who pays.

use expect_test::{Expect, expect};
use headwater_advertising::topology;
use headwater_advertising::visit::Kind::{Click, View};

use crate::web::{Did, Web, did};

/// Loads what was done, with the advertisements `tea` and `maps`.
fn check(done: &[Did], expected: &Expect) {
    let mut web = Web::new();
    web.load(done);
    web.advertise("tea", Some(("Kettle & Co", 40)), 0);
    web.advertise("maps", Some(("Ordnance", 75)), 0);
    web.run(done);
    expected.assert_eq(&web.conversions());
}

#[test]
fn a_click_after_a_view_in_the_same_visit_is_a_conversion() {
    let done = [
        did("ada", View, "tea", 1),
        did("ada", View, "maps", 2),
        did("ada", Click, "tea", 20),
        did("ben", View, "maps", 5),
        did("ben", Click, "maps", 6),
    ];
    check(
        &done,
        &expect![[r#"
        ben on maps after 1 min: Ordnance 75p pays
        ada on tea after 19 min: Kettle & Co 40p pays
    "#]],
    );
}

#[test]
fn a_click_before_the_view_or_on_something_else_or_by_another_is_none() {
    let done = [
        did("ada", Click, "tea", 1),
        did("ada", View, "tea", 2),
        did("ada", Click, "maps", 3),
        did("ben", Click, "tea", 3),
    ];
    check(&done, &expect![""]);
}

#[test]
fn a_click_in_another_visit_than_the_view_is_none() {
    // 30 minutes of nothing are a pause, 31 are an end.
    let done = [
        did("ada", View, "tea", 0),
        did("ada", Click, "tea", 31),
        did("ben", View, "tea", 0),
        did("ben", Click, "tea", 30),
    ];
    check(
        &done,
        &expect![[r#"
        ben on tea after 30 min: Kettle & Co 40p pays
    "#]],
    );
}

#[test]
fn what_comes_late_in_between_makes_one_visit_of_two() {
    // Minute 33 begins a visit of its own, until it turns out that there was something in minute 20.
    let done = [
        did("ada", View, "tea", 0),
        did("ada", View, "maps", 33),
        did("ada", View, "maps", 20),
        did("ada", Click, "tea", 34),
        did("ada", Click, "maps", 35),
    ];
    check(
        &done,
        &expect![[r#"
        ada on tea after 34 min: Kettle & Co 40p pays
        ada on maps after 15 min: Ordnance 75p pays
    "#]],
    );
}

#[test]
fn an_advertisement_counts_once_a_visit_and_from_its_first_view() {
    let done = [
        did("ada", View, "tea", 0),
        did("ada", View, "tea", 5),
        did("ada", Click, "tea", 7),
        did("ada", View, "tea", 8),
        did("ada", Click, "tea", 9),
        did("ada", View, "tea", 100),
        did("ada", Click, "tea", 101),
    ];
    check(
        &done,
        &expect![[r#"
        ada on tea after 7 min: Kettle & Co 40p pays
        ada on tea after 1 min: Kettle & Co 40p pays
    "#]],
    );
}

#[test]
fn who_pays_is_who_paid_when_the_visit_ended() {
    let visit = |minute| [did("ada", View, "tea", minute), did("ada", Click, "tea", minute + 1)];
    let done = [visit(10), visit(110), visit(210), visit(310)].concat();
    let mut web = Web::new();
    web.advertise("tea", Some(("Kettle & Co", 40)), 100);
    web.advertise("tea", Some(("Kettle & Co", 55)), 200);
    web.advertise("tea", None, 300);
    web.load(&done);
    web.run(&done);
    expect![[r#"
        ada on tea after 1 min: nobody pays
        ada on tea after 1 min: Kettle & Co 40p pays
        ada on tea after 1 min: Kettle & Co 55p pays
        ada on tea after 1 min: nobody pays
    "#]]
    .assert_eq(&web.conversions());
}

#[test]
fn the_topology_is_as_the_book_shows_it() {
    expect![[r#"
        topology advertising, at least once

        sub-topology 0, stateful
          stream views
            map values
              merge
                aggregate visits-so-far by sessions with gap 1800s, grace 300s, emitted on close
                  updates
                    map
                      to visits
                      flat map
                        repartition advertisement-of-click -> advertising-advertisement-of-click-repartition
          stream clicks
            map values
              merge, see above
          store visits-so-far: value per key and session, sessions with gap 1800s, grace 300s, backed by advertising-visits-so-far-changelog

        sub-topology 1, stateful
          table advertisements
          repartition advertisement-of-click <- advertising-advertisement-of-click-repartition
            left join advertisement-of-click with store advertisements
              to conversions
          store advertisements: newest value per key, backed by advertisements
    "#]].assert_eq(&topology().unwrap().to_string());
}
