//! Joins of two tables by their keys.

use expect_test::expect;
use headwater_schema::{optional, serdes, utf8};
use headwater_streams::{Table, TestConfig, TestDriver, Topology};

use crate::support::{app, check, text};

type Words = Table<String, String>;
type Join = fn(&Words, &Words) -> Words;

fn inner(left: &Words, right: &Words) -> Words {
    left.join("pairs", right, |_, left, right| words(Some(left), Some(right)))
}

fn left(left: &Words, right: &Words) -> Words {
    left.left_join("pairs", right, |_, left, right| words(Some(left), right))
}

fn outer(left: &Words, right: &Words) -> Words {
    left.outer_join("pairs", right, |_, left, right| words(left, right))
}

fn words(left: Option<&String>, right: Option<&String>) -> String {
    let word = |word: Option<&String>| word.cloned().unwrap_or("none".to_owned());
    format!("{}-{}", word(left), word(right))
}

fn joined(join: Join) -> Topology {
    app(|app| {
        let (left, right) = (app.table("left", text()), app.table("right", text()));
        join(&left, &right).to_stream().to("out", serdes(utf8(), optional(utf8())));
    })
}

const FED: &str = "
    left a=~ @1
    left a=l1 @2 #side=left
    right a=r1 @1 #side=right
    right a=r2 @5
    left a=l2 @3
    right a=~ @6
    right a=~ @7
    left a=l3 @8
    left a=~ @9
    left a=~ @10
    right a=r3 @11
    left a=~ @12
    right a=~ @13
    right a=~ @14";

#[test]
fn a_joined_table_has_a_row_for_each_key_that_both_have() {
    check(
        &joined(inner),
        FED,
        &expect![[r#"
        out a=l1-r1 @2 #side=right
        out a=l1-r2 @5
        out a=l2-r2 @5
        out a=~ @6
        out a=~ @7
        out a=~ @12
    "#]],
    );
}

#[test]
fn a_left_joined_table_has_a_row_for_each_key_of_the_left_one() {
    check(
        &joined(left),
        FED,
        &expect![[r#"
        out a=l1-none @2 #side=left
        out a=l1-r1 @2 #side=right
        out a=l1-r2 @5
        out a=l2-r2 @5
        out a=l2-none @6
        out a=l2-none @7
        out a=l3-none @8
        out a=~ @9
        out a=~ @12
    "#]],
    );
}

#[test]
fn an_outer_joined_table_has_a_row_for_each_key_of_either() {
    check(
        &joined(outer),
        FED,
        &expect![[r#"
        out a=l1-none @2 #side=left
        out a=l1-r1 @2 #side=right
        out a=l1-r2 @5
        out a=l2-r2 @5
        out a=l2-none @6
        out a=l2-none @7
        out a=l3-none @8
        out a=~ @9
        out a=none-r3 @11
        out a=none-r3 @12
        out a=~ @13
    "#]],
    );
}

#[test]
fn the_later_time_of_both_rows_is_that_of_the_result_a_tombstones_too() {
    check(
        &joined(inner),
        "right a=r1 @9\n left a=l1 @2\n left a=~ @3\n left a=l2 @12",
        &expect![[r#"
        out a=l1-r1 @9
        out a=~ @9
        out a=l2-r1 @12
    "#]],
    );
}

/// A stream joined with what two tables are joined to.
fn looked_up(join: Join) -> Topology {
    app(|app| {
        let (left, right) = (app.table("left", text()), app.table("right", text()));
        let pairs = join(&left, &right);
        app.stream("in", text())
            .left_join("seen", &pairs, |word, pair| {
                format!("{}-{}", word.value, pair.map_or("nothing", String::as_str))
            })
            .to("out", text());
    })
}

const LOOKED_UP: &str = "
    in a=w1 @1
    left a=l1 @2
    in a=w2 @3
    right a=r1 @4
    in a=w3 @5
    left a=~ @6
    in a=w4 @7";

#[test]
fn a_joined_table_can_be_looked_up() {
    check(
        &looked_up(inner),
        LOOKED_UP,
        &expect![[r#"
        out a=w1-nothing @1
        out a=w2-nothing @3
        out a=w3-l1-r1 @5
        out a=w4-nothing @7
    "#]],
    );
    check(
        &looked_up(left),
        LOOKED_UP,
        &expect![[r#"
        out a=w1-nothing @1
        out a=w2-l1-none @3
        out a=w3-l1-r1 @5
        out a=w4-nothing @7
    "#]],
    );
    check(
        &looked_up(outer),
        LOOKED_UP,
        &expect![[r#"
        out a=w1-nothing @1
        out a=w2-l1-none @3
        out a=w3-l1-r1 @5
        out a=w4-none-r1 @7
    "#]],
    );
}

#[test]
fn a_joined_table_can_be_joined_again_and_knows_what_it_held_before() {
    let topology = app(|app| {
        let (first, second) = (app.table("left", text()), app.table("right", text()));
        let third = app.table("third", text());
        let pairs = inner(&first, &second);
        let all = pairs.outer_join("all", &third, |_, pair, third| words(pair, third));
        all.to_stream().to("out", serdes(utf8(), optional(utf8())));
    });
    let fed = "
        left a=l1 @1
        right a=r1 @2
        third a=t1 @3
        left a=~ @4
        third a=~ @5
        left a=~ @6
        right a=~ @7
        left a=l2 @8
        right a=r2 @9";
    check(
        &topology,
        fed,
        &expect![[r#"
        out a=l1-r1-none @2
        out a=l1-r1-t1 @3
        out a=none-t1 @4
        out a=~ @5
        out a=l2-r2-none @9
    "#]],
    );
}

#[test]
fn a_table_joined_with_itself_gives_a_row_for_either_side() {
    let topology = app(|app| {
        let table = app.table("left", text());
        inner(&table, &table).to_stream().to("out", serdes(utf8(), optional(utf8())));
    });
    check(
        &topology,
        "left a=x @1\n left a=~ @2",
        &expect![[r#"
        out a=x-x @1
        out a=x-x @1
    "#]],
    );
}

#[test]
fn a_joined_table_of_aggregates_is_in_step_with_both() {
    let topology = app(|app| {
        let words = app.stream("in", text());
        let counts = words.group_by_key().count("counts");
        let last = words.group_by_key().reduce("last", |new, _| new);
        counts
            .join("both", &last, |key, count, last| format!("{key}{count}-{last}"))
            .updates()
            .to("out", text());
    });
    check(
        &topology,
        "in a=x @1 #trace=7\n in a=y @2\n in b=z @3",
        &expect![[r#"
        out a=a1-x @1 #trace=7
        out a=a2-x @2
        out a=a2-y @2
        out b=b1-z @3
    "#]],
    );
}

#[test]
fn tables_of_different_partition_counts_are_refused_by_name() {
    let refused = TestDriver::with(&joined(inner), &TestConfig::default().partitions("left", 3)).unwrap_err();
    expect![[r#""join pairs" needs topics with equal partition counts, but "left" has 3 and "right" has 1; create one of them anew, or send the stream through `.repartition(..)`"#]].assert_eq(&refused.to_string());
}

#[test]
fn a_join_of_tables_says_what_it_does_and_has_no_store() {
    expect![[r#"
        topology app, at least once

        sub-topology 0, stateful
          table left
            left join pairs with table right
              to stream
                to out
          table right
            left join pairs with table right, see above
          store left: newest value per key, backed by left
          store right: newest value per key, backed by right
    "#]]
    .assert_eq(&joined(left).to_string());
}
