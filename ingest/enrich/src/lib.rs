//! What follows from other columns: place and network, person, calendar.
//!
//! The program reads the files and hands over their content; each part ([`Geo`], [`Networks`],
//! [`People`], [`Calendar`]) is checked while it is built and never changes afterwards. Replacing one
//! in a running process is building another and swapping it: the old one stays until the new one is
//! known to be good.
//!
//! # Invariants
//! * No I/O and no clock: the same rows and the same parts give the same columns, however the rows
//!   are cut into batches.
//! * [`Enricher::enrich`] keeps the number and order of the rows and changes only its own columns.
//! * Coordinates are given only with a city or a small radius: a country's centre is no place, and a
//!   speed computed from it means nothing.
//! * A bad row of a list costs that row and is told as a [`ContextProblem`]; a broken database is
//!   refused whole.
//!
//! # Not here
//! What the columns mean for a verdict: that is `sekisho-detect`.

mod address;
mod calendar;
mod column;
mod context;
mod domains;
mod enricher;
mod geo;
mod networks;
mod notices;
mod people;

pub use calendar::{Calendar, CalendarError, CalendarSettings, HolidayRule, OfficeState, is_japanese_holiday};
pub use context::{ContextError, ContextProblem, decode_csv};
pub use enricher::Enricher;
pub use geo::{COORDINATES_ACCURACY_KM_MAX, DatabaseInfo, Geo, GeoError, Place};
pub use networks::{NetKind, Network, Networks};
pub use notices::{NOTICE_DAYS_MAX, Notices};
pub use people::{People, Person, PersonKind};
