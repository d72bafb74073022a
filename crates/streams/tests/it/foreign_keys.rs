//! Joins of two tables by a foreign key.

use expect_test::expect;
use headwater_schema::{optional, serdes, utf8};
use headwater_streams::{Table, TestConfig, Topology, TopologyBuilder};

use crate::support::{Wearing, World, app, check, check_with, sentence, skipping, text};

type Words = Table<String, String>;

/// Orders are `product/amount`; `-` stands for no product.
#[expect(clippy::ptr_arg, reason = "the shape of what a join takes")]
fn product(_: &String, order: &String) -> Option<String> {
    let (product, _) = order.split_once('/')?;
    (product != "-").then(|| product.to_owned())
}

fn inner(orders: &Words, prices: &Words) -> Words {
    orders.join_on("priced", prices, product, |_, order, price| format!("{order}-at-{price}"), text())
}

fn left(orders: &Words, prices: &Words) -> Words {
    orders.left_join_on(
        "priced",
        prices,
        product,
        |_, order, price| format!("{order}-at-{}", price.map_or("nothing", String::as_str)),
        text(),
    )
}

type Join = fn(&Words, &Words) -> Words;

fn both(app: &mut TopologyBuilder) -> (Words, Words) {
    (app.table("orders", text()), app.table("prices", text()))
}

fn priced(join: Join) -> Topology {
    app(|app| {
        let (orders, prices) = both(app);
        join(&orders, &prices).to_stream().to("out", serdes(utf8(), optional(utf8())));
    })
}

