//! One movement on one account.

use expect_test::expect;
use headwater_bank::account::{Account, Deposit, Notice, OVERDRAFT_FEE, Withdrawal};

#[test]
fn a_withdrawal_that_the_balance_covers_to_the_penny_costs_nothing() {
    let account = Account::default().deposit(Deposit { pence: 100 });
    assert_eq!(account.withdraw(Withdrawal { pence: 100 }), Account::default());
    let overdrawn = account.withdraw(Withdrawal { pence: 101 });
    assert_eq!(overdrawn.pence, -1 - OVERDRAFT_FEE);
    assert!(overdrawn.charged.is_some());
}

#[test]
fn a_fee_is_that_of_one_withdrawal_and_not_of_what_follows() {
    let overdrawn = Account::default().withdraw(Withdrawal { pence: 1_000 });
    let later = overdrawn.deposit(Deposit { pence: 10_000 });
    assert_eq!(later, Account { pence: 6_500, charged: None });
    assert_eq!(later.withdraw(Withdrawal { pence: 500 }).charged, None);
}

#[test]
fn a_notice_says_what_was_withdrawn_what_was_there_and_what_it_costs() {
    let overdrawn = Account::default().withdraw(Withdrawal { pence: 1_205 });
    let again = overdrawn.withdraw(Withdrawal { pence: 1 });
    let texts = [&overdrawn, &again].map(|account| Notice::new(&account.charged.unwrap()).text + "\n");
    expect![[r#"
        £12.05 withdrawn, £0.00 there: the overdraft costs £25.00
        £0.01 withdrawn, -£37.05 there: the overdraft costs £25.00
    "#]]
    .assert_eq(&texts.concat());
}
