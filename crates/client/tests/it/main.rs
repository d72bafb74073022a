//! The client against the embedded broker, over TCP and in one process.
#![cfg(test)]

mod admin;
mod consumer;
mod kafka;
mod producer;
mod share;
mod soak;
mod streams_group;
mod support;
mod transactions;
