//! From a simulated firm to what Sekisho finds: the crates that judge, in the order of the pipeline.

use std::collections::{BTreeMap, HashMap};
use std::error::Error;
use std::fs;
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;

use jiff::tz::TimeZone;
use sekisho_detect::{Engine, RuleFolder, RuleSet, Surroundings};
use sekisho_enrich::{Calendar, CalendarSettings, Enricher, Geo, Networks, People};
use sekisho_formats::{Decoder, Dedupe, FORMATS, Output, Settings, YearPolicy};
use sekisho_model::batch::BATCH_ROWS_MAX;
use sekisho_model::{Column, EventBatch, Findings, Origin, Raw, Time};
use sekisho_simulate::{Record, Source, World};

use crate::event::{Event, record};

/// Whatever may go wrong; it ends the run.
pub(crate) type Failure = Box<dyn Error + Send + Sync>;

/// The repository.
pub(crate) const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

/// A batch holds what arrives within this time: what is found does not depend on it, and larger
/// batches are judged faster.
const BATCH_MILLIS: i64 = 15 * 60 * 1_000;

/// What the run of a firm's logs gives.
pub(crate) struct Fed {
    /// The sign-ins that succeeded, in the order of arrival.
    pub(crate) events: Vec<Event>,
    /// What was found, in the order in which it was found.
    pub(crate) findings: Vec<Findings>,
    /// The record of each event.
    pub(crate) records: HashMap<String, usize>,
    /// How many bytes the engine saves at the end.
    pub(crate) state_bytes: usize,
}

/// The rules of the repository.
pub(crate) fn rule_folders() -> Result<Vec<RuleFolder>, Failure> {
    let mut folders = Vec::new();
    for theme in fs::read_dir(Path::new(ROOT).join("rules"))? {
        let theme = theme?.path();
        if !theme.is_dir() {
            continue;
        }
        for rule in fs::read_dir(theme)? {
            let path = rule?.path();
            folders.push(RuleFolder {
                path: path.display().to_string(),
                rule: fs::read_to_string(path.join("rule.yml"))?,
                response_en: None,
                response_ja: None,
            });
        }
    }
    folders.sort_by(|one, other| one.path.cmp(&other.path));
    Ok(folders)
}

/// Judges the logs of a firm.
pub(crate) fn feed(world: &World, folders: &[RuleFolder]) -> Result<Fed, Failure> {
    let zone = TimeZone::get("Asia/Tokyo")?;
    let sources: Vec<&str> = FORMATS.iter().map(|spec| spec.id).collect();
    let lateness = FORMATS.iter().map(|spec| (spec.id.to_owned(), spec.lateness));
    let surroundings = Surroundings {
        lateness: lateness.collect(),
        ..Surroundings::of(zone.clone())
    };
    let rules = RuleSet::compile(folders, &sources, &surroundings);
    if !rules.problems().is_empty() {
        return Err(format!("the shipped rules have problems: {:?}", rules.problems()).into());
    }
    let engine = Engine::new(rules);
    let settings = Settings {
        zone: zone.clone(),
        year: YearPolicy::Nearest,
        ..Settings::default()
    };
    let mut feeder = Feeder {
        decoder: Decoder::new(settings, engine.projection().clone()),
        enricher: enricher(world, zone)?,
        dedupe: Dedupe::new(),
        engine,
        points: world.databases.points.clone(),
        fed: Fed {
            events: Vec::new(),
            findings: Vec::new(),
            records: HashMap::new(),
            state_bytes: 0,
        },
    };
    feeder.all(&world.records)?;
    Ok(feeder.fed)
}

fn enricher(world: &World, zone: TimeZone) -> Result<Enricher, Failure> {
    let databases = &world.databases;
    let geo = Geo::from_bytes(vec![
        ("City.mmdb".to_owned(), databases.city.clone()),
        ("ASN.mmdb".to_owned(), databases.asn.clone()),
        ("Anonymous-IP.mmdb".to_owned(), databases.anonymous.clone()),
    ])?;
    let (networks, problems) = Networks::parse("networks.csv", &world.networks_csv)?;
    let (people, more) = People::parse("people.csv", &world.people_csv)?;
    if !problems.is_empty() || !more.is_empty() {
        return Err(format!("the lists have problems: {problems:?} {more:?}").into());
    }
    let calendar = Calendar::new(CalendarSettings::usual(zone))?;
    Ok(Enricher::new(Some(geo), networks, people, calendar))
}

struct Feeder {
    decoder: Decoder,
    enricher: Enricher,
    dedupe: Dedupe,
    engine: Engine,
    points: BTreeMap<IpAddr, (f64, f64)>,
    fed: Fed,
}

impl Feeder {
    fn all(&mut self, records: &[Record]) -> Result<(), Failure> {
        let origins: BTreeMap<Source, Origin> =
            Source::ALL.into_iter().map(|source| (source, origin(source))).collect();
        let mut out = self.decoder.output();
        let mut begun = i64::MIN;
        for (offset, record) in (0..).zip(records) {
            if begun.saturating_add(BATCH_MILLIS) <= record.arrives || BATCH_ROWS_MAX <= out.rows.len() {
                self.judge(&mut out)?;
                // What did not happen is decided as time passes, with or without records.
                let decided = self.engine.tick(Time::from_millis(record.arrives));
                self.hear(decided);
                begun = record.arrives;
            }
            let Some(origin) = origins.get(&record.source) else {
                continue;
            };
            let raw = Raw {
                origin,
                offset,
                observed: Time::from_millis(record.arrives),
                bytes: record.line.as_bytes(),
            };
            self.decoder.decode(&raw, &mut out);
        }
        self.decoder.flush(&mut out);
        self.judge(&mut out)?;
        self.fed.state_bytes = state_bytes(&self.engine)?;
        let decided = self.engine.finish();
        self.hear(decided);
        Ok(())
    }

    fn judge(&mut self, out: &mut Output) -> Result<(), Failure> {
        if let Some(reject) = out.rejects.first() {
            return Err(format!("a simulated record cannot be read: {}: {}", reject.reason, reject.raw).into());
        }
        if out.rows.is_empty() {
            return Ok(());
        }
        let batch = self.enricher.enrich(self.dedupe.retain(out.rows.finish()).0);
        self.note(&batch);
        let found = self.engine.judge(&batch);
        self.hear(found);
        let decided = self.engine.forget();
        self.hear(decided);
        Ok(())
    }

    fn hear(&mut self, findings: Findings) {
        if !findings.is_empty() {
            self.fed.findings.push(findings);
        }
    }

    fn note(&mut self, batch: &EventBatch) {
        for row in 0..batch.len() {
            if let (Some(uid), Some(record)) = (batch.text(Column::EventUid, row), record(batch, row)) {
                self.fed.records.insert(uid.to_owned(), record);
            }
            self.fed.events.extend(Event::of(batch, row, &self.points));
        }
    }
}

/// How many bytes of text the engine saves.
fn state_bytes(engine: &Engine) -> Result<usize, Failure> {
    let snapshot = engine.snapshot()?;
    let entries = snapshot.entries();
    Ok(entries
        .map(|(part, key, state)| part.len() + key.len() + state.len())
        .sum())
}

fn origin(source: Source) -> Origin {
    Origin {
        tenant: "default".into(),
        source: source.id().into(),
        label: "http:simulate".into(),
        log: Arc::from("spool"),
        backfill: false,
    }
}
