//! The order of movements, and what becomes of it.

use std::collections::BTreeMap;

use expect_test::expect;
use headwater::prelude::*;
use headwater::streams::{TestConfig, TestDriver};
use headwater_bank::account::{Account, Deposit, Notice, Withdrawal};
use headwater_bank::movements::{Made, Movement, movements};
use headwater_bank::{BALANCES, DEPOSITS, NOTICES, WITHDRAWALS, topology};

const START: Timestamp = Timestamp(1_700_000_000_000);

/// In which order the topics are filled.
#[derive(Clone, Copy)]
enum First {
    Deposits,
    Withdrawals,
}

/// What came of the movements: the last balance of each account, and the fees, as account, time and text.
#[derive(Debug, PartialEq)]
struct Booked {
    balances: BTreeMap<String, i64>,
    fees: Vec<(String, Timestamp, String)>,
}

fn deposit(account: &str, minute: i64, pence: i64) -> Made {
    made(account, minute, Movement::Deposit(Deposit { pence }))
}

fn withdrawal(account: &str, minute: i64, pence: i64) -> Made {
    made(account, minute, Movement::Withdrawal(Withdrawal { pence }))
}

fn made(account: &str, minute: i64, movement: Movement) -> Made {
    Made { account: account.to_owned(), movement, at: START.plus_ms(minute * 60_000) }
}

fn is_deposit(made: &Made) -> bool {
    matches!(made.movement, Movement::Deposit(_))
}

fn load_deposits(driver: &mut TestDriver, made: &[Made]) {
    let records = made.iter().filter_map(|made| match made.movement {
        Movement::Deposit(deposit) => Some(Record::new(made.account.clone(), deposit, made.at)),
        Movement::Withdrawal(_) => None,
    });
    driver.load(DEPOSITS, serdes(utf8(), Json::<Deposit>::new()), records).unwrap();
}

fn load_withdrawals(driver: &mut TestDriver, made: &[Made]) {
    let records = made.iter().filter_map(|made| match made.movement {
        Movement::Deposit(_) => None,
        Movement::Withdrawal(withdrawal) => Some(Record::new(made.account.clone(), withdrawal, made.at)),
    });
    driver.load(WITHDRAWALS, serdes(utf8(), Json::<Withdrawal>::new()), records).unwrap();
}

/// What the topology makes of movements that are all there before it begins.
fn by_topology(made: &[Made], first: First, partitions: i32) -> Booked {
    let config = TestConfig::default().partitions(DEPOSITS, partitions).partitions(WITHDRAWALS, partitions);
    let mut driver = TestDriver::with(&topology().unwrap(), &config).unwrap();
    match first {
        First::Deposits => {
            load_deposits(&mut driver, made);
            load_withdrawals(&mut driver, made);
        }
        First::Withdrawals => {
            load_withdrawals(&mut driver, made);
            load_deposits(&mut driver, made);
        }
    }
    driver.run().unwrap();
    let written = driver.output(BALANCES, serdes(utf8(), Json::<Account>::new())).unwrap();
    assert_eq!(written.len(), made.len(), "a balance for each movement");
    let balances = written.into_iter().map(|balance| (balance.key, balance.value.pence)).collect();
    let notices = driver.output(NOTICES, serdes(utf8(), Json::<Notice>::new())).unwrap();
    let mut fees: Vec<_> =
        notices.into_iter().map(|notice| (notice.key, notice.timestamp, notice.value.text)).collect();
    fees.sort_by_key(|(_, at, _)| *at);
    Booked { balances, fees }
}

/// What comes of movements that are booked as they are given.
fn one_by_one<'a>(made: impl IntoIterator<Item = &'a Made>) -> Booked {
    let mut accounts: BTreeMap<String, Account> = BTreeMap::new();
    let mut fees = Vec::new();
    for Made { account: name, movement, at } in made {
        let account = accounts.entry(name.clone()).or_default();
        *account = match *movement {
            Movement::Deposit(deposit) => account.deposit(deposit),
            Movement::Withdrawal(withdrawal) => account.withdraw(withdrawal),
        };
        fees.extend(account.charged.map(|overdraft| (name.clone(), *at, Notice::new(&overdraft).text)));
    }
    let balances = accounts.into_iter().map(|(name, account)| (name, account.pence)).collect();
    Booked { balances, fees }
}

