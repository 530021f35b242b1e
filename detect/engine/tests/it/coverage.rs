//! How many of the published rules run over our sources, and which of them fire on real records. The
//! table is `docs/sigma-coverage.md`; `UPDATE_DOCS=1` writes it anew.
//!
//! `SEKISHO_CORPORA` names the folder with the rules and the records; without it these tests skip.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::StringArray;
use sekisho_detect::{Engine, ProblemKind, RuleFolder, RuleSet, Surroundings};
use sekisho_formats::{Decoder, FORMATS, Settings, YearPolicy};
use sekisho_model::{Column, Origin, Raw, Time};

use crate::corpus::published_rules;

/// The page that is derived.
const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/sigma-coverage.md");

const HEAD: &str = "# Published Sigma rules

The rules of [SigmaHQ](https://github.com/SigmaHQ/sigma) (release of 5 August 2026, folder `rules/`) as they are, over all
sources that Sekisho reads: a rule runs, or `sekisho rules check` says why not. The rules are not part of Sekisho; they may lie
in the folder of own rules. `UPDATE_DOCS=1 SEKISHO_CORPORA=… cargo test -p sekisho-detect --test it coverage` writes this page.

*No source*: nothing that Sekisho reads is of that log source, as with `process_creation`, which endpoint agents record.
*Field*: the rule names a field that records of its log source never have, so it could never match. *List*: a placeholder whose
values the firm must give. *Other*: what the message says, such as a regular expression that looks ahead.

| log source | rules | run | field | list | other |
|---|--:|--:|--:|--:|--:|
";

fn compile(rules: &[RuleFolder]) -> RuleSet {
    let sources: Vec<&str> = FORMATS.iter().map(|spec| spec.id).collect();
    RuleSet::compile(rules, &sources, &Surroundings::of(jiff::tz::TimeZone::UTC))
}

/// `product/service/category` of a rule, the parts that it names.
pub(crate) fn logsource(text: &str) -> String {
    let parsed = sekisho_sigma::parse("rule.yml", text);
    let logsource = parsed
        .documents
        .first()
        .map(|document| document.meta().logsource.clone());
    let logsource = logsource.unwrap_or_else(|| written_logsource(text));
    let parts = [logsource.product, logsource.service, logsource.category];
    parts.into_iter().flatten().collect::<Vec<_>>().join("/")
}

/// The log source of a rule that cannot be read as a whole.
fn written_logsource(text: &str) -> sekisho_sigma::Logsource {
    let part = |key: &str| {
        let line = text.lines().find_map(|line| line.trim().strip_prefix(key));
        line.map(|value| value.trim().to_owned())
    };
    sekisho_sigma::Logsource {
        product: part("product:"),
        service: part("service:"),
        category: part("category:"),
    }
}

/// Rules of a log source, by what became of them.
#[derive(Default)]
struct Tally {
    rules: usize,
    run: usize,
    kinds: BTreeMap<ProblemKind, usize>,
}

fn table(rules: &[RuleFolder], set: &RuleSet) -> String {
    let problems: BTreeMap<&str, ProblemKind> = set
        .problems()
        .iter()
        .map(|problem| (problem.path.as_str(), problem.kind))
        .collect();
    let mut tallies: BTreeMap<String, Tally> = BTreeMap::new();
    for rule in rules {
        let tally = tallies.entry(logsource(&rule.rule)).or_default();
        tally.rules += 1;
        match problems.get(rule.path.as_str()) {
            None => tally.run += 1,
            Some(kind) => *tally.kinds.entry(*kind).or_default() += 1,
        }
    }
    let count = |tally: &Tally, kind| tally.kinds.get(&kind).copied().unwrap_or_default();
    let mut page = HEAD.to_owned();
    let (mut all, mut elsewhere) = (Tally::default(), (0, 0));
    let (ours, others): (Vec<_>, Vec<_>) = tallies
        .iter()
        .partition(|(_, tally)| count(tally, ProblemKind::Logsource) < tally.rules);
    let mut line = |name: &str, tally: &Tally| {
        let (field, list) = (count(tally, ProblemKind::Field), count(tally, ProblemKind::Placeholder));
        let other = tally.rules - tally.run - field - list - count(tally, ProblemKind::Logsource);
        writeln!(
            page,
            "| {name} | {} | {} | {field} | {list} | {other} |",
            tally.rules, tally.run
        )
        .unwrap();
    };
    for (name, tally) in ours {
        line(&format!("`{name}`"), tally);
        all.rules += tally.rules;
        all.run += tally.run;
        for (kind, count) in &tally.kinds {
            *all.kinds.entry(*kind).or_default() += count;
        }
    }
    line("**all of these**", &all);
    for (_, tally) in &others {
        elsewhere = (elsewhere.0 + 1, elsewhere.1 + tally.rules);
    }
    writeln!(
        page,
        "\nThe other {} rules are of {} log sources of which Sekisho reads none.\n\n## What cannot run, and why\n",
        elsewhere.1, elsewhere.0
    )
    .unwrap();
    for problem in set
        .problems()
        .iter()
        .filter(|problem| problem.kind != ProblemKind::Logsource)
    {
        let name = problem.path.rsplit('/').next().unwrap_or_default();
        let message: String = problem.message.chars().take(160).collect();
        let message = message.replace(['|', '\n'], " ");
        writeln!(page, "* `{name}`: {}: {message}", problem.kind.name()).unwrap();
    }
    page
}

#[test]
fn the_page_of_published_rules_is_true() {
    let Ok(folder) = std::env::var("SEKISHO_CORPORA") else {
        eprintln!("skipped: SEKISHO_CORPORA is not set");
        return;
    };
    let rules = published_rules(Path::new(&folder));
    let set = compile(&rules);
    assert_eq!(
        set.rules().len() + set.problems().len(),
        rules.len(),
        "a rule runs or has one problem"
    );
    let page = table(&rules, &set) + &fired_page(&fired(Path::new(&folder), &rules));
    if std::env::var("UPDATE_DOCS").is_ok() {
        std::fs::write(PAGE, &page).unwrap();
    }
    let kept = std::fs::read_to_string(PAGE).unwrap_or_default();
    assert!(
        kept == page,
        "docs/sigma-coverage.md is not as it would be written now:\n{page}"
    );
}

/// The title of a rule and the number of a record that it fires for.
pub(crate) type Firing = (String, usize);

/// A record and the source that it is of.
pub(crate) type Record = (String, Vec<u8>);

fn fire(rules: &[RuleFolder], records: &[Record]) -> BTreeSet<String> {
    fire_by_record(rules, records)
        .into_iter()
        .map(|(title, _)| title)
        .collect()
}

/// Judges records by these rules.
pub(crate) fn fire_by_record(rules: &[RuleFolder], records: &[Record]) -> BTreeSet<Firing> {
    let mut engine = Engine::new(compile(rules));
    let settings = Settings {
        zone: jiff::tz::TimeZone::UTC,
        year: YearPolicy::Nearest,
        ..Settings::default()
    };
    let mut decoder = Decoder::new(settings, engine.projection().clone());
    let mut out = decoder.output();
    for (offset, (source, bytes)) in (0..).zip(records) {
        let origin = Origin {
            tenant: "default".into(),
            source: source.as_str().into(),
            label: "test".into(),
            log: "test".into(),
            backfill: true,
        };
        let raw = Raw {
            origin: &origin,
            offset,
            observed: Time::from_secs(1_780_000_000),
            bytes,
        };
        decoder.decode(&raw, &mut out);
    }
    decoder.flush(&mut out);
    let rows = out.rows.finish();
    // Made-up records often share an identity.
    let offset = |row: usize| rows.int(Column::Offset, row).unwrap().to_string();
    let uids: StringArray = (0..rows.len())
        .map(|row| Some(format!("{}/{row}", offset(row))))
        .collect();
    let rows = rows.clone().with_column(Column::EventUid, Arc::new(uids)).unwrap();
    let found = engine.detect(&rows);
    let firings = found.iter().flat_map(|detection| {
        let offsets = detection
            .evidence
            .iter()
            .map(|event| event.event_uid.split_once('/').unwrap().0);
        offsets.map(|offset| (detection.rule.title.en.clone(), offset.parse().unwrap()))
    });
    firings.collect()
}

/// The elements of a JSON list, or the lines of a file.
pub(crate) fn elements(path: &Path) -> Vec<Vec<u8>> {
    let text = std::fs::read_to_string(path).unwrap();
    match serde_json::from_str::<serde_json::Value>(&text) {
        Ok(serde_json::Value::Array(all)) => all.iter().map(|one| one.to_string().into_bytes()).collect(),
        Ok(one) => vec![one.to_string().into_bytes()],
        Err(_) => text.lines().map(|line| line.as_bytes().to_vec()).collect(),
    }
}

/// Records by product.
pub(crate) fn panther_records(folder: &Path) -> BTreeMap<String, Vec<Record>> {
    let mut streams: BTreeMap<String, Vec<Record>> = BTreeMap::new();
    for line in elements(&folder.join("given/panther_norm.ndjson")) {
        let line: serde_json::Value = serde_json::from_slice(&line).unwrap();
        let (product, raw) = (line["product"].as_str().unwrap(), line["raw"].as_str().unwrap());
        let source = match product {
            "Okta.SystemLog" => "okta.system",
            "GitHub.Audit" => "github.audit",
            "OneLogin.Events" => "onelogin.event",
            "AWS.CloudTrail" => "aws.cloudtrail",
            "Azure.Audit" | "GSuite.ActivityEvent" => "auto",
            _ => continue,
        };
        let stream = streams.entry(product.to_owned()).or_default();
        stream.push((source.to_owned(), raw.as_bytes().to_vec()));
    }
    streams
}

pub(crate) fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
        .map(|entries| entries.flatten().map(|entry| entry.path()).collect())
        .unwrap_or_default();
    files.sort();
    files
}

