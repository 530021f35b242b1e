//! What `replay` found: incidents for people, alerts for programs, and a summary.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use anyhow::{Context, Result};
use jiff::tz::TimeZone;
use sekisho_alert::channel::terminal;
use sekisho_alert::text::Telling;
use sekisho_alert::{AlertLine, Case, CaseAlert, Message};
use sekisho_model::{Column, EventBatch, Findings, Incident, Lang, Occasion, Reject, Severity, Time};

use crate::cli::Replay;

/// The most incidents that are shown whole; the rest are counted.
const CARDS_MAX: usize = 20;
/// The most incidents below the level of a card that are listed, a line each.
const LINES_MAX: usize = 15;
/// From this level on an incident is shown as it would be told in chat, which is the default of channels.
const CARD_LEVEL: Severity = Severity::High;
/// The width of a card in columns.
const COLUMNS: usize = 96;

/// What was found so far.
#[derive(Debug)]
pub(super) struct Report {
    lang: Lang,
    zone: TimeZone,
    incidents: BTreeMap<String, Incident>,
    alerts: BTreeMap<String, CaseAlert>,
}

impl Report {
    pub(super) fn new(lang: Lang, zone: TimeZone) -> Self {
        Self {
            lang,
            zone,
            incidents: BTreeMap::new(),
            alerts: BTreeMap::new(),
        }
    }

    /// Takes in what was found in a batch; a later state of an alert or incident replaces the earlier.
    pub(super) fn add(&mut self, findings: Findings) {
        for incident in findings.incidents {
            self.incidents.insert(incident.incident_id.clone(), incident);
        }
        for update in findings.alerts {
            let known = self.alerts.entry(update.alert.alert_id.clone());
            let known = known.or_insert_with(|| CaseAlert {
                alert: update.alert.clone(),
                evidence: Vec::new(),
            });
            known.alert = update.alert;
            known.evidence.extend(update.evidence);
        }
    }

    /// The incidents, earliest first, with their alerts, worst first.
    fn cases(&self) -> Vec<Case> {
        let mut cases: Vec<Case> = self
            .incidents
            .values()
            .filter(|incident| incident.merged_into.is_none())
            .map(|incident| {
                let mut alerts: Vec<CaseAlert> = self
                    .alerts
                    .values()
                    .filter(|alert| {
                        alert.alert.incident_id == incident.incident_id && alert.alert.merged_into.is_none()
                    })
                    .cloned()
                    .collect();
                alerts.sort_by_key(|alert| (std::cmp::Reverse(alert.alert.severity), alert.alert.first_time));
                Case {
                    incident: incident.clone(),
                    alerts,
                }
            })
            .collect();
        cases.sort_by_key(|case| (case.incident.first_time, case.incident.incident_id.clone()));
        cases
    }

    /// Prints the incidents, or writes the alerts as NDJSON where that was asked for.
    pub(super) fn print(&self, alerts: Option<&Path>) -> Result<()> {
        match alerts {
            None => self.cards(&mut anstream::stdout().lock()),
            Some(path) if path == Path::new("-") => self.lines(&mut BufWriter::new(std::io::stdout().lock())),
            Some(path) => {
                let file = File::create(path).with_context(|| format!("cannot write {}", path.display()))?;
                self.lines(&mut BufWriter::new(file))?;
                self.cards(&mut anstream::stdout().lock())
            }
        }
    }

    fn lines(&self, out: &mut impl Write) -> Result<()> {
        let mut alerts: Vec<_> = self
            .alerts
            .values()
            .filter(|alert| alert.alert.merged_into.is_none())
            .collect();
        alerts.sort_by_key(|alert| (alert.alert.first_time, alert.alert.alert_id.clone()));
        for CaseAlert { alert, evidence } in alerts {
            writeln!(
                out,
                "{}",
                AlertLine::of(alert, evidence, self.lang, &self.zone).to_json()?
            )?;
        }
        out.flush()?;
        Ok(())
    }

    fn cards(&self, out: &mut impl Write) -> Result<()> {
        let (cards, lines): (Vec<Case>, Vec<Case>) = self
            .cases()
            .into_iter()
            .partition(|case| case.incident.severity >= CARD_LEVEL);
        for case in cards.iter().take(CARDS_MAX) {
            writeln!(out, "{}", card(case, self.lang, &self.zone, ""))?;
        }
        if cards.len() > CARDS_MAX {
            writeln!(
                out,
                "… and {} more like these; --alerts FILE has all of them\n",
                cards.len() - CARDS_MAX
            )?;
        }
        self.small(out, lines)
    }

