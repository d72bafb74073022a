//! The log against naive models, on simulated and real disks.

mod appending;
mod crash;
mod data_dir;
mod faults;
mod indexes;
mod model;
mod producers;
mod reading;
mod retention;
mod support;
mod tails;
