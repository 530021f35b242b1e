//! A made-up organisation and its attackers.
//!
//! [`World::new`] simulates a firm for some months: who works where and with what, which mistakes people
//! make, what the Internet does to everybody, and what attackers do. It comes out as native records of
//! six sources, each with the time at which it arrives, and as the truth about them.
//!
//! # Invariants
//! * The same settings give the same bytes.
//! * Nothing here is shared with what is measured by it: no code, no list, no threshold. Records leave
//!   as vendors write them, and detectors see nothing else.
//! * Every address is of a range for documentation or benchmarks, every network number of the range for
//!   private use, every name of `example.co.jp` or `example.net`.
//!
//! # Not here
//! Judging: the benchmark `accuracy` feeds the records to the engine and counts.

mod addresses;
mod attack;
mod calendar;
mod geo;
mod geography;
mod life;
mod mmdb;
mod people;
mod random;
mod recorder;
mod settings;
mod travel;
mod vendor;
mod world;

pub use attack::{Attack, Class, Family};
pub use geo::Databases;
pub use recorder::{Label, Record};
pub use settings::{LEARNING_DAYS, REPORT_SEEDS, Scenario, Settings, TUNING_SEEDS, WRONG_COUNTRY_STRESS};
pub use vendor::Source;
pub use world::{Note, World};