#[test]
fn a_row_is_joined_with_the_row_of_its_foreign_key_whichever_comes_first() {
    let fed = "
        orders o1=tea/2 @5 #side=order
        prices tea=9 @7 #side=price
        orders o2=tea/3 @6 #side=order
        prices tea=10 @8
        orders o3=rice/1 @9
        prices rice=4 @1";
    check(
        &priced(inner),
        fed,
        &expect![[r#"
        out o1=tea/2-at-9 @7 #side=price
        out o2=tea/3-at-9 @7 #side=order
        out o1=tea/2-at-10 @8
        out o2=tea/3-at-10 @8
        out o3=rice/1-at-4 @1
    "#]],
    );
    check(
        &priced(left),
        fed,
        &expect![[r#"
        out o1=tea/2-at-nothing @5 #side=order
        out o1=tea/2-at-9 @7 #side=price
        out o2=tea/3-at-9 @7 #side=order
        out o1=tea/2-at-10 @8
        out o2=tea/3-at-10 @8
        out o3=rice/1-at-nothing @9
        out o3=rice/1-at-4 @1
    "#]],
    );
}

#[test]
fn a_changed_foreign_key_is_followed_and_the_old_one_is_forgotten() {
    let fed = "
        prices tea=9 @1
        prices rice=4 @1
        orders o1=tea/2 @2
        orders o1=rice/2 @3
        prices tea=10 @4
        prices rice=5 @5
        orders o1=salt/2 @6
        prices rice=6 @7
        orders o1=corn/2 @8
        prices corn=1 @9";
    check(
        &priced(inner),
        fed,
        &expect![[r#"
        out o1=tea/2-at-9 @2
        out o1=rice/2-at-4 @3
        out o1=rice/2-at-5 @5
        out o1=~ @6
        out o1=~ @8
        out o1=corn/2-at-1 @9
    "#]],
    );
    check(
        &priced(left),
        fed,
        &expect![[r#"
        out o1=tea/2-at-9 @2
        out o1=rice/2-at-4 @3
        out o1=rice/2-at-5 @5
        out o1=salt/2-at-nothing @6
        out o1=corn/2-at-nothing @8
        out o1=corn/2-at-1 @9
    "#]],
    );
}

#[test]
fn a_row_with_the_same_foreign_key_is_joined_anew() {
    let fed = "
        orders o1=tea/1 @1
        orders o1=tea/2 @2
        prices tea=9 @3
        orders o1=tea/3 @4";
    check(
        &priced(inner),
        fed,
        &expect![[r#"
        out o1=tea/2-at-9 @3
        out o1=tea/3-at-9 @4
    "#]],
    );
    check(
        &priced(left),
        fed,
        &expect![[r#"
        out o1=tea/1-at-nothing @1
        out o1=tea/2-at-nothing @2
        out o1=tea/2-at-9 @3
        out o1=tea/3-at-9 @4
    "#]],
    );
}

#[test]
fn what_is_removed_on_either_side_is_removed_from_the_join() {
    let fed = "
        prices tea=9 @1
        orders o1=tea/2 @2
        prices tea=~ @3
        prices tea=8 @4
        orders o1=~ @5
        prices tea=7 @6
        orders o1=~ @7
        orders o2=rice/1 @8
        orders o2=~ @9
        prices rice=~ @10";
    check(
        &priced(inner),
        fed,
        &expect![[r#"
        out o1=tea/2-at-9 @2
        out o1=~ @3
        out o1=tea/2-at-8 @4
        out o1=~ @5
        out o2=~ @9
    "#]],
    );
    check(
        &priced(left),
        fed,
        &expect![[r#"
        out o1=tea/2-at-9 @2
        out o1=tea/2-at-nothing @3
        out o1=tea/2-at-8 @4
        out o1=~ @5
        out o2=rice/1-at-nothing @8
        out o2=~ @9
    "#]],
    );
}

#[test]
fn rows_without_a_foreign_key_are_counted_by_a_join_and_kept_by_a_left_join() {
    let fed = "
        orders o1=-/2 @1
        prices tea=9 @2
        orders o1=tea/2 @3
        orders o1=-/3 @4
        prices tea=10 @5
        orders o1=~ @6
        orders o2=-/1 @7
        orders o2=~ @8";
    check(
        &priced(inner),
        fed,
        &expect![[r#"
        out o1=tea/2-at-9 @3
        out o1=~ @4
        null keys: 3
    "#]],
    );
    check(
        &priced(left),
        fed,
        &expect![[r#"
        out o1=-/2-at-nothing @1
        out o1=tea/2-at-9 @3
        out o1=-/3-at-nothing @4
        out o1=~ @6
        out o2=-/1-at-nothing @7
        out o2=~ @8
    "#]],
    );
}

#[test]
fn one_row_answers_all_who_have_its_key_by_the_order_of_theirs() {
    let fed = "
        orders o3=tea/3 @1
        orders o1=tea/1 @2
        orders o2=te/2 @3
        prices tea=9 @4
        prices te=8 @5";
    check(
        &priced(inner),
        fed,
        &expect![[r#"
        out o1=tea/1-at-9 @4
        out o3=tea/3-at-9 @4
        out o2=te/2-at-8 @5
    "#]],
    );
}

#[test]
fn an_answer_to_a_row_that_has_changed_meanwhile_is_discarded() {
    // All is loaded at once: both rows of the order are in place before the first is answered.
    let mut world = World::new(&priced(inner), &TestConfig::default());
    for line in ["prices tea=9 @1", "prices rice=4 @1", "orders o1=tea/2 @2", "orders o1=rice/2 @3"] {
        world.load(line).unwrap();
    }
    world.driver.run().unwrap();
    expect![[r#"
        out o1=rice/2-at-4 @3
    "#]]
    .assert_eq(&world.finish());
}

#[test]
fn rows_are_answered_in_the_partitions_that_they_are_in_however_they_came_there() {
    let config = TestConfig::default().partitions("orders", 2).partitions("prices", 2);
    let fed = "
        orders/0 o1=tea/1 @1
        orders/1 o2=tea/2 @1
        orders/0 o3=tea/3 @1
        orders/1 o4=tea/4 @1
        prices tea=9 @2
        orders/0 o1=rice/1 @3
        orders/1 o2=rice/2 @3
        prices rice=4 @4
        orders/0 o3=-/3 @5
        orders/1 o4=-/4 @5";
    check_with(
        &config,
        &priced(inner),
        fed,
        &expect![[r#"
        out o1=tea/1-at-9 @2
        out o3=tea/3-at-9 @2
        out o2=tea/2-at-9 @2
        out o4=tea/4-at-9 @2
        out o1=~ @3
        out o2=~ @3
        out o1=rice/1-at-4 @4
        out o2=rice/2-at-4 @4
        out o3=~ @5
        out o4=~ @5
        null keys: 2
    "#]],
    );
    check_with(
        &config,
        &priced(left),
        fed,
        &expect![[r#"
        out o1=tea/1-at-nothing @1
        out o2=tea/2-at-nothing @1
        out o3=tea/3-at-nothing @1
        out o4=tea/4-at-nothing @1
        out o1=tea/1-at-9 @2
        out o3=tea/3-at-9 @2
        out o2=tea/2-at-9 @2
        out o4=tea/4-at-9 @2
        out o1=rice/1-at-nothing @3
        out o2=rice/2-at-nothing @3
        out o1=rice/1-at-4 @4
        out o2=rice/2-at-4 @4
        out o3=-/3-at-nothing @5
        out o4=-/4-at-nothing @5
    "#]],
    );
}

#[test]
fn results_are_the_same_whatever_the_partitions() {
    let fed = "
        prices tea=9 @1
        orders o1=tea/2 @2
        orders o2=rice/1 @3
        prices rice=4 @4
        orders o1=rice/2 @5
        prices tea=~ @6
        orders o2=~ @7";
    let expected = expect![[r#"
        out o1=tea/2-at-9 @2
        out o2=rice/1-at-4 @4
        out o1=rice/2-at-4 @5
        out o2=~ @7
    "#]];
    for (orders, prices) in [(1, 1), (4, 3), (2, 5)] {
        let config = TestConfig::default().partitions("orders", orders).partitions("prices", prices);
        check_with(&config, &priced(inner), fed, &expected);
    }
}

#[test]
fn an_empty_row_is_a_row() {
    check(
        &priced(left),
        "prices tea= @1\n orders o1=tea/2 @2",
        &expect![[r#"
        out o1=tea/2-at- @2
    "#]],
    );
}

#[test]
fn the_joined_table_can_be_looked_up_read_and_joined_again() {
    let topology = app(|app| {
        let (orders, prices) = both(app);
        let priced = inner(&orders, &prices);
        let again = priced.join("again", &orders, |_, priced, order| format!("{order}-is-{priced}"));
        again.to_stream().to("out", serdes(utf8(), optional(utf8())));
    });
    let mut world = World::new(&topology, &TestConfig::default());
    for line in
        ["prices tea=9 @1", "orders o1=tea/2 @2", "orders o2=rice/2 @3", "prices rice=1 @4", "orders o2=~ @5"]
    {
        world.load(line).unwrap();
        world.driver.run().unwrap();
        world.look();
    }
    let rows = world.driver.store::<String, String, _, _>("priced", text()).unwrap();
    assert_eq!(rows, [("o1".to_owned(), "tea/2-at-9".to_owned())]);
    expect![[r#"
        out o1=tea/2-is-tea/2-at-9 @2
        out o2=rice/2-is-rice/2-at-1 @4
        out o2=~ @5
    "#]]
    .assert_eq(&world.finish());
}

#[test]
fn a_table_computed_from_others_joins_by_a_foreign_key_too() {
    let topology = app(|app| {
        let (orders, prices) = both(app);
        let discounts = app.table("discounts", text());
        let reduced = prices
            .outer_join("reduced", &discounts, |_, price, discount| {
                format!("{}-less-{}", price.map_or("0", String::as_str), discount.map_or("0", String::as_str))
            })
            .with_serdes(text());
        inner(&orders, &reduced).to_stream().to("out", serdes(utf8(), optional(utf8())));
    });
    let fed = "
        orders o1=tea/2 @1
        discounts tea=2 @2
        prices tea=9 @3
        discounts tea=~ @4
        prices tea=~ @5";
    check(
        &topology,
        fed,
        &expect![[r#"
        out o1=tea/2-at-0-less-2 @2
        out o1=tea/2-at-9-less-2 @3
        out o1=tea/2-at-9-less-0 @4
        out o1=~ @5
    "#]],
    );
}

#[test]
fn a_table_may_be_joined_with_itself() {
    let topology = app(|app| {
        let people = app.table("people", text());
        people
            .join_on(
                "bosses",
                &people,
                |_, boss: &String| boss.clone(),
                |_, boss, theirs| format!("{boss}-{theirs}"),
                text(),
            )
            .updates()
            .to("out", text());
    });
    check(
        &topology,
        "people ada=bob @1\n people bob=eve @2\n people ada=eve @3\n people eve=eve @4",
        &expect![[r#"
            out ada=bob-eve @2
            out ada=eve-eve @4
            out bob=eve-eve @4
            out eve=eve-eve @4
        "#]],
    );
}

#[test]
fn registration_topics_are_partitioned_as_the_right_table_and_response_topics_as_the_left_one() {
    let topology = priced(inner);
    let counts = [("orders", 3), ("prices", 5)]
        .map(|(topic, count)| (headwater_model::TopicName::new(topic).unwrap(), count));
    let plan = headwater_streams::Plan::new(&topology, &counts.into()).unwrap();
    let planned: Vec<_> =
        plan.repartition_topics().map(|(topic, count)| format!("{topic}: {count}")).collect();
    expect![[r#"
        app-priced-subscription-registration-topic: 5
        app-priced-subscription-response-topic: 3"#]]
    .assert_eq(&planned.join("\n"));
}

#[test]
fn a_foreign_key_join_says_what_it_does_and_keeps() {
    expect![[r#"
        topology app, at least once

        sub-topology 0, stateful
          table orders
            subscribe priced
              repartition priced-subscription-registration -> app-priced-subscription-registration-topic
          repartition priced-subscription-response <- app-priced-subscription-response-topic
            left foreign-key join priced
              result priced
                to stream
                  to out
          store orders: newest value per key, backed by orders
          store priced: value per key, backed by app-priced-changelog

        sub-topology 1, stateful
          table prices
            publish priced
              repartition priced-subscription-response -> app-priced-subscription-response-topic
          repartition priced-subscription-registration <- app-priced-subscription-registration-topic
            answer priced
              repartition priced-subscription-response -> app-priced-subscription-response-topic, see above
          store prices: newest value per key, backed by prices
          store priced-subscription-store: subscriptions per foreign key, backed by app-priced-subscription-store-changelog
    "#]].assert_eq(&priced(left).to_string());
}

#[test]
fn a_left_table_that_is_repartitioned_gets_as_many_partitions_as_its_answers() {
    let topology = app(|app| {
        let prices = app.table("prices", text());
        let last = app.stream("orders", text()).select_key(|order| order.value.clone()).with_serdes(text());
        inner(&last.group_by_key().reduce("last", |new, _| new), &prices).to_stream();
    });
    let counts = [("orders", 3), ("prices", 5)]
        .map(|(topic, count)| (headwater_model::TopicName::new(topic).unwrap(), count));
    let plan = headwater_streams::Plan::new(&topology, &counts.into()).unwrap();
    let planned: Vec<_> =
        plan.repartition_topics().map(|(topic, count)| format!("{topic}: {count}")).collect();
    expect![[r#"
        app-last-repartition: 5
        app-priced-subscription-response-topic: 5
        app-priced-subscription-registration-topic: 5"#]]
    .assert_eq(&planned.join("\n"));
}

#[test]
fn tables_whose_rows_nobody_can_write_are_refused() {
    let mut app = Topology::builder("app").guarantee(headwater_streams::Guarantee::AtLeastOnce);
    let (orders, prices) = both(&mut app);
    let computed = orders.left_join("computed", &prices, |_, order, _| order.clone());
    inner(&computed, &prices).to_stream();
    expect![[r#"the topology "app" cannot be built: "priced" does not know how to write the stream's values, whose type was changed on the way; say so with `.with_serdes(..)` before it"#]].assert_eq(&app.build().unwrap_err().to_string());
}

#[test]
fn tables_of_windows_are_refused() {
    let mut app = Topology::builder("app").guarantee(headwater_streams::Guarantee::AtLeastOnce);
    let prices = app.table("prices", text());
    let windows = headwater_streams::TumblingWindows::of(std::time::Duration::from_secs(1));
    let counts = app.stream("orders", text()).group_by_key().windowed_by(windows).count("counts");
    let _ = counts.join_on(
        "priced",
        &prices,
        |key, _| key.key.clone(),
        |_, _, price| price.clone(),
        windowed(windows),
    );
    let _ = counts.join("twice", &counts, |_, one, other| one + other);
    expect![[r#"the topology "app" cannot be built: "priced" joins a table of windows, which cannot be done yet; write the table to a topic, and join with that; "twice" joins a table of windows, which cannot be done yet; write the table to a topic, and join with that"#]].assert_eq(&app.build().unwrap_err().to_string());
}

/// Text by keys within windows.
fn windowed(
    windows: headwater_streams::TumblingWindows,
) -> headwater_schema::KeyValueSerde<headwater_streams::WindowedSerde<String>, headwater_schema::Utf8> {
    serdes(headwater_streams::windowed(utf8(), windows), utf8())
}

#[test]
fn a_subscription_that_cannot_be_read_keeps_the_change_from_nobody_else() {
    let wearing = Wearing::default();
    let topology = app(|app| {
        let orders = app.table("orders", serdes(wearing.clone(), utf8()));
        let prices = app.table("prices", text());
        inner(&orders, &prices).to_stream().to("out", serdes(utf8(), optional(utf8())));
    });
    let mut world = World::new(&topology, &skipping());
    world.feed("orders o1=tea/1 @1\n orders weir=tea/2 @1\n orders x=tea/3 @1\n prices tea=9 @2");
    wearing.wear_out();
    world.feed("prices tea=10 @3");
    expect![[r#"
        out o1=tea/1-at-9 @2
        out weir=tea/2-at-9 @2
        out x=tea/3-at-9 @2
        out o1=tea/1-at-10 @3
        out x=tea/3-at-10 @3
        skipped: 1
    "#]]
    .assert_eq(&world.finish());
}

#[test]
fn a_foreign_key_that_cannot_be_written_is_the_joins_fault_and_not_that_of_a_store() {
    let wearing = Wearing::default();
    let topology = app(|app| {
        let orders = app.table("orders", text());
        let prices = app.table("prices", serdes(wearing.clone(), utf8()));
        inner(&orders, &prices).to_stream().to("out", serdes(utf8(), optional(utf8())));
    });
    let mut world = World::new(&topology, &TestConfig::default());
    world.feed("orders o1=tea/1 @1");
    wearing.wear_out();
    world.load("orders o1=weir/1 @2").unwrap();
    expect![[r#"
        error: the key that "subscribe priced" made of the record at orders-0@1 cannot be written: this String cannot be written: it is worn out
    "#]].assert_eq(&sentence(&world.driver.run().unwrap_err()));
}
