//! What events are judged by: rules, people, networks, geo databases, calendar.
//!
//! The files of the context may be replaced while the service runs. What was read of them is kept as
//! a *generation* under the data folder, and a frame in the log says from where on it counts, so
//! that a replay after a crash decides by the same files as before.

mod bundle;
mod lists;
mod loaded;
mod watch;

pub(crate) use bundle::{Bundle, FILE_BYTES_MAX, Generation};
pub(crate) use lists::{context_lists, own_lists};
pub(crate) use loaded::{ContextError, Loaded, calendar, surroundings};
pub(crate) use watch::Watcher;