/// What fires on records of real services, by what they are records of.
fn fired(folder: &Path, rules: &[RuleFolder]) -> BTreeMap<String, BTreeSet<String>> {
    let of = |products: &[&str]| -> Vec<RuleFolder> {
        let wanted = |rule: &&RuleFolder| {
            let logsource = logsource(&rule.rule);
            products.iter().any(|product| logsource.starts_with(product))
        };
        rules.iter().filter(wanted).cloned().collect()
    };
    let (amazon, clouds) = (
        of(&["aws"]),
        of(&["aws", "azure", "m365", "gcp", "github", "okta", "onelogin", "cisco/duo"]),
    );
    let mut fired = BTreeMap::new();
    for path in files(&folder.join("logs/cloudtrail-attacks")) {
        let records: Vec<_> = elements(&path)
            .into_iter()
            .map(|raw| ("aws.cloudtrail".to_owned(), raw))
            .collect();
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        fired.insert(name, fire(&amazon, &records));
    }
    let mut streams = panther_records(folder);
    for (file, source) in [
        ("Okta_CL.json", "okta.system"),
        ("OneLogin_CL.json", "onelogin.event"),
        ("DuoSecurityAuthentication_CL.json", "duo.auth"),
    ] {
        let records = elements(&folder.join("logs/sentinel").join(file));
        streams.insert(
            file.to_owned(),
            records.into_iter().map(|raw| (source.to_owned(), raw)).collect(),
        );
    }
    fired.extend(
        streams
            .into_iter()
            .map(|(name, records)| (name, fire(&clouds, &records))),
    );
    fired
}

fn fired_page(fired: &BTreeMap<String, BTreeSet<String>>) -> String {
    let mut page = "
## What fires on records of real services

By [stratus-red-team](https://github.com/DataDog/stratus-red-team) (CloudTrail of attack techniques),
[panther-analysis](https://github.com/panther-labs/panther-analysis) (tests of its rules) and the samples of Microsoft Sentinel.

| records | rules that fire |
|---|---|
"
    .to_owned();
    for (name, rules) in fired {
        let rules: Vec<&str> = rules.iter().map(String::as_str).collect();
        let rules = if rules.is_empty() {
            "–".to_owned()
        } else {
            rules.join("; ")
        };
        writeln!(page, "| {name} | {rules} |").unwrap();
    }
    page
}
