//! How much people are told: what is told now, later, or only in the digest.
//!
//! # Invariants
//! * Decided once, when a message is made, by when what it speaks of was received and by what was
//!   decided before: a replay finds the message and decides nothing.
//! * What is held back by anything but the level of the channel is in the next digest.

use std::fmt;
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension as _, params};
use sekisho_model::{Announcement, Incident, Occasion, Route, Severity, Time, ids};

use super::keep::Routing;
use super::{ChannelRule, OutboxError};
use crate::bulletin::Standing;
use crate::text::Zone;

/// The least time between two messages about one incident: Alertmanager repeats after as long.
pub const REPEAT_WAIT: Duration = Duration::from_hours(4);

/// The least time between two messages about one incident that are to be told at once.
pub const PAGE_WAIT: Duration = Duration::from_mins(5);

/// The messages of a channel in a day, unless its settings say otherwise, those to be told at once not
/// counted. A firm of a hundred in peace hears less than one a day.
pub const MESSAGES_PER_DAY: u32 = 6;

/// The incidents that open within [`STORM_WINDOW`] and are told one by one. More are a storm.
pub const STORM_INCIDENTS: i64 = 10;

/// In how long so many incidents make a storm.
pub const STORM_WINDOW: Duration = Duration::from_mins(10);

/// How long one message about a storm speaks for: after that, one that goes on is told again.
pub const STORM_REPEAT: Duration = Duration::from_hours(1);

/// How long the message about a storm waits for more of it.
const STORM_WAIT: Duration = Duration::from_mins(1);

/// How long the message that there is more waits for more: none of it is urgent.
const MORE_WAIT: Duration = Duration::from_hours(1);

/// When people are in the office.
pub trait Office: fmt::Debug + Send + Sync {
    /// Whether it is open.
    fn is_open(&self, time: Time) -> bool;

    /// The zone of its days.
    fn zone(&self) -> Zone;
}

/// An office that never closes, in UTC.
#[derive(Clone, Copy, Debug)]
pub struct AlwaysOpen;

impl Office for AlwaysOpen {
    fn is_open(&self, _time: Time) -> bool {
        true
    }

    fn zone(&self) -> Zone {
        Zone::UTC
    }
}

/// What becomes of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is told.
    Tell {
        /// When, on the clock of what was received.
        at: Time,
        /// When, on the clock of the wall.
        due: Time,
        /// Whether it begins a message that counts.
        begins: bool,
    },
    /// It is not told by itself.
    Hold(HeldBy),
}

/// Why a message is not told by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeldBy {
    /// The channel wants to hear of worse only.
    Level,
    /// The office is closed, and it can wait.
    Hours,
    /// Too many incidents opened at once.
    Storm,
    /// The channel heard enough that day.
    Budget,
}

impl HeldBy {
    /// Its name, as in the table.
    pub fn name(self) -> &'static str {
        match self {
            Self::Level => "level",
            Self::Hours => "hours",
            Self::Storm => "storm",
            Self::Budget => "budget",
        }
    }
}

/// A message to decide on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked<'a> {
    pub(super) connection: &'a Connection,
    pub(super) routing: &'a Routing,
    pub(super) channel: &'a ChannelRule,
    pub(super) incident: &'a Incident,
    pub(super) announcement: &'a Announcement,
}

