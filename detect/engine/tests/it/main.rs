//! Tests of rules at work: the law of order, an oracle for the columnar evaluation, and what people
//! write.

#![expect(
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "tests may panic, and report"
)]

mod common;
mod corpus;
mod coverage;
mod extensions;
mod law;
mod oracle;
mod others;
mod rules;
