//! What people did about records that could not be read, kept in `sekisho.sqlite` beside the outbox.
//!
//! The table of rejects has one writer, the service. So a command only notes here what is asked for, as it does with
//! messages of the outbox: a running service takes it up within seconds, one that starts later takes it up then.
//!
//! # Invariants
//! * A reject is replayed or dropped once. If it still cannot be read, it becomes a new reject, with an id of its own.
//! * Who did it and when is kept in `audit`.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use rusqlite::{Connection, OptionalExtension as _, params};
use sekisho_model::{Origin, Time};

/// How long a call waits for another process to finish writing.
const BUSY_MAX: Duration = Duration::from_secs(5);

const TABLES: &str = "
CREATE TABLE IF NOT EXISTS reject_marks (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    state TEXT NOT NULL CHECK (state IN ('asked', 'replayed', 'dropped')),
    at INTEGER NOT NULL,
    observed INTEGER NOT NULL,
    tenant TEXT NOT NULL,
    source TEXT NOT NULL,
    origin TEXT NOT NULL,
    raw TEXT
) STRICT;
CREATE INDEX IF NOT EXISTS reject_marks_asked ON reject_marks (seq) WHERE state = 'asked';
CREATE TABLE IF NOT EXISTS audit (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    at INTEGER NOT NULL,
    who TEXT NOT NULL,
    action TEXT NOT NULL,
    about TEXT NOT NULL
) STRICT;
";

/// What was done about a reject.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mark {
    /// It is to be replayed as soon as the service takes it up.
    Asked,
    /// It went through the service again.
    Replayed,
    /// Nobody wants it.
    Dropped,
}

impl Mark {
    /// Its name, as in the table.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Asked => "asked",
            Self::Replayed => "replayed",
            Self::Dropped => "dropped",
        }
    }

    fn of(name: &str) -> Option<Self> {
        [Self::Asked, Self::Replayed, Self::Dropped]
            .into_iter()
            .find(|mark| mark.name() == name)
    }
}

/// A record that could not be read, as far as it is needed to read it again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Again {
    /// The id of the reject.
    pub(crate) id: String,
    /// When it was received.
    pub(crate) observed: Time,
    /// How it came, with the source to read it as.
    pub(crate) origin: Origin,
    /// The record.
    pub(crate) raw: String,
}

/// The marks of a data folder.
#[derive(Debug)]
pub(crate) struct Marks {
    connection: Connection,
}