impl Asked<'_> {
    /// Decides.
    pub(super) fn verdict(&self, now: Time) -> Result<Verdict, OutboxError> {
        let (incident, observed) = (self.incident, self.announcement.observed);
        if incident.route < Route::Incident || incident.severity < self.channel.min_level {
            return Ok(Verdict::Hold(HeldBy::Level));
        }
        if incident.severity < Severity::High && !self.routing.office.is_open(observed) {
            return Ok(Verdict::Hold(HeldBy::Hours));
        }
        if self.announcement.occasion == Occasion::Opened && STORM_INCIDENTS <= self.opened()? {
            return Ok(Verdict::Hold(HeldBy::Storm));
        }
        let page = self.announcement.page;
        if let Some((at, due)) = self.on_its_way(now)? {
            let begins = false;
            return Ok(Verdict::Tell { at, due, begins });
        }
        let wait = if page { PAGE_WAIT } else { REPEAT_WAIT };
        let last = self.last_push(page)?;
        let at = last.map_or(observed, |last| observed.max(last.plus(wait)));
        let ahead = last.map_or(observed, |last| observed.max(last)).distance(at);
        let due = now.plus(self.routing.group_wait).plus(ahead);
        if !page && i64::from(self.channel.messages_per_day) <= self.told_on_day_of(at)? {
            return Ok(Verdict::Hold(HeldBy::Budget));
        }
        let begins = !page;
        Ok(Verdict::Tell { at, due, begins })
    }

    /// The message about the incident that was not sent yet and takes this along; what is to be told at
    /// once does not wait for one that waits for hours.
    fn on_its_way(&self, now: Time) -> Result<Option<(Time, Time)>, OutboxError> {
        let sql = "SELECT d.push_at, d.not_before FROM deliveries d LEFT JOIN incidents i USING (incident_id)
            WHERE d.channel = ?1 AND (d.incident_id = ?2 OR i.merged_into = ?2) AND d.state = 'pending'
                AND d.attempts = 0 AND (NOT ?3 OR d.page OR d.not_before <= ?4)
            ORDER BY d.not_before, d.seq LIMIT 1";
        let soon = now.plus(self.routing.group_wait).0;
        let values = params![
            self.channel.name,
            self.incident.incident_id,
            self.announcement.page,
            soon
        ];
        let found = self
            .connection
            .prepare_cached(sql)?
            .query_row(values, |row| Ok((Time(row.get(0)?), Time(row.get(1)?))));
        Ok(found.optional()?)
    }

    /// How many incidents opened in the window before, those held back as a storm included. What is to be told at once
    /// is counted among its like alone, so that nobody hides it behind noise.
    fn opened(&self) -> Result<i64, OutboxError> {
        let sql = "SELECT count(*) FROM deliveries WHERE channel = ?1 AND occasion = ?2
            AND ?3 < observed AND observed <= ?4 AND (held_by IS NULL OR held_by = 'storm') AND (NOT ?5 OR page)";
        let observed = self.announcement.observed;
        let opened = serde_json::to_string(&Occasion::Opened)?;
        let since = observed.minus(STORM_WINDOW).0;
        let page = self.announcement.page;
        let values = params![self.channel.name, opened, since, observed.0, page];
        Ok(self
            .connection
            .prepare_cached(sql)?
            .query_row(values, |row| row.get(0))?)
    }

    /// When the latest message about the incident was to be told; of those to be told at once, or all.
    fn last_push(&self, page_only: bool) -> Result<Option<Time>, OutboxError> {
        let sql = "SELECT max(d.push_at) FROM deliveries d LEFT JOIN incidents i USING (incident_id)
            WHERE d.channel = ?1 AND (d.incident_id = ?2 OR i.merged_into = ?2) AND (NOT ?3 OR d.page)";
        let values = params![self.channel.name, self.incident.incident_id, page_only];
        let last: Option<i64> = self
            .connection
            .prepare_cached(sql)?
            .query_row(values, |row| row.get(0))?;
        Ok(last.map(Time))
    }

    /// How many messages of the channel count on that day.
    fn told_on_day_of(&self, at: Time) -> Result<i64, OutboxError> {
        let (from, to) = day_of(at, &self.routing.office.zone());
        let sql =
            "SELECT count(*) FROM deliveries WHERE channel = ?1 AND begins = 1 AND ?2 <= push_at AND push_at < ?3";
        let values = params![self.channel.name, from.0, to.0];
        Ok(self
            .connection
            .prepare_cached(sql)?
            .query_row(values, |row| row.get(0))?)
    }

    /// Makes the message that stands for those that are held back, unless there is one.
    pub(super) fn stand_in(&self, held_by: HeldBy, now: Time) -> Result<bool, OutboxError> {
        let observed = self.announcement.observed;
        let (standing, key, wait) = match held_by {
            HeldBy::Level | HeldBy::Hours => return Ok(false),
            HeldBy::Storm => {
                if self.storm_since(observed)?.is_some() {
                    return Ok(false);
                }
                let since = observed.minus(STORM_WINDOW);
                (Standing::Storm { since }, format!("storm:{}", observed.0), STORM_WAIT)
            }
            HeldBy::Budget => {
                let (from, to) = day_of(observed, &self.routing.office.zone());
                (Standing::More { from, to }, format!("more:{}", from.0), MORE_WAIT)
            }
        };
        let body = serde_json::to_string(&standing)?;
        let due = now.plus(wait);
        put_bulletin(
            self.connection,
            &self.channel.name,
            &Bulletin {
                key,
                body,
                observed,
                now,
                due,
            },
        )
    }

    /// The message about the storm that is on, if there is one.
    fn storm_since(&self, observed: Time) -> Result<Option<i64>, OutboxError> {
        let sql = "SELECT observed FROM deliveries WHERE channel = ?1 AND occasion = 'storm'
            AND ?2 < observed AND observed <= ?3 LIMIT 1";
        let values = params![self.channel.name, observed.minus(STORM_REPEAT).0, observed.0];
        let found = self.connection.prepare_cached(sql)?.query_row(values, |row| row.get(0));
        Ok(found.optional()?)
    }
}

/// A message that is about no single incident.
pub(super) struct Bulletin {
    /// Names it for its channel: `storm:…`, `more:…` or `digest:…`.
    pub(super) key: String,
    /// What it says, or of what it is to tell.
    pub(super) body: String,
    pub(super) observed: Time,
    pub(super) now: Time,
    pub(super) due: Time,
}

/// Keeps a message that is about no single incident; whether it is new.
pub(super) fn put_bulletin(connection: &Connection, channel: &str, bulletin: &Bulletin) -> Result<bool, OutboxError> {
    let sql = "INSERT OR IGNORE INTO deliveries
        (message_id, incident_id, occasion, channel, state, created, not_before, next_attempt_at, observed, body)
        VALUES (?1, '', ?2, ?3, 'pending', ?4, ?5, ?5, ?6, ?7)";
    let kind = bulletin.key.split(':').next().unwrap_or_default();
    let inserted = connection.prepare_cached(sql)?.execute(params![
        ids::message_id("", &bulletin.key, channel),
        kind,
        channel,
        bulletin.now.0,
        bulletin.due.0,
        bulletin.observed.0,
        bulletin.body,
    ])?;
    Ok(0 < inserted)
}

/// When the day of a time begins and ends in a zone.
pub(super) fn day_of(time: Time, zone: &Zone) -> (Time, Time) {
    let date = time.to_jiff().to_zoned(zone.clone()).date();
    let at_midnight = |date: jiff::civil::Date| {
        date.to_zoned(zone.clone())
            .map_or(time, |zoned| Time::from(zoned.timestamp()))
    };
    let next = date.tomorrow().unwrap_or(date);
    (at_midnight(date), at_midnight(next))
}
