//! Joins under the runtime over the embedded broker, on virtual time.

use std::collections::BTreeMap;
use std::time::Duration;

use headwater_client::{ProducerConfig, ProducerRecord};
use headwater_model::{PartitionId, Timestamp};
use headwater_schema::{long, serdes, utf8};
use headwater_streams::{Guarantee, JoinWindows, Streams, StreamsConfig, Topology};
use headwater_testkit::{Faults, SimCluster, simulate};

use crate::runtime::{SimClient, create, name, newest, pause};

const PRODUCTS: [&str; 4] = ["tea", "rice", "salt", "corn"];

/// Orders are amounts of products; what they cost follows from the prices.
fn totals() -> Topology {
    let mut app = Topology::builder("totals").guarantee(Guarantee::AtLeastOnce);
    let orders = app.table::<String, String, _, _>("orders", serdes(utf8(), utf8()));
    let prices = app.table::<String, i64, _, _>("prices", serdes(utf8(), long()));
    orders
        .join_on(
            "totals",
            &prices,
            |_, order: &String| order.split_once('/').map(|(product, _)| product.to_owned()),
            |_, order, price| amount(order) * price,
            serdes(utf8(), long()),
        )
        .updates()
        .to("totals", serdes(utf8(), long()));
    app.build().unwrap()
}

fn amount(order: &str) -> i64 {
    order.split_once('/').and_then(|(_, amount)| amount.parse().ok()).unwrap_or_default()
}

/// Round by round, every order gets another product and every product another price.
async fn publish(client: &SimClient, round: i64) {
    let producer = client.producer(ProducerConfig::default());
    let (orders, prices) = (name("orders"), name("prices"));
    for number in 0..50 {
        let (key, order) = (format!("order-{number}"), order(number, round));
        let record = ProducerRecord::new(&orders, order.as_bytes()).key(key.as_bytes());
        producer.send(record.timestamp(Timestamp(round * 1_000 + number))).await.unwrap();
    }
    for (number, product) in PRODUCTS.iter().enumerate() {
        let price = price(number as i64, round).to_be_bytes();
        let record = ProducerRecord::new(&prices, &price[..]).key(product.as_bytes());
        producer.send(record.timestamp(Timestamp(round * 1_000))).await.unwrap();
    }
    producer.close().await.unwrap();
}

fn order(number: i64, round: i64) -> String {
    format!("{}/{}", PRODUCTS[((number + round) % 4) as usize], number + 1)
}

fn price(product: i64, round: i64) -> i64 {
    100 * (round + 1) + product
}

/// What the last round comes to.
fn expected(round: i64) -> BTreeMap<String, i64> {
    let total = |number: i64| (number + 1) * price((number + round) % 4, round);
    (0..50).map(|number| (format!("order-{number}"), total(number))).collect()
}

#[test]
fn a_foreign_key_join_follows_both_tables_over_partitions_and_workers() {
    for workers in [1, 3] {
        simulate(|| async {
            let mut cluster = SimCluster::start(workers, Faults::none()).unwrap();
            let client = cluster.client("streams").await.unwrap();
            create(&client, &[("orders", 3), ("prices", 2), ("totals", 1)]).await;
            let config = StreamsConfig { workers: workers as usize, ..StreamsConfig::default() };
            let live = Streams::start(totals(), client.clone(), config).await.unwrap();
            for round in 0..3 {
                publish(&client, round).await;
                pause(Duration::from_secs(5)).await;
                assert_eq!(newest(&client, "totals").await, expected(round), "{workers} workers");
            }
            live.stop().await.unwrap();
        });
    }
}

