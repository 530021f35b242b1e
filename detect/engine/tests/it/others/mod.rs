//! What other products expect of the records of their tests, against the shipped rules.
//!
//! `SEKISHO_CORPORA` names the folder that holds their cases; without it nothing is compared. The tables in
//! `data/` say which of our rules means what one of theirs does, or why none does, and give the
//! reason of each case where the two differ. `docs/others-cases.md` has the results.

mod crowdsec;
mod panther;
mod stories;
mod table;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::tz::TimeZone;
use sekisho_detect::{Engine, RuleFolder, RuleSet, Surroundings};
use sekisho_enrich::{Calendar, CalendarSettings, Enricher, Networks, People};
use sekisho_formats::{Decoder, FORMATS, YearPolicy};
use sekisho_model::{Detection, Origin, Raw, Time};

/// The folder of other people's cases.
fn corpora() -> Option<PathBuf> {
    let folder = std::env::var_os("SEKISHO_CORPORA").map(PathBuf::from);
    if folder.is_none() {
        eprintln!("skipped: SEKISHO_CORPORA is not set");
    }
    folder
}

/// The shipped rules.
fn shipped() -> RuleSet {
    let mut rules = Vec::new();
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("../../rules")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.ends_with("rule.yml") {
                rules.push(RuleFolder {
                    path: path.display().to_string(),
                    rule: std::fs::read_to_string(&path).unwrap(),
                    ..RuleFolder::default()
                });
            }
        }
    }
    let sources: Vec<&str> = FORMATS.iter().map(|spec| spec.id).collect();
    let set = RuleSet::compile(&rules, &sources, &Surroundings::of(TimeZone::UTC));
    assert!(set.problems().is_empty(), "{}", set.problems()[0]);
    set
}

/// Everything between a record and a detection. Each case has a tenant of its own, so that one
/// engine serves them all.
struct Rig {
    engine: Engine,
    enricher: Enricher,
}

impl Rig {
    fn new(people: &str, networks: &str) -> Self {
        let (people, _) = People::parse("people", people).unwrap();
        let (networks, _) = Networks::parse("networks", networks).unwrap();
        let calendar = Calendar::new(CalendarSettings::usual(TimeZone::UTC)).unwrap();
        Self {
            engine: Engine::new(shipped()),
            enricher: Enricher::new(None, networks, people, calendar),
        }
    }

    /// A rig without lists.
    fn bare() -> Self {
        Self::new("user\n", "cidr,asn,kind,label\n")
    }

    /// The detections that come of the records of a case, and how many of the records can be read.
    fn judge(&mut self, case: &str, source: &str, records: &[String]) -> (Vec<Detection>, usize) {
        let settings = sekisho_formats::Settings {
            zone: TimeZone::UTC,
            year: YearPolicy::Nearest,
            ..sekisho_formats::Settings::default()
        };
        let mut decoder = Decoder::new(settings, self.engine.projection().clone());
        let mut out = decoder.output();
        let origin = Origin {
            tenant: case.into(),
            source: source.into(),
            label: "test".into(),
            log: Arc::from(case),
            backfill: true,
        };
        for (offset, record) in (0..).zip(records) {
            let raw = Raw {
                origin: &origin,
                offset,
                observed: Time::from_secs(1_790_812_800),
                bytes: record.as_bytes(),
            };
            decoder.decode(&raw, &mut out);
        }
        decoder.flush(&mut out);
        let read = records.len().saturating_sub(out.rejects.len());
        let batch = self.enricher.enrich(out.rows.finish());
        (self.engine.detect(&batch), read)
    }
}
