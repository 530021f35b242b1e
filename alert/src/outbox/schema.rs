//! The tables of the outbox, and how its file is opened.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension as _, params};
use sekisho_model::Severity;

use super::OutboxError;

/// Raised with every change of the tables; a file of a later version is refused, not guessed at.
const SCHEMA: i64 = 2;

/// How long a call waits for another process, such as a command of the operator, to finish writing.
const BUSY_MAX: Duration = Duration::from_secs(10);

const META: &str =
    "CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;";

// A body is the JSON of the thing; the other columns are what is asked by. Times are microseconds.
const TABLES: &str = "
CREATE TABLE IF NOT EXISTS incidents (
    incident_id TEXT PRIMARY KEY,
    entity TEXT NOT NULL,
    severity INTEGER NOT NULL,
    first_time INTEGER NOT NULL,
    last_time INTEGER NOT NULL,
    families INTEGER NOT NULL,
    merged_into TEXT,
    body TEXT NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS incidents_merged ON incidents (merged_into) WHERE merged_into IS NOT NULL;
CREATE INDEX IF NOT EXISTS incidents_last ON incidents (last_time);
CREATE TABLE IF NOT EXISTS alerts (
    alert_id TEXT PRIMARY KEY,
    incident_id TEXT NOT NULL,
    severity INTEGER NOT NULL,
    first_time INTEGER NOT NULL,
    evidence_count INTEGER NOT NULL,
    merged_into TEXT,
    body TEXT NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS alerts_incident ON alerts (incident_id);
CREATE INDEX IF NOT EXISTS alerts_first ON alerts (first_time);
CREATE INDEX IF NOT EXISTS alerts_merged ON alerts (merged_into) WHERE merged_into IS NOT NULL;
CREATE TABLE IF NOT EXISTS evidence (
    alert_id TEXT NOT NULL,
    event_uid TEXT NOT NULL,
    time INTEGER NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (alert_id, event_uid)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS deliveries (
    seq INTEGER PRIMARY KEY,
    message_id TEXT NOT NULL UNIQUE,
    incident_id TEXT NOT NULL,
    occasion TEXT NOT NULL,
    channel TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('held', 'pending', 'sending', 'delivered', 'dead')),
    attempts INTEGER NOT NULL DEFAULT 0,
    created INTEGER NOT NULL,
    not_before INTEGER NOT NULL,
    next_attempt_at INTEGER NOT NULL,
    finished INTEGER,
    last_error TEXT,
    told_with TEXT,
    observed INTEGER NOT NULL DEFAULT 0,
    push_at INTEGER,
    begins INTEGER NOT NULL DEFAULT 0,
    page INTEGER NOT NULL DEFAULT 0,
    held_by TEXT,
    body TEXT
) STRICT;
CREATE INDEX IF NOT EXISTS deliveries_waiting ON deliveries (channel, seq) WHERE state IN ('pending', 'sending');
CREATE INDEX IF NOT EXISTS deliveries_told_with ON deliveries (told_with) WHERE told_with IS NOT NULL;
CREATE INDEX IF NOT EXISTS deliveries_incident ON deliveries (incident_id, channel);
CREATE INDEX IF NOT EXISTS deliveries_observed ON deliveries (channel, observed);
CREATE INDEX IF NOT EXISTS deliveries_push_at ON deliveries (channel, push_at) WHERE push_at IS NOT NULL;
";

/// What makes the tables of the first schema those of the second.
const FROM_FIRST: &str = "
ALTER TABLE deliveries ADD COLUMN observed INTEGER NOT NULL DEFAULT 0;
ALTER TABLE deliveries ADD COLUMN push_at INTEGER;
ALTER TABLE deliveries ADD COLUMN begins INTEGER NOT NULL DEFAULT 0;
ALTER TABLE deliveries ADD COLUMN page INTEGER NOT NULL DEFAULT 0;
ALTER TABLE deliveries ADD COLUMN held_by TEXT;
ALTER TABLE deliveries ADD COLUMN body TEXT;
UPDATE deliveries SET observed = created, push_at = CASE WHEN state = 'held' THEN NULL ELSE created END,
    held_by = CASE WHEN state = 'held' THEN 'level' END;
UPDATE meta SET value = 2 WHERE name = 'outbox_schema';
";

/// Opens the file, or makes it, readable for its owner alone: it names people.
pub(super) fn open(path: &Path) -> Result<Connection, OutboxError> {
    create_private(path)?;
    let connection = Connection::open(path)?;
    connection.busy_timeout(BUSY_MAX)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.execute_batch(META)?;
    let found = read_meta(&connection, "outbox_schema")?;
    match found {
        Some(found) if SCHEMA < found => return Err(OutboxError::Newer { found, known: SCHEMA }),
        Some(1) => connection.execute_batch(&format!("BEGIN IMMEDIATE; {FROM_FIRST} COMMIT;"))?,
        Some(_) | None => {}
    }
    connection.execute_batch(&format!("BEGIN IMMEDIATE; {TABLES} COMMIT;"))?;
    if found.is_none() {
        write_meta(&connection, "outbox_schema", SCHEMA)?;
    }
    Ok(connection)
}

fn create_private(path: &Path) -> std::io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.create(true).append(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map(drop)
}

/// A number kept under a name.
pub(super) fn read_meta(connection: &Connection, name: &str) -> Result<Option<i64>, rusqlite::Error> {
    let sql = "SELECT value FROM meta WHERE name = ?1";
    connection
        .prepare_cached(sql)?
        .query_row([name], |row| row.get(0))
        .optional()
}

/// Keeps a number under a name.
pub(super) fn write_meta(connection: &Connection, name: &str, value: i64) -> Result<(), rusqlite::Error> {
    let sql = "INSERT INTO meta (name, value) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET value = excluded.value";
    connection.prepare_cached(sql)?.execute(params![name, value]).map(drop)
}

/// A level as a number that grows with it.
pub(super) fn rank(severity: Severity) -> i64 {
    match severity {
        Severity::Informational => 0,
        Severity::Low => 1,
        Severity::Medium => 2,
        Severity::High => 3,
        Severity::Critical => 4,
    }
}
