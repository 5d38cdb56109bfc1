//! End-to-end tests across crates, and the README, whose example is compiled and run as one of them.
#![doc = include_str!("../README.md")]
