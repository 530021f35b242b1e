//! What is worked on, and what it is judged by.

use std::fs;
use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use jiff::tz::TimeZone;
use sekisho_benches::generate::people_csv;
use sekisho_benches::{Log, Mix, Record, Source};
use sekisho_detect::{Engine, RuleFolder, RuleSet, Surroundings};
use sekisho_enrich::{Calendar, CalendarSettings, Enricher, Geo, Networks, People};
use sekisho_formats::{Decoder, FORMATS, Output, Settings, YearPolicy};
use sekisho_model::batch::BATCH_ROWS_MAX;
use sekisho_model::{EventBatch, Origin, Raw, Time};

use crate::Failure;
use crate::clock::timed;
use crate::table::Work;

/// With what the logs begin.
pub(crate) const SEED: u64 = 1;
/// How long after it was written a record is received.
const DELAY: Duration = Duration::from_secs(2);
/// The repository.
pub(crate) const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// The rules and lists of the repository.
pub(crate) struct Context {
    zone: TimeZone,
    folders: Vec<RuleFolder>,
    /// With the databases and networks of the sample logs, and the people of the firm.
    pub(crate) enricher: Enricher,
}

impl Context {
    pub(crate) fn load() -> Result<Self, Failure> {
        let zone = TimeZone::get("Asia/Tokyo")?;
        let sample = |name: &str| fs::read(format!("{ROOT}/sample-logs/{name}"));
        let databases = ["geo/City.mmdb", "geo/ASN.mmdb"];
        let databases: Result<Vec<_>, std::io::Error> = databases
            .iter()
            .map(|name| Ok(((*name).to_owned(), sample(name)?)))
            .collect();
        let (networks, _) = Networks::parse("networks.csv", &String::from_utf8(sample("networks.csv")?)?)?;
        let (people, _) = People::parse("people.csv", &people_csv())?;
        let calendar = Calendar::new(CalendarSettings::usual(zone.clone()))?;
        let enricher = Enricher::new(Some(Geo::from_bytes(databases?)?), networks, people, calendar);
        Ok(Self {
            zone,
            folders: rule_folders()?,
            enricher,
        })
    }

    /// An engine of the shipped rules, without state.
    pub(crate) fn engine(&self) -> Engine {
        let sources: Vec<&str> = FORMATS.iter().map(|spec| spec.id).collect();
        let rules = RuleSet::compile(&self.folders, &sources, &Surroundings::of(self.zone.clone()));
        assert!(
            rules.problems().is_empty(),
            "the shipped rules are sound: {:?}",
            rules.problems()
        );
        Engine::new(rules)
    }

    /// A decoder that reads what the shipped rules ask for.
    pub(crate) fn decoder(&self) -> Decoder {
        let settings = Settings {
            zone: self.zone.clone(),
            year: YearPolicy::Nearest,
            ..Settings::default()
        };
        Decoder::new(settings, self.engine().projection().clone())
    }
}

fn rule_folders() -> Result<Vec<RuleFolder>, Failure> {
    let mut folders = Vec::new();
    for theme in fs::read_dir(Path::new(ROOT).join("rules"))? {
        for rule in fs::read_dir(theme?.path())? {
            let path = rule?.path();
            let text = |name: &str| fs::read_to_string(path.join(name));
            folders.push(RuleFolder {
                path: path.display().to_string(),
                rule: text("rule.yml")?,
                response_en: text("response.md").ok(),
                response_ja: text("response.ja.md").ok(),
            });
        }
    }
    folders.sort_by(|one, other| one.path.cmp(&other.path));
    Ok(folders)
}

/// Records to work on.
pub(crate) struct Input {
    pub(crate) name: &'static str,
    pub(crate) records: Vec<Record>,
    /// The records as lines of a file.
    body: String,
    origins: Vec<(Source, Origin)>,
}

impl Input {
    /// The log of each source, and of all.
    pub(crate) fn all(records: usize) -> impl Iterator<Item = Self> {
        let one = move |source: Source| Self::new(source.id(), Log::new(source, SEED).take(records).collect());
        Source::ALL
            .into_iter()
            .map(one)
            .chain(std::iter::once_with(move || Self::mix(records)))
    }

