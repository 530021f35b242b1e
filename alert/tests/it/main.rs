//! The outbox, the couriers and the renderers together, against a collector on loopback.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test stops where something is not as it should be"
)]

mod budget;
mod collector;
mod delivery;
mod failures;
mod hostile;
mod outbox;
mod support;