#[test]
fn a_foreign_key_join_answers_rows_that_another_partitioner_has_placed() {
    simulate(|| async {
        let mut cluster = SimCluster::start(1, Faults::none()).unwrap();
        let client = cluster.client("streams").await.unwrap();
        create(&client, &[("orders", 3), ("prices", 2), ("totals", 1)]).await;
        let live = Streams::start(totals(), client.clone(), StreamsConfig::default()).await.unwrap();
        let producer = client.producer(ProducerConfig::default());
        let (orders, prices) = (name("orders"), name("prices"));
        for number in 0..6 {
            let key = format!("order-{number}");
            let record = ProducerRecord::new(&orders, b"tea/2").key(key.as_bytes());
            let record = record.partition(PartitionId(number % 3)).timestamp(Timestamp(1));
            producer.send(record).await.unwrap();
        }
        let price = 5i64.to_be_bytes();
        let record = ProducerRecord::new(&prices, &price[..]).key(b"tea").timestamp(Timestamp(2));
        producer.send(record).await.unwrap();
        producer.close().await.unwrap();
        pause(Duration::from_secs(5)).await;
        let expected: BTreeMap<_, _> = (0..6).map(|number| (format!("order-{number}"), 10)).collect();
        assert_eq!(newest(&client, "totals").await, expected);
        live.stop().await.unwrap();
    });
}

#[test]
fn a_foreign_key_join_comes_out_the_same_after_a_crash() {
    simulate(|| async {
        let mut cluster = SimCluster::start(7, Faults::none()).unwrap();
        let client = cluster.client("streams").await.unwrap();
        create(&client, &[("orders", 3), ("prices", 2), ("totals", 1)]).await;
        for round in 0..3 {
            let live = Streams::start(totals(), client.clone(), StreamsConfig::default()).await.unwrap();
            publish(&client, round).await;
            pause(Duration::from_mins(1)).await;
            assert_eq!(newest(&client, "totals").await, expected(round), "round {round}");
            drop(live);
        }
    });
}

/// Commits only where something is finished.
fn seldom(workers: usize) -> StreamsConfig {
    StreamsConfig { workers, commit_interval: Duration::from_hours(1), ..StreamsConfig::default() }
}

#[test]
fn a_foreign_key_join_runs_to_an_end_again_and_again_and_then_live() {
    for workers in [1, 2, 7] {
        simulate(|| async {
            let mut cluster = SimCluster::start(workers, Faults::none()).unwrap();
            let client = cluster.client("streams").await.unwrap();
            create(&client, &[("orders", 3), ("prices", 2), ("totals", 1)]).await;
            for round in 0..3 {
                publish(&client, round).await;
                Streams::run_bounded(totals(), client.clone(), seldom(workers as usize)).await.unwrap();
                assert_eq!(newest(&client, "totals").await, expected(round), "{workers} workers");
            }
            let idle = Streams::run_bounded(totals(), client.clone(), seldom(1)).await.unwrap();
            assert_eq!((idle.records_in, idle.records_out), (0, 0), "nothing is done twice");
            let live = Streams::start(totals(), client.clone(), StreamsConfig::default()).await.unwrap();
            publish(&client, 3).await;
            pause(Duration::from_secs(5)).await;
            assert_eq!(newest(&client, "totals").await, expected(3), "{workers} workers");
            live.stop().await.unwrap();
        });
    }
}

#[test]
fn a_drain_waits_until_answers_have_come_around() {
    simulate(|| async {
        let mut cluster = SimCluster::start(1, Faults::none()).unwrap();
        let client = cluster.client("streams").await.unwrap();
        create(&client, &[("orders", 3), ("prices", 2), ("totals", 1)]).await;
        for round in 0..3 {
            let live = Streams::start(totals(), client.clone(), seldom(2)).await.unwrap();
            publish(&client, round).await;
            live.drain().await.unwrap();
            assert_eq!(newest(&client, "totals").await, expected(round), "round {round}");
        }
    });
}

