//! The binary from the outside: what a pipeline sees of commands that need no cluster.
//!
//! (Commands over a cluster: tests/e2e/clients/test_command_line.py.)

#![cfg(test)]

mod app_check;
