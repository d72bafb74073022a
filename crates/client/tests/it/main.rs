//! The client against the embedded broker, over TCP and in one process.
#![cfg(test)]

mod admin;
mod consumer;
mod kafka;
mod producer;
mod soak;
mod support;
mod transactions;