/// The naive way: batch by batch, all of one topic first, then all of the other.
fn topic_by_topic(made: &[Made], first: First, batch: usize) -> Booked {
    let in_batches = made.chunks(batch).flat_map(|batch| {
        let (deposits, withdrawals): (Vec<_>, Vec<_>) = batch.iter().partition(|made| is_deposit(made));
        match first {
            First::Deposits => [deposits, withdrawals].concat(),
            First::Withdrawals => [withdrawals, deposits].concat(),
        }
    });
    one_by_one(in_batches)
}

fn fees(booked: &Booked) -> String {
    let lines = booked.fees.iter().map(|(account, _, text)| format!("{account}: {text}\n"));
    lines.collect::<Vec<_>>().concat()
}

#[test]
fn movements_are_booked_in_the_order_of_their_times_however_their_topics_were_filled() {
    for seed in 0..5 {
        let made = movements(START, 2_000, seed);
        let expected = one_by_one(&made);
        assert!(expected.fees.len() > 50, "{}", expected.fees.len());
        for partitions in [1, 4] {
            assert_eq!(by_topology(&made, First::Deposits, partitions), expected);
            assert_eq!(by_topology(&made, First::Withdrawals, partitions), expected);
        }
    }
}

#[test]
fn withdrawals_first_charge_who_had_paid_in_before() {
    let made = [deposit("ada", 0, 10_000), withdrawal("ada", 1, 6_000)];
    expect![[r#"
        ada: £60.00 withdrawn, £0.00 there: the overdraft costs £25.00
    "#]]
    .assert_eq(&fees(&topic_by_topic(&made, First::Withdrawals, 2)));
    expect![""].assert_eq(&fees(&by_topology(&made, First::Withdrawals, 1)));
}

#[test]
fn deposits_first_do_not_charge_who_paid_in_too_late() {
    let made = [withdrawal("ben", 0, 6_000), deposit("ben", 1, 10_000)];
    expect![""].assert_eq(&fees(&topic_by_topic(&made, First::Deposits, 2)));
    expect![[r#"
        ben: £60.00 withdrawn, £0.00 there: the overdraft costs £25.00
    "#]]
    .assert_eq(&fees(&by_topology(&made, First::Deposits, 1)));
}

#[test]
fn the_naive_orders_are_wrong_about_made_up_movements_too() {
    let made = movements(START, 2_000, 7);
    let right = one_by_one(&made).fees;
    let wrongly = |first| {
        let naive = topic_by_topic(&made, first, 100).fees;
        let charged = |fees: &[(String, Timestamp, String)], account: &String, time| {
            fees.iter().any(|(other, at, _)| other == account && *at == time)
        };
        let wrong = naive.iter().filter(|(account, at, _)| !charged(&right, account, *at)).count();
        let missing = right.iter().filter(|(account, at, _)| !charged(&naive, account, *at)).count();
        format!("{wrong} wrong, {missing} missing")
    };
    expect!["199 wrong, 0 missing"].assert_eq(&wrongly(First::Withdrawals));
    expect!["0 wrong, 157 missing"].assert_eq(&wrongly(First::Deposits));
}

#[test]
fn of_the_same_millisecond_the_deposit_comes_first() {
    let made = [deposit("ada", 0, 1_000), withdrawal("ada", 0, 1_000)];
    for first in [First::Deposits, First::Withdrawals] {
        assert_eq!(by_topology(&made, first, 1), one_by_one(&made));
    }
}

#[test]
fn the_topology_is_as_the_book_shows_it() {
    expect![[r#"
        topology bank, at least once

        sub-topology 0, stateful
          stream deposits
            cogroup accounts
              merge
                updates
                  to balances
                  flat map values
                    to notices
          stream withdrawals
            cogroup accounts
              merge, see above
          store accounts: value per key, backed by bank-accounts-changelog
    "#]]
    .assert_eq(&topology().unwrap().to_string());
}