    /// The logs of all sources.
    pub(crate) fn mix(records: usize) -> Self {
        Self::new("all six, mixed", Mix::new(SEED).take(records).collect())
    }

    fn new(name: &'static str, records: Vec<Record>) -> Self {
        let body = records.iter().flat_map(|record| [record.line.as_str(), "\n"]).collect();
        let origin = |source: Source| Origin {
            tenant: "default".into(),
            source: source.id().into(),
            label: "http:bench".into(),
            log: "spool".into(),
            backfill: false,
        };
        let origins = Source::ALL.into_iter().map(|source| (source, origin(source))).collect();
        Self {
            name,
            records,
            body,
            origins,
        }
    }

    pub(crate) fn work(&self) -> Work {
        Work {
            records: self.records.len(),
            bytes: self.body.len(),
        }
    }

    /// Decodes everything, and hands on each batch that is full and the last.
    pub(crate) fn decode(&self, decoder: &mut Decoder, mut each: impl FnMut(EventBatch)) {
        let mut out = decoder.output();
        for (offset, record) in (0..).zip(&self.records) {
            let Some((_, origin)) = self.origins.iter().find(|(source, _)| *source == record.source) else {
                continue;
            };
            let observed = Time::from_millis(record.millis).plus(DELAY);
            decoder.decode(
                &Raw {
                    origin,
                    offset,
                    observed,
                    bytes: record.line.as_bytes(),
                },
                &mut out,
            );
            if out.rows.len() >= BATCH_ROWS_MAX {
                each(finish(&mut out));
            }
        }
        decoder.flush(&mut out);
        each(finish(&mut out));
    }

    /// The least that reading takes: finding the lines, and of JSON where it ends, else copying.
    pub(crate) fn read_only(&self) -> Result<Duration, Failure> {
        let mut copy = Vec::with_capacity(self.body.len());
        let mut read = |line: &[u8], is_json: bool| {
            if is_json {
                drop(black_box(serde_json::from_slice::<serde::de::IgnoredAny>(line)));
            } else {
                copy.extend_from_slice(line);
            }
        };
        let (time, ()) = timed(|| {
            let mut begin = 0;
            for (end, record) in memchr::memchr_iter(b'\n', self.body.as_bytes()).zip(&self.records) {
                read(
                    self.body.as_bytes().get(begin..end).unwrap_or_default(),
                    record.source.is_json(),
                );
                begin = end + 1;
            }
        })?;
        black_box(copy);
        Ok(time)
    }
}

fn finish(out: &mut Output) -> EventBatch {
    assert!(
        out.rejects.is_empty(),
        "what is generated can be read: {:?}",
        out.rejects
    );
    out.rows.finish()
}

/// The batches of an input, before or after enriching.
pub(crate) fn batches(context: &Context, input: &Input, enriched: bool) -> Vec<EventBatch> {
    let mut batches = Vec::new();
    input.decode(&mut context.decoder(), |batch| {
        batches.push(if enriched {
            context.enricher.enrich(batch)
        } else {
            batch
        });
    });
    batches
}

/// How many rows, and how many bytes of records.
pub(crate) fn work_of(batches: &[EventBatch]) -> Work {
    use sekisho_model::Column::Raw;
    let raw = |batch: &EventBatch| -> usize {
        (0..batch.len())
            .filter_map(|row| Some(batch.text(Raw, row)?.len()))
            .sum()
    };
    Work {
        records: batches.iter().map(EventBatch::len).sum(),
        bytes: batches.iter().map(raw).sum(),
    }
}

/// The least that looking at rows takes: counting them by account and by address.
pub(crate) fn count_only(batches: &[EventBatch]) -> Result<Duration, Failure> {
    use sekisho_model::Column::{SrcIp, UserName};
    let mut counts = std::collections::HashMap::<Arc<str>, u64>::new();
    let mut count = |text: &str| match counts.get_mut(text) {
        Some(count) => *count += 1,
        None => drop(counts.insert(text.into(), 1)),
    };
    let (time, ()) = timed(|| {
        for batch in batches {
            for texts in [batch.texts(UserName), batch.texts(SrcIp)] {
                (0..batch.len()).filter_map(|row| texts.get(row)).for_each(&mut count);
            }
        }
    })?;
    black_box(counts);
    Ok(time)
}
