//! The microservice `bank`: books each account's deposits and withdrawals, and writes a notice of every fee.

use headwater::prelude::*;

use crate::account::{Account, Deposit, Notice, Withdrawal};

/// The application id, and the name of its consumer group.
pub const APPLICATION: &str = "bank";
/// What comes in, by account.
pub const DEPOSITS: &str = "deposits";
/// What goes out, by account. As many partitions as `deposits`.
pub const WITHDRAWALS: &str = "withdrawals";
/// Each account after each of its movements. Compacted.
pub const BALANCES: &str = "balances";
/// What was charged, by account.
pub const NOTICES: &str = "notices";

/// The topology. Of a deposit and a withdrawal of the same millisecond, the deposit comes first, because it is declared
/// first.
pub fn topology() -> Result<Topology, TopologyError> {
    let mut app = Topology::builder(APPLICATION).guarantee(AtLeastOnce);
    let deposits = app.stream(DEPOSITS, serdes(utf8(), Json::<Deposit>::new()));
    let withdrawals = app.stream(WITHDRAWALS, serdes(utf8(), Json::<Withdrawal>::new()));
    let accounts = deposits
        .group_by_key()
        .cogroup(|_, deposit, account: Account| account.deposit(deposit))
        .cogroup(&withdrawals.group_by_key(), |_, withdrawal, account| account.withdraw(withdrawal))
        .aggregate("accounts", Account::default, serdes(utf8(), Json::new()));
    let booked = accounts.updates();
    booked.to(BALANCES, serdes(utf8(), Json::new()));
    booked
        .flat_map_values(|account| account.value.charged.as_ref().map(Notice::new))
        .to(NOTICES, serdes(utf8(), Json::new()));
    app.build()
}
