//! The HTTP doors as their clients see them.
//!
//! `cases/` has a file for each protocol: a request, what is answered, and the records that landed in the
//! spool. `hostile` throws bodies at the doors that no client sends; `clients` lets real ones send.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test may panic, and says why it did not run"
)]

mod bench;
mod cases;
mod clients;
mod hostile;