impl Marks {
    /// Opens them, or makes them.
    pub(crate) fn open(data: &Path) -> Result<Self> {
        let path = data.join("sekisho.sqlite");
        let failed = || format!("cannot open {}", path.display());
        let connection = Connection::open(&path).with_context(failed)?;
        std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).with_context(failed)?;
        connection.busy_timeout(BUSY_MAX)?;
        // What is noted as replayed must be noted before the next is taken, over a loss of power too.
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.execute_batch(TABLES).with_context(failed)?;
        Ok(Self { connection })
    }

    /// What was done about a reject, if anything.
    pub(crate) fn of(&self, id: &str) -> Result<Option<Mark>> {
        let sql = "SELECT state FROM reject_marks WHERE id = ?1";
        let mut select = self.connection.prepare_cached(sql)?;
        let state: Option<String> = select.query_row([id], |row| row.get(0)).optional()?;
        Ok(state.as_deref().and_then(Mark::of))
    }

    /// Marks rejects and notes who did it, all or nothing; how many had no mark before.
    pub(crate) fn mark(&mut self, rejects: &[Again], mark: Mark, who: &str, now: Time) -> Result<usize> {
        let transaction = self.connection.transaction()?;
        let marked = mark_all(&transaction, rejects, mark, (who, now))?;
        transaction.commit()?;
        Ok(marked)
    }

    /// The rejects that are to be replayed, with the number of each request, in their order.
    pub(crate) fn asked(&self, limit: u32) -> Result<Vec<(i64, Again)>> {
        let sql = "SELECT seq, id, observed, tenant, source, origin, raw FROM reject_marks
            WHERE state = 'asked' ORDER BY seq LIMIT ?1";
        let mut select = self.connection.prepare_cached(sql)?;
        let text = |row: &rusqlite::Row<'_>, place| row.get::<_, String>(place);
        let rows = select.query_map([limit], |row| {
            let origin = Origin {
                tenant: Arc::from(text(row, 3)?),
                source: Arc::from(text(row, 4)?),
                label: Arc::from(text(row, 5)?),
                log: Arc::from("spool"),
                backfill: false,
            };
            let again = Again {
                id: text(row, 1)?,
                observed: Time(row.get(2)?),
                origin,
                raw: row.get::<_, Option<String>>(6)?.unwrap_or_default(),
            };
            Ok((row.get(0)?, again))
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Notes that a request was carried out; its record is in the spool.
    pub(crate) fn replayed(&self, number: i64, now: Time) -> Result<()> {
        let sql = "UPDATE reject_marks SET state = 'replayed', at = ?2, raw = NULL WHERE seq = ?1";
        self.connection.prepare_cached(sql)?.execute(params![number, now.0])?;
        Ok(())
    }
}

/// Marks rejects and notes who did it; how many had no mark before.
fn mark_all(transaction: &Connection, rejects: &[Again], mark: Mark, (who, now): (&str, Time)) -> Result<usize> {
    let sql = "INSERT OR IGNORE INTO reject_marks (id, state, at, observed, tenant, source, origin, raw)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
    let mut insert = transaction.prepare_cached(sql)?;
    let audit = "INSERT INTO audit (at, who, action, about) VALUES (?1, ?2, ?3, ?4)";
    let mut audit = transaction.prepare_cached(audit)?;
    let mut marked = 0;
    for reject in rejects {
        let raw = (mark == Mark::Asked).then_some(&reject.raw);
        let new = insert.execute(params![
            reject.id,
            mark.name(),
            now.0,
            reject.observed.0,
            &*reject.origin.tenant,
            &*reject.origin.source,
            &*reject.origin.label,
            raw,
        ])?;
        if 0 < new {
            let action = format!("reject.{}", mark.name());
            audit.execute(params![now.0, who, action, reject.id])?;
        }
        marked += new;
    }
    Ok(marked)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn again(id: &str) -> Again {
        Again {
            id: id.to_owned(),
            observed: Time(7),
            origin: Origin {
                tenant: Arc::from("default"),
                source: Arc::from("linux.sshd"),
                label: Arc::from("syslog-tcp:192.0.2.1"),
                log: Arc::from("spool"),
                backfill: false,
            },
            raw: format!("raw of {id}"),
        }
    }

    #[test]
    fn a_reject_is_marked_once_and_who_did_it_is_kept() {
        let dir = tempfile::tempdir().unwrap();
        let mut marks = Marks::open(dir.path()).unwrap();
        assert_eq!(
            marks
                .mark(&[again("a"), again("b")], Mark::Asked, "hana", Time(1))
                .unwrap(),
            2
        );
        assert_eq!(
            marks
                .mark(&[again("b"), again("c")], Mark::Dropped, "ken", Time(2))
                .unwrap(),
            1
        );

        let asked = marks.asked(10).unwrap();
        assert_eq!(
            asked.iter().map(|(_, reject)| reject).collect::<Vec<_>>(),
            [&again("a"), &again("b")]
        );
        marks.replayed(asked[0].0, Time(3)).unwrap();
        drop(marks);

        let marks = Marks::open(dir.path()).unwrap();
        let of = |id| marks.of(id).unwrap();
        assert_eq!(
            [of("a"), of("b"), of("c"), of("d")],
            [Some(Mark::Replayed), Some(Mark::Asked), Some(Mark::Dropped), None]
        );
        let audit = |sql: &str| {
            marks
                .connection
                .query_row(sql, [], |row| row.get::<_, String>(0))
                .unwrap()
        };
        let sql = "SELECT group_concat(who || ' ' || action || ' ' || about, ', ' ORDER BY seq) FROM audit";
        assert_eq!(
            audit(sql),
            "hana reject.asked a, hana reject.asked b, ken reject.dropped c"
        );
    }
}
