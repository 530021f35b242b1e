//! The rule engine beside another evaluator of Sigma.

#![allow(dead_code, reason = "what the engine's own tests share is more than is used here")]

#[path = "../../../detect/engine/tests/it/common.rs"]
mod common;
#[path = "../../../detect/engine/tests/it/corpus.rs"]
mod corpus;
#[path = "../../../detect/engine/tests/it/coverage.rs"]
mod coverage;
mod rsigma;
