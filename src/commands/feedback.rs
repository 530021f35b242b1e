//! `sekisho feedback`: what an alert was.

use std::io::Write;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use sekisho_alert::Untrusted;
use sekisho_detect::Exception;
use sekisho_model::{Alert, Clock, Route, Severity, Time};

use crate::cli::{Feedback, FeedbackCommand};
use crate::clock::SystemClock;
use crate::feedback::{self, Answer, Verdict};
use crate::settings::Environment;

/// How long the same thing is not told again after it was harmless, unless said otherwise: a journey, a
/// project.
const DAYS_DEFAULT: u16 = 30;
/// The longest that may be asked for: after a quarter somebody looks again.
const DAYS_MAX: u16 = 90;
/// The longest for a critical rule that is told at once, such as that of leavers.
const DAYS_CRITICAL_MAX: u16 = 7;
/// The most answers that are listed.
const LISTED_MAX: usize = 50;
/// The digits of an id that are shown.
const DIGITS: usize = 12;
/// The most characters of a note.
const NOTE_CHARS_MAX: usize = 500;

/// Keeps an answer, or lists those that were given.
pub(super) fn run(args: &Feedback, environment: &Environment) -> Result<ExitCode> {
    match &args.command {
        Some(FeedbackCommand::List(store)) => list(&super::data_folder(store, environment)?),
        None => answer(args, environment),
    }
}

fn answer(args: &Feedback, environment: &Environment) -> Result<ExitCode> {
    let Some(id) = &args.alert_id else {
        bail!("no alert is named; `sekisho incidents show ID` shows the alerts of an incident")
    };
    let data = super::data_folder(&args.store, environment)?;
    let outbox = super::outbox::open(&args.store, environment)?;
    let Some(found) = super::runtime()?.block_on(outbox.alert(id))? else {
        bail!("no alert {id}, or more than one; `sekisho incidents show ID` shows the alerts of an incident")
    };
    let (verdict, now) = (verdict(args)?, SystemClock.now());
    let until = (verdict == Verdict::Benign)
        .then(|| until(args.days, &found.alert, now))
        .transpose()?;
    let given = Answer {
        given: now,
        by: args
            .by
            .clone()
            .or_else(|| environment.get("USER").cloned())
            .unwrap_or_else(|| "unknown".to_owned()),
        alert_id: found.alert.alert_id.clone(),
        rule_id: Arc::clone(&found.alert.rule.id),
        verdict,
        note: args
            .note
            .as_deref()
            .map(|note| note.chars().take(NOTE_CHARS_MAX).collect()),
        exception: until.map(|until| Exception::of(&found.alert, &found.evidence, until)),
    };
    feedback::add(&data, &given).context("cannot keep the answer")?;
    match &given.exception {
        Some(exception) => anstream::eprintln!("kept; {}", words(exception)),
        None => anstream::eprintln!("kept as {}", verdict.name()),
    }
    Ok(ExitCode::SUCCESS)
}

fn verdict(args: &Feedback) -> Result<Verdict> {
    Ok(match (args.benign, args.confirmed, &args.note) {
        (true, _, _) => Verdict::Benign,
        (_, true, _) => Verdict::Confirmed,
        (_, _, Some(_)) => Verdict::Note,
        (false, false, None) => bail!("nothing is said of the alert, expected --benign, --confirmed or --note TEXT"),
    })
}

/// When the exception ends. What must always be looked at is not to be silenced for long.
fn until(days: Option<u16>, alert: &Alert, now: Time) -> Result<Time> {
    let is_critical = alert.rule.route == Route::Page && alert.rule.severity == Severity::Critical;
    let days_max = if is_critical { DAYS_CRITICAL_MAX } else { DAYS_MAX };
    let days = days.unwrap_or(DAYS_DEFAULT.min(days_max));
    if !(1..=days_max).contains(&days) {
        bail!(
            "--days is {days}, expected 1 to {days_max} for an alert of {}",
            alert.rule.id
        );
    }
    Ok(now.plus(Duration::from_hours(24 * u64::from(days))))
}

/// What is not told any more.
fn words(exception: &Exception) -> String {
    let odd: Vec<String> = exception
        .odd
        .iter()
        .map(|(field, values)| {
            let values: Vec<String> = values
                .iter()
                .map(|value| {
                    if value.is_empty() {
                        "none".to_owned()
                    } else {
                        Untrusted::new(value).visible(60)
                    }
                })
                .collect();
            format!("{field} {}", values.join(" or "))
        })
        .collect();
    format!(
        "not told again until {}: {} for {}, {}",
        exception.until,
        exception.rule_id,
        Untrusted::new(&exception.entity.name).visible(60),
        odd.join(", ")
    )
}

fn list(data: &std::path::Path) -> Result<ExitCode> {
    let answers = feedback::list(data)?;
    let in_force = feedback::counted(&answers).exceptions;
    let now = SystemClock.now();
    let mut out = anstream::stdout().lock();
    for answer in answers.iter().take(LISTED_MAX) {
        let id: String = answer.alert_id.chars().take(DIGITS).collect();
        let exception = answer.exception.as_ref().map(|exception| {
            let state = if exception.until < now {
                "ended"
            } else if in_force.contains(exception) {
                "in force"
            } else {
                "taken back"
            };
            format!("  {} ({state})", words(exception))
        });
        let note = answer
            .note
            .as_deref()
            .map(|note| format!("  \"{}\"", Untrusted::new(note).visible(NOTE_CHARS_MAX)));
        writeln!(
            out,
            "{}  {id}  {:8} {:10} by {}{}{}",
            answer.given,
            answer.rule_id,
            answer.verdict.name(),
            Untrusted::new(&answer.by).visible(40),
            note.unwrap_or_default(),
            exception.unwrap_or_default()
        )?;
    }
    Ok(ExitCode::SUCCESS)
}
