//! What the parts promise together: over databases made here, over the sample logs' own, and over
//! those that others published.
#![expect(
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test may fail loudly"
)]

mod corpora;
mod geo;
mod laws;
mod mmdb;
mod rows;
mod sample;
