//! Checks of the repository itself: which crate may use which, where heavy or dangerous things are
//! confined, how large a file may be, and that each folder has the shape its neighbours have.
//!
//! The checks are the tests of this crate; there is nothing to call.
