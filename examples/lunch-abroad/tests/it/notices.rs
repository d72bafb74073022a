//! What is said about payments.

use expect_test::expect;
use headwater::prelude::*;
use headwater::streams::{TestConfig, TestDriver};
use headwater_lunch_abroad::notice::Notice;
use headwater_lunch_abroad::payments::{Made, Payment, payments};
use headwater_lunch_abroad::rates::{Published, Rate, history};
use headwater_lunch_abroad::{EXCHANGE_RATES, NOTICES, PAYMENTS, topology};

/// 2022-12-19, a Monday. Croatia has the euro from 2023 on.
const MIDNIGHT: Timestamp = Timestamp(1_671_408_000_000);

fn driver(partitions: i32) -> TestDriver {
    let config =
        TestConfig::default().partitions(PAYMENTS, partitions).partitions(EXCHANGE_RATES, partitions);
    TestDriver::with(&topology().unwrap(), &config).unwrap()
}

fn load_rates(driver: &mut TestDriver, rates: &[Published]) {
    let records = rates.iter().map(|published| {
        let Published { currency, rate, at } = published.clone();
        Record::new(currency, rate, at)
    });
    driver.load(EXCHANGE_RATES, serdes(utf8(), optional(Json::<Rate>::new())), records).unwrap();
}

fn load_payments(driver: &mut TestDriver, made: &[Made]) {
    let records = made.iter().map(|made| Record::new(made.id.clone(), made.payment.clone(), made.at));
    driver.load(PAYMENTS, serdes(utf8(), Json::<Payment>::new()), records).unwrap();
}

/// The notices in the order of their payments, which are one at most in a minute.
fn notices(driver: &mut TestDriver) -> Vec<(Timestamp, Notice)> {
    driver.run().unwrap();
    let written = driver.output(NOTICES, serdes(utf8(), Json::<Notice>::new())).unwrap();
    let mut notices: Vec<_> = written.into_iter().map(|notice| (notice.timestamp, notice.value)).collect();
    notices.sort_by_key(|(at, _)| *at);
    notices
}

/// The rate that counted then: the last one published.
fn rate_at(rates: &[Published], currency: &str, at: Timestamp) -> Option<Rate> {
    let before = rates.iter().take_while(|published| published.at <= at);
    before.filter(|published| published.currency == currency).last()?.rate.clone()
}

/// The rates of the months around.
fn rates() -> Vec<Published> {
    let around = MIDNIGHT.plus_ms(-100 * 24 * 3_600_000)..MIDNIGHT.plus_ms(100 * 24 * 3_600_000);
    history().unwrap().into_iter().filter(|published| around.contains(&published.at)).collect()
}

#[test]
fn every_payment_abroad_gets_a_notice_at_the_last_rate_before_it() {
    let (rates, made) = (rates(), payments(MIDNIGHT, 30, 7));
    let mut driver = driver(1);
    load_rates(&mut driver, &rates);
    load_payments(&mut driver, &made);
    let expected: Vec<_> = made
        .iter()
        .filter(|made| made.payment.currency != "GBP")
        .map(|made| {
            let rate = rate_at(&rates, &made.payment.currency, made.at);
            (made.at, Notice::new(&made.payment, rate.as_ref()))
        })
        .collect();
    assert_eq!(notices(&mut driver), expected);
    let unknown = expected.iter().filter(|(_, notice)| notice.pounds.is_none()).count();
    assert!(unknown > 0, "lunch in Zagreb has no rate in kuna any more");
}

#[test]
fn the_order_in_which_topics_are_filled_and_their_partitions_change_nothing() {
    let (rates, made) = (rates(), payments(MIDNIGHT, 30, 7));
    let mut one = driver(1);
    load_rates(&mut one, &rates);
    load_payments(&mut one, &made);
    let mut three = driver(3);
    load_payments(&mut three, &made);
    load_rates(&mut three, &rates);
    assert_eq!(notices(&mut three), notices(&mut one));
}

#[test]
fn a_weekend_has_fridays_rate_and_a_currency_that_has_ended_none() {
    let lunch = |day: i64, place: &str, amount, currency: &str| Made {
        id: format!("{place}-{day}"),
        payment: Payment::new("card-1", place, amount, currency),
        at: MIDNIGHT.plus_ms((day * 24 + 12) * 3_600_000),
    };
    let mut driver = driver(1);
    load_rates(&mut driver, &rates());
    let made = [
        lunch(4, "Lisbon", 12.5, "EUR"),
        lunch(5, "Lisbon", 12.5, "EUR"),
        lunch(6, "Lisbon", 12.5, "EUR"),
        lunch(7, "Leeds", 9.0, "GBP"),
        lunch(11, "Zagreb", 90.0, "HRK"),
        lunch(20, "Zagreb", 90.0, "HRK"),
    ];
    load_payments(&mut driver, &made);
    let texts: Vec<_> = notices(&mut driver).into_iter().map(|(_, notice)| notice.text + "\n").collect();
    expect![[r#"
        12.50 EUR in Lisbon: 11.03 GBP at the rate of 2022-12-22
        12.50 EUR in Lisbon: 11.00 GBP at the rate of 2022-12-23
        12.50 EUR in Lisbon: 11.00 GBP at the rate of 2022-12-23
        90.00 HRK in Zagreb: 10.57 GBP at the rate of 2022-12-29
        90.00 HRK in Zagreb: there is no rate of HRK
    "#]]
    .assert_eq(&texts.concat());
}

#[test]
fn the_topology_is_as_the_book_shows_it() {
    expect![[r#"
        topology lunch-abroad, at least once

        sub-topology 0, stateless
          stream payments
            filter
              select key
                repartition payment-rate -> lunch-abroad-payment-rate-repartition

        sub-topology 1, stateful
          table exchange-rates
          repartition payment-rate <- lunch-abroad-payment-rate-repartition
            left join payment-rate with store exchange-rates
              select key
                to notices
          store exchange-rates: newest value per key, backed by exchange-rates
    "#]]
    .assert_eq(&topology().unwrap().to_string());
}

#[test]
fn a_notice_says_what_was_paid_where_and_what_it_cost() {
    let lunch = Payment::new("7", "Brno", 210.5, "CZK");
    let rate = Rate { date: "2023-05-04".into(), pounds: 0.0374 };
    let known = Notice::new(&lunch, Some(&rate));
    expect!["210.50 CZK in Brno: 7.87 GBP at the rate of 2023-05-04"].assert_eq(&known.text);
    assert_eq!(known.pounds, Some(7.87));
    let unknown = Notice::new(&lunch, None);
    expect!["210.50 CZK in Brno: there is no rate of CZK"].assert_eq(&unknown.text);
    assert_eq!(unknown.pounds, None);
}
