//! Made-up logs of a firm of 500 people, on which the speed of Sekisho is measured.
//!
//! The measurements are in `measure/` and are run by `cargo bench -p sekisho-benches`; the program
//! `sekisho-generate` writes the same logs to standard output.
//!
//! # Invariants
//! * The same seed gives the same logs, byte for byte, on every machine.
//! * Every address is of a range for documentation, every name of `example.co.jp` or `example.com`.

pub mod generate;

pub use generate::{Log, Mix, Record, Source};
