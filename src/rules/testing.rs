//! Running the tests beside a rule.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, anyhow, bail};
use sekisho_detect::rules::{RuleFolder, RuleSet};
use sekisho_detect::{Engine, testing};
use sekisho_enrich::{Enricher, Networks, Notices, People};
use sekisho_formats::{Decoder, YearPolicy};
use sekisho_model::{Alert, EventBatch, Findings, Origin, Raw, Time};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::RuleText;
use crate::context::{calendar, context_lists, surroundings};
use crate::judge::merge;
use crate::settings::Settings;

/// The most events that one entry of a test may be repeated into.
const REPEAT_MAX: u32 = 100_000;

/// One test: what happens, and what must come of it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    /// Lines of the people list.
    #[serde(default)]
    people: Vec<BTreeMap<String, Value>>,
    /// Lines of the networks list.
    #[serde(default)]
    networks: Vec<BTreeMap<String, Value>>,
    /// Lines of the list of travel notices.
    #[serde(default)]
    notices: Vec<BTreeMap<String, Value>>,
    /// Events in the normal form.
    #[serde(default)]
    events: Vec<Map<String, Value>>,
    /// Records as their source writes them.
    #[serde(default)]
    records: Vec<Record>,
    fires: Vec<Firing>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Record {
    source: String,
    raw: String,
}

#[derive(Clone, Debug, Deserialize, PartialEq, Eq, PartialOrd, Ord)]
#[serde(deny_unknown_fields)]
struct Firing {
    entity: String,
    level: String,
}

/// A test that failed.
#[derive(Debug)]
pub(crate) struct Failure {
    /// Which test of which rule.
    pub(crate) test: String,
    /// What came out, and what was expected.
    pub(crate) message: String,
}

/// Runs the tests of a rule, in the order given and backwards; returns how many there are and those
/// that failed.
pub(crate) fn run_tests(path: &str, text: &RuleText, settings: &Settings) -> Result<(usize, Vec<Failure>)> {
    let (cases, folder) = read(path, text)?;
    let mut failures = Vec::new();
    for case in &cases {
        let expected: BTreeSet<Firing> = case.fires.iter().cloned().collect();
        for (backwards, order) in [(false, ""), (true, " (events backwards)")] {
            let found = run_case(case, &folder, settings, backwards)
                .with_context(|| format!("{path}/tests.yml: {}", case.name))?;
            let test = format!("{path}: {}{order}", case.name);
            let message = format!("fired for {}, expected {}", list(&found), list(&expected));
            failures.extend((found != expected).then_some(Failure { test, message }));
        }
    }
    Ok((cases.len(), failures))
}

/// The tests of a rule, and the rule.
fn read(path: &str, text: &RuleText) -> Result<(Vec<Case>, RuleFolder)> {
    let tests = text
        .tests
        .as_deref()
        .with_context(|| format!("{path}: tests.yml is missing"))?;
    let cases: Vec<Case> = serde_saphyr::from_str(tests).map_err(|error| anyhow!("{path}/tests.yml: {error}"))?;
    let folder = RuleFolder {
        path: path.to_owned(),
        rule: text.rule.clone().unwrap_or_default(),
        response_en: text.response_en.clone(),
        response_ja: text.response_ja.clone(),
    };
    Ok((cases, folder))
}

fn list(firings: &BTreeSet<Firing>) -> String {
    if firings.is_empty() {
        return "nobody".to_owned();
    }
    firings
        .iter()
        .map(|firing| format!("{} ({})", firing.entity, firing.level))
        .collect::<Vec<_>>()
        .join(", ")
}

/// What is found in the first test of a rule in which it fires; `None` if it never does.
#[cfg(test)]
pub(super) fn first_firing(path: &str, text: &RuleText, settings: &Settings) -> Result<Option<Findings>> {
    let (cases, folder) = read(path, text)?;
    let case = cases.iter().find(|case| !case.fires.is_empty());
    case.map(|case| findings(case, &folder, settings, false)).transpose()
}

fn run_case(case: &Case, folder: &RuleFolder, settings: &Settings, backwards: bool) -> Result<BTreeSet<Firing>> {
    let findings = findings(case, folder, settings, backwards)?;
    // Of several states of an alert, the last one counts.
    let alerts: BTreeMap<&str, &Alert> = findings
        .alerts
        .iter()
        .map(|update| (update.alert.alert_id.as_str(), &update.alert))
        .collect();
    let alerts = alerts.into_values().filter(|alert| alert.merged_into.is_none());
    Ok(alerts
        .map(|alert| Firing {
            entity: alert.entity.name.to_string(),
            level: alert.severity.name().to_owned(),
        })
        .collect())
}