/// People by their superior: joined with the table itself, and with the superior of the superior; then counted by it.
fn superiors() -> Topology {
    let text = || serdes(utf8(), utf8());
    let mut app = Topology::builder("superiors").guarantee(Guarantee::AtLeastOnce);
    let people = app.table::<String, String, _, _>("people", text());
    let superior = |_: &String, superior: &String| superior.clone();
    let joined = people.join_on("one", &people, superior, |_, _, above| above.clone(), text());
    let above = joined.join_on("two", &people, superior, |_, _, above| above.clone(), text());
    above
        .group_by(|person, above| (above.clone(), person.clone()), text())
        .count("below")
        .updates()
        .to("below", serdes(utf8(), long()));
    app.build().unwrap()
}

#[test]
fn a_circle_of_several_joins_runs_to_an_end_and_what_is_behind_it_comes_after() {
    for workers in [1, 3] {
        simulate(|| async {
            let mut cluster = SimCluster::start(workers, Faults::none()).unwrap();
            let client = cluster.client("streams").await.unwrap();
            create(&client, &[("people", 3), ("below", 2)]).await;
            let producer = client.producer(ProducerConfig::default());
            let topic = name("people");
            // Each one's superior has a third of their number, and 0 is its own.
            for person in 0..100 {
                let (key, superior) = (person.to_string(), (person / 3).to_string());
                let record = ProducerRecord::new(&topic, superior.as_bytes()).key(key.as_bytes());
                producer.send(record.timestamp(Timestamp(person))).await.unwrap();
            }
            producer.close().await.unwrap();
            Streams::run_bounded(superiors(), client.clone(), seldom(workers as usize)).await.unwrap();
            let mut expected = BTreeMap::new();
            for person in 0..100 {
                *expected.entry((person / 27).to_string()).or_insert(0) += 1;
            }
            let below = newest(&client, "below").await;
            let below: BTreeMap<_, _> = below.into_iter().filter(|(_, count)| *count > 0).collect();
            assert_eq!(below, expected, "{workers} workers");
        });
    }
}

/// Views of advertisements, and how often each was clicked within a minute.
fn clicked() -> Topology {
    let mut app = Topology::builder("clicked").guarantee(Guarantee::AtLeastOnce);
    let views = app.stream::<String, i64, _, _>("views", serdes(utf8(), long()));
    let clicks = app.stream::<String, i64, _, _>("clicks", serdes(utf8(), long()));
    views
        .left_join_within("clicked", &clicks, JoinWindows::of(Duration::from_mins(1)), |_, view, click| {
            view + click.copied().unwrap_or_default()
        })
        .to("clicked", serdes(utf8(), long()));
    app.build().unwrap()
}

#[test]
fn a_bounded_run_joins_streams_whatever_the_workers() {
    for workers in [1, 2] {
        let joined = simulate(|| async {
            let mut cluster = SimCluster::start(workers, Faults::none()).unwrap();
            let client = cluster.client("streams").await.unwrap();
            create(&client, &[("views", 4), ("clicks", 4), ("clicked", 1)]).await;
            let producer = client.producer(ProducerConfig::default());
            for number in 0..100i64 {
                for (topic, value) in [("views", number), ("clicks", 1_000)] {
                    if topic == "clicks" && number % 2 == 0 {
                        continue;
                    }
                    let (topic, key, value) = (name(topic), format!("view-{number}"), value.to_be_bytes());
                    let record = ProducerRecord::new(&topic, &value[..]).key(key.as_bytes());
                    producer.send(record.timestamp(Timestamp(number * 10_000))).await.unwrap();
                }
            }
            producer.close().await.unwrap();
            let config = StreamsConfig { workers: workers as usize, ..StreamsConfig::default() };
            Streams::run_bounded(clicked(), client.clone(), config).await.unwrap();
            newest(&client, "clicked").await
        });
        let with_click = (1..100).step_by(2).map(|number| (format!("view-{number}"), number + 1_000));
        for (view, value) in with_click {
            assert_eq!(joined.get(&view), Some(&value), "{workers} workers");
        }
        // Those without a click come once their window is over, which is so for all but the last of a partition.
        assert_eq!(joined.get("view-0"), Some(&0), "{workers} workers");
        assert!(joined.len() > 80, "{workers} workers: {}", joined.len());
    }
}
