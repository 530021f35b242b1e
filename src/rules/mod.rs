//! The shipped rules, own rules beside them, and the tests beside each.

mod folders;
#[cfg(test)]
mod messages;
mod testing;

pub(crate) use folders::{RuleText, add, folders, read_dir, shipped};
pub(crate) use testing::run_tests;