fn findings(case: &Case, folder: &RuleFolder, settings: &Settings, backwards: bool) -> Result<Findings> {
    let sources: Vec<&str> = sekisho_formats::FORMATS.iter().map(|spec| spec.id).collect();
    let (people, networks, notices) = lists(case)?;
    let mut surroundings = surroundings(settings);
    surroundings.lists = context_lists(&people, &networks);
    let rules = RuleSet::compile(std::slice::from_ref(folder), &sources, &surroundings);
    if let Some(problem) = rules.problems().first() {
        bail!("{problem}");
    }
    let mut engine = Engine::new(rules);
    let enricher = Enricher::new(None, networks, people, calendar(settings)?).with_notices(notices);
    let mut batch = if case.records.is_empty() {
        events(&case.events)?
    } else {
        records(&case.records, &engine, settings)?
    };
    if backwards {
        let last = u32::try_from(batch.len()).unwrap_or(u32::MAX);
        batch = batch.take(&(0..last).rev().collect::<Vec<_>>())?;
    }
    let batch = enricher.enrich(batch);
    let mut findings = engine.judge(&batch);
    merge(&mut findings, engine.finish());
    Ok(findings)
}

/// The lists of people, networks and travel notices of a test.
fn lists(case: &Case) -> Result<(People, Networks, Notices)> {
    let people = csv(
        &["user", "aliases", "kind", "joined", "left", "privileged"],
        &case.people,
    )?;
    let networks = csv(&["cidr", "asn", "kind", "label"], &case.networks)?;
    let (people, wrong_people) = People::parse("people", &people)?;
    let notices = csv(&["user", "country", "from", "to"], &case.notices)?;
    let (networks, wrong_networks) = Networks::parse("networks", &networks)?;
    let (notices, wrong_notices) = Notices::parse("notices", &notices)?;
    let wrong = [&wrong_people, &wrong_networks, &wrong_notices];
    if let Some(problem) = wrong.into_iter().find_map(|problems| problems.first()) {
        bail!("{problem}");
    }
    Ok((people, networks, notices))
}

/// A list as the CSV file it would be in.
fn csv(header: &[&str], lines: &[BTreeMap<String, Value>]) -> Result<String> {
    let mut text = header.join(",");
    for line in lines {
        if let Some(unknown) = line.keys().find(|key| !header.contains(&key.as_str())) {
            bail!("unknown key `{unknown}`, expected one of {}", header.join(", "));
        }
        let fields: Vec<String> = header
            .iter()
            .map(|key| line.get(*key).map(plain).unwrap_or_default())
            .collect();
        text.push('\n');
        text.push_str(&fields.join(","));
    }
    text.push('\n');
    Ok(text)
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn events(entries: &[Map<String, Value>]) -> Result<EventBatch> {
    let mut rows = Vec::new();
    for entry in entries {
        let mut entry = entry.clone();
        let repeat = entry
            .remove("repeat")
            .map_or(Some(1), |value| value.as_u64()?.try_into().ok());
        let repeat = repeat
            .filter(|repeat| (1..=REPEAT_MAX).contains(repeat))
            .context("`repeat`: expected a number from 1 to 100000")?;
        let every = entry
            .remove("every")
            .map_or_else(|| "0s".to_owned(), |value| plain(&value));
        let every: jiff::SignedDuration = every
            .parse()
            .with_context(|| format!("`every` is \"{every}\", expected a time such as 30s"))?;
        let first = entry.get("time").and_then(Value::as_str).context("`time` is missing")?;
        let first: jiff::Timestamp = first
            .parse()
            .with_context(|| format!("`time` is \"{first}\", expected RFC 3339"))?;
        for number in 0..repeat {
            rows.push(instance(&entry, first, every, number)?);
        }
    }
    testing::batch(&rows).map_err(|error| anyhow!(error))
}

/// The event with that number: later by so many steps, `{n}` replaced.
fn instance(
    entry: &Map<String, Value>,
    first: jiff::Timestamp,
    every: jiff::SignedDuration,
    number: u32,
) -> Result<Map<String, Value>> {
    let steps = i32::try_from(number).context("too many repetitions")?;
    let time = first.checked_add(every.checked_mul(steps).context("`every` is too long")?)?;
    let mut row: Map<String, Value> = entry
        .iter()
        .map(|(key, value)| {
            let value = match value {
                Value::String(text) => Value::from(text.replace("{n}", &number.to_string())),
                other => other.clone(),
            };
            (key.clone(), value)
        })
        .collect();
    row.insert("time".to_owned(), Value::from(time.to_string()));
    Ok(row)
}

fn records(records: &[Record], engine: &Engine, settings: &Settings) -> Result<EventBatch> {
    let formats = sekisho_formats::Settings {
        zone: settings.zone.clone(),
        year: YearPolicy::Nearest,
        ..sekisho_formats::Settings::default()
    };
    let mut decoder = Decoder::new(formats, engine.projection().clone());
    let mut out = decoder.output();
    for (offset, record) in (0..).zip(records) {
        let origin = Origin {
            tenant: "default".into(),
            source: record.source.as_str().into(),
            label: "test".into(),
            log: "test".into(),
            backfill: true,
        };
        let raw = Raw {
            origin: &origin,
            offset,
            observed: Time(0),
            bytes: record.raw.as_bytes(),
        };
        decoder.decode(&raw, &mut out);
    }
    decoder.flush(&mut out);
    if let Some(reject) = out.rejects.first() {
        bail!("a record cannot be read: {}", reject.reason);
    }
    Ok(out.rows.finish())
}
