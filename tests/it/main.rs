//! The program as its users have it: started as a process, spoken to over its own doors.
//!
//! Nothing here is linked against the program, so that these tests tell what a user would see. Each
//! test has a folder and ports of its own, and waits for what must happen instead of for time to pass.

#![expect(
    clippy::expect_used,
    clippy::format_collect,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test that cannot go on fails, and may allocate"
)]

mod answers;
mod cli;
mod crash;
mod faults;
mod live;
mod load;
mod readers;
mod samples;
mod story;
mod support;
mod watch;
