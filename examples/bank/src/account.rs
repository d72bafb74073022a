//! What a movement does to an account. Pure.
//!
//! Invariants: money is a whole number of pence. An account is a function of its movements and of their order; the
//! order matters, because a fee depends on the balance of the moment.

use serde::{Deserialize, Serialize};

/// What an overdraft costs.
pub const OVERDRAFT_FEE: i64 = 2_500;

/// The value of the topic `deposits`, whose keys are accounts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deposit {
    /// How much.
    pub pence: i64,
}

/// The value of the topic `withdrawals`, whose keys are accounts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Withdrawal {
    /// How much.
    pub pence: i64,
}

/// The value of the topic `balances`: an account after a movement.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// What it holds; below zero, what is owed.
    pub pence: i64,
    /// What the last movement was charged, if it was.
    pub charged: Option<Overdraft>,
}

/// A withdrawal that the balance did not cover.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Overdraft {
    /// What was withdrawn.
    pub withdrawn: i64,
    /// What was there.
    pub held: i64,
    /// What it costs.
    pub fee: i64,
}

/// The value of the topic `notices`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// What the account's holder reads.
    pub text: String,
    /// The fee, in pence.
    pub fee: i64,
}

impl Account {
    /// The account after a deposit.
    #[must_use]
    pub fn deposit(&self, deposit: Deposit) -> Self {
        Self { pence: self.pence.saturating_add(deposit.pence), charged: None }
    }

    /// The account after a withdrawal, which is paid in any case. If the balance does not cover it, it costs a fee.
    #[must_use]
    pub fn withdraw(&self, withdrawal: Withdrawal) -> Self {
        let Withdrawal { pence: withdrawn } = withdrawal;
        let overdrawn = withdrawn > self.pence;
        let charged = overdrawn.then_some(Overdraft { withdrawn, held: self.pence, fee: OVERDRAFT_FEE });
        let fee = charged.map_or(0, |overdraft| overdraft.fee);
        Self { pence: self.pence.saturating_sub(withdrawn).saturating_sub(fee), charged }
    }
}

impl Notice {
    /// What to say about an overdraft.
    pub fn new(overdraft: &Overdraft) -> Self {
        let Overdraft { withdrawn, held, fee } = *overdraft;
        let text = format!(
            "{} withdrawn, {} there: the overdraft costs {}",
            pounds(withdrawn),
            pounds(held),
            pounds(fee)
        );
        Self { text, fee }
    }
}

fn pounds(pence: i64) -> String {
    let sign = if pence < 0 { "-" } else { "" };
    let pence = pence.unsigned_abs();
    format!("{sign}£{}.{:02}", pence / 100, pence % 100)
}