    /// The incidents that would not be told in chat, worst first.
    fn small(&self, out: &mut impl Write, mut cases: Vec<Case>) -> Result<()> {
        if cases.is_empty() {
            return Ok(());
        }
        cases.sort_by_key(|case| (std::cmp::Reverse(case.incident.severity), case.incident.first_time));
        writeln!(out, "{} incidents below the level of a message:", cases.len())?;
        for case in cases.iter().take(LINES_MAX) {
            let titles: Vec<&str> = case
                .alerts
                .iter()
                .map(|alert| alert.alert.rule.title.get(self.lang))
                .collect();
            let who = sekisho_alert::Untrusted::new(&case.incident.entity.name).visible(40);
            let day = case
                .incident
                .first_time
                .to_jiff()
                .to_zoned(self.zone.clone())
                .strftime("%Y-%m-%d %H:%M");
            writeln!(
                out,
                "  {day}  {:13} {who:24} {}",
                case.incident.severity.name(),
                titles.join("; ")
            )?;
        }
        if cases.len() > LINES_MAX {
            writeln!(
                out,
                "  … and {} more; --alerts FILE has all of them",
                cases.len() - LINES_MAX
            )?;
        }
        Ok(())
    }

    /// How many incidents there are of each level, worst first.
    fn levels(&self) -> Vec<(Severity, usize)> {
        let mut levels = BTreeMap::new();
        for case in self.cases() {
            *levels.entry(std::cmp::Reverse(case.incident.severity)).or_insert(0) += 1;
        }
        levels.into_iter().map(|(level, count)| (level.0, count)).collect()
    }
}

/// An incident as it looks in chat, but for the last line: `more` says where there is more.
pub(super) fn card(case: &Case, lang: Lang, zone: &TimeZone, more: &str) -> String {
    let telling = Telling {
        lang,
        zone,
        occasions: &[Occasion::Opened],
        resent: false,
    };
    let message = Message {
        reference: more.to_owned(),
        ..Message::of(case, telling)
    };
    terminal::render(&message, COLUMNS)
}

/// What was read.
#[derive(Debug, Default)]
pub(super) struct Summary {
    pub(super) records: u64,
    rows: usize,
    rejects: usize,
    unparsed: usize,
    first: Option<Time>,
    last: Option<Time>,
    reasons: BTreeMap<String, usize>,
}

impl Summary {
    /// Counts a batch.
    pub(super) fn count(&mut self, batch: &EventBatch, rejects: &[Reject]) {
        self.rows += batch.len();
        self.rejects += rejects.len();
        for reject in rejects {
            *self.reasons.entry(reject.reason.clone()).or_default() += 1;
        }
        let parse_status = batch.texts(Column::ParseStatus);
        for row in 0..batch.len() {
            self.unparsed += usize::from(parse_status.get(row) == Some("unparsed"));
            let time = batch.time(row);
            self.first = Some(self.first.map_or(time, |first| first.min(time)));
            self.last = Some(self.last.map_or(time, |last| last.max(time)));
        }
    }

    /// Whether there were records, and none of them could be read.
    pub(super) fn nothing_was_read(&self) -> bool {
        self.rows == 0 && self.rejects > 0
    }

    /// Prints it to standard error.
    pub(super) fn print(&self, report: &Report, args: &Replay) {
        let span = match (self.first, self.last) {
            (Some(first), Some(last)) => format!(", from {first} to {last}"),
            _ => String::new(),
        };
        anstream::eprintln!(
            "{} records: {} rows ({} of no known kind), {} unreadable{span}",
            self.records,
            self.rows,
            self.unparsed,
            self.rejects
        );
        let mut reasons: Vec<_> = self.reasons.iter().collect();
        reasons.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
        for (reason, count) in reasons.into_iter().take(3) {
            anstream::eprintln!("  {count} unreadable: {reason}");
        }
        let levels: Vec<String> = report
            .levels()
            .into_iter()
            .map(|(level, count)| format!("{count} {}", level.name()))
            .collect();
        let found = if levels.is_empty() {
            "no incidents".to_owned()
        } else {
            format!("incidents: {}", levels.join(", "))
        };
        anstream::eprintln!("{found}");
        if let Some(folder) = &args.store {
            anstream::eprintln!(
                "the rows are in {}; ask them: sekisho sql --store {} \"SELECT …\"",
                folder.display(),
                folder.display()
            );
        }
    }
}
