//! What people answered to alerts, kept in `sekisho.sqlite`: never changed, only added to.
//!
//! The latest answer to an alert counts. What follows from all of them becomes a file of the context, so
//! that a replay after a crash decides by the same answers.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result};
use rusqlite::{Connection, OpenFlags};
use sekisho_detect::{Answers, Exception, Feedback};
use sekisho_model::Time;

/// The most answers that still count, the latest first: each is an exception to look through.
const COUNTED_MAX: u32 = 1_000;

/// An answer, as it is kept.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Answer {
    /// When it was given.
    pub(crate) given: Time,
    /// By whom.
    pub(crate) by: String,
    /// To which alert.
    pub(crate) alert_id: String,
    /// Of which rule.
    pub(crate) rule_id: Arc<str>,
    /// What it was.
    pub(crate) verdict: Verdict,
    /// What else was said.
    pub(crate) note: Option<String>,
    /// What is not told any more, for an alert that was harmless.
    pub(crate) exception: Option<Exception>,
}

/// What an alert was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Harmless.
    Benign,
    /// Real.
    Confirmed,
    /// Nothing but a note.
    Note,
}

impl Verdict {
    /// Its name, as in the table.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Benign => "benign",
            Self::Confirmed => "confirmed",
            Self::Note => "note",
        }
    }

    fn of(name: &str) -> Self {
        match name {
            "benign" => Self::Benign,
            "confirmed" => Self::Confirmed,
            _ => Self::Note,
        }
    }
}

const TABLE: &str = "CREATE TABLE IF NOT EXISTS feedback (
    seq INTEGER PRIMARY KEY, given_us INTEGER NOT NULL, by TEXT NOT NULL, alert_id TEXT NOT NULL, rule_id TEXT NOT NULL,
    verdict TEXT NOT NULL, note TEXT, exception TEXT) STRICT";

/// Keeps an answer.
pub(crate) fn add(data: &Path, answer: &Answer) -> Result<()> {
    let connection = Connection::open(data.join("sekisho.sqlite"))?;
    connection.busy_timeout(std::time::Duration::from_secs(5))?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.execute(TABLE, [])?;
    let exception = answer.exception.as_ref().map(serde_json::to_string).transpose()?;
    connection.execute(
        "INSERT INTO feedback (given_us, by, alert_id, rule_id, verdict, note, exception) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        (
            answer.given.0,
            &answer.by,
            &answer.alert_id,
            &*answer.rule_id,
            answer.verdict.name(),
            &answer.note,
            exception,
        ),
    )?;
    Ok(())
}

/// The latest answers, the latest first.
pub(crate) fn list(data: &Path) -> Result<Vec<Answer>> {
    let path = data.join("sekisho.sqlite");
    if !path.is_file() {
        return Ok(Vec::new());
    }
    let connection = Connection::open_with_flags(&path, OpenFlags::SQLITE_OPEN_READ_ONLY)
        .with_context(|| format!("cannot open {}", path.display()))?;
    connection.busy_timeout(std::time::Duration::from_secs(5))?;
    if !connection.table_exists(None, "feedback")? {
        return Ok(Vec::new());
    }
    let sql =
        "SELECT given_us, by, alert_id, rule_id, verdict, note, exception FROM feedback ORDER BY seq DESC LIMIT ?1";
    let mut select = connection.prepare(sql)?;
    let mut rows = select.query([COUNTED_MAX])?;
    let mut answers = Vec::new();
    while let Some(row) = rows.next()? {
        let exception: Option<String> = row.get(6)?;
        answers.push(Answer {
            given: Time(row.get(0)?),
            by: row.get(1)?,
            alert_id: row.get(2)?,
            rule_id: row.get::<_, String>(3)?.into(),
            verdict: Verdict::of(&row.get::<_, String>(4)?),
            note: row.get(5)?,
            exception: exception.as_deref().map(serde_json::from_str).transpose()?,
        });
    }
    Ok(answers)
}

/// What follows from the answers, the latest first: of each alert, the latest that says what it was.
pub(crate) fn counted(answers: &[Answer]) -> Feedback {
    let mut latest: BTreeMap<&str, &Answer> = BTreeMap::new();
    for answer in answers.iter().filter(|answer| answer.verdict != Verdict::Note) {
        latest.entry(&answer.alert_id).or_insert(answer);
    }
    let mut feedback = Feedback::default();
    for answer in latest.into_values() {
        let counts: &mut Answers = feedback.answers.entry(Arc::clone(&answer.rule_id)).or_default();
        match answer.verdict {
            Verdict::Benign => counts.benign += 1,
            Verdict::Confirmed => counts.confirmed += 1,
            Verdict::Note => {}
        }
        feedback.exceptions.extend(answer.exception.clone());
    }
    feedback
}

#[cfg(test)]
mod tests {
    use super::*;
    use sekisho_model::{Entity, EntityKind};

    fn answer(alert_id: &str, verdict: Verdict) -> Answer {
        Answer {
            given: Time(1),
            by: "mori".to_owned(),
            alert_id: alert_id.to_owned(),
            rule_id: "SK-202".into(),
            verdict,
            note: None,
            exception: (verdict == Verdict::Benign).then(|| Exception {
                tenant: "default".into(),
                rule_id: "SK-202".into(),
                entity: Entity {
                    kind: EntityKind::Person,
                    name: "hana".into(),
                },
                odd: BTreeMap::new(),
                until: Time(9),
            }),
        }
    }

    #[test]
    fn answers_are_kept_and_the_latest_to_an_alert_counts() {
        let data = tempfile::tempdir().unwrap();
        assert_eq!(list(data.path()).unwrap(), []);
        for given in [
            answer("a", Verdict::Benign),
            answer("b", Verdict::Benign),
            answer("b", Verdict::Note),
            answer("a", Verdict::Confirmed),
        ] {
            add(data.path(), &given).unwrap();
        }

        let answers = list(data.path()).unwrap();
        let feedback = counted(&answers);

        assert_eq!(answers.len(), 4, "nothing is lost");
        assert_eq!(feedback.exceptions.len(), 1, "that of `a` was taken back");
        let expected = Answers {
            confirmed: 1,
            benign: 1,
        };
        assert_eq!(feedback.answers.get("SK-202"), Some(&expected));
    }
}
