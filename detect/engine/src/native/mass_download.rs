//! More files than a person works with: somebody takes them along.
//!
//! Different files (`resource`) that a person downloaded are counted in a sliding window; a file that is
//! downloaded twice counts once. A download is *hot* when some window that contains it reaches the
//! threshold, and every hot download is evidence. The windows are
//!
//! * an hour with `files_per_hour` files, or six times what the person's busy hours of the last 30 days
//!   had, whichever is more;
//! * a day with `files_per_day` files, or three times what the person's busy days had;
//! * an hour with `gigabytes_per_hour`, or ten times what the person's busy hours had.
//!
//! A download weighs double outside office hours, double if the person leaves within 60 days (or has
//! left), and double on an unmanaged device. A person about to leave raises the detection by one level.
//! What a synchronising client fetches counts only on an unmanaged device: the first synchronisation of
//! a company's computer fetches everything.
//!
//! | parameter | default | |
//! |---|---|---|
//! | `files_per_hour` | 50 | different files within an hour |
//! | `files_per_day` | 200 | different files within 24 hours |
//! | `gigabytes_per_hour` | 2 | gigabytes within an hour |

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::tz::TimeZone;
use sekisho_model::{Column, Detection, EventBatch, Evidence, Facts, RuleInfo, Severity, Snapshot, Time, Weight};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::hours::{Asked, Hours, Share, hour};
use super::looks::Detail;
use super::people::People;
use super::ring::{Event, Measured, Ring, Tally};
use super::{ParameterError, Surroundings, is_service, local_day, parameters, part, person_entity, person_of};
use super::{short_hash, succeeded, within};
use crate::Detector;

pub(super) const NAME: &str = "mass_download";

/// The most downloads of a person that are remembered. Who downloads more within two days was told.
const DOWNLOADS_MAX: usize = 8_192;

const HOUR: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);

/// A person's busy hours and days: no more than one in twenty has more.
const BUSY: Share = Share(95);
/// How many times a person's busy hours, days and gigabytes a window must have.
const HOUR_FACTOR: i64 = 6;
const DAY_FACTOR: i64 = 3;
const BYTES_FACTOR: i64 = 10;

const GIGABYTE: i64 = 1_000_000_000;

/// The most bytes that one download is believed to have, so that sums stay far from overflow.
const BYTES_MAX: i64 = 10_000 * GIGABYTE;

/// How long before the last day a person counts as about to leave: most who take data take it in the
/// last two months.
const LEAVING_DAYS: i64 = 60;

/// The form of the state in snapshots.
const FORM: u32 = 1;

/// How sources call what a synchronising client does by itself.
const SYNC_ACTIONS: [&str; 3] = [
    "FileSyncDownloadedFull",
    "FileSyncDownloadedPartial",
    "sync_item_content",
];

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Parameters {
    files_per_hour: i64,
    files_per_day: i64,
    gigabytes_per_hour: i64,
}

impl Default for Parameters {
    fn default() -> Self {
        Self {
            files_per_hour: 50,
            files_per_day: 200,
            gigabytes_per_hour: 2,
        }
    }
}

#[derive(Debug)]
struct MassDownload {
    rule: Arc<RuleInfo>,
    limits: Parameters,
    zone: TimeZone,
    people: People<Downloads>,
}

/// What a person downloaded.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Downloads {
    files: Ring<File>,
    /// How many different files each hour had.
    hours: Hours,
    /// How many bytes each hour had.
    bytes: Hours,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct File {
    /// Which file, as a hash.
    name: u64,
    bytes: i64,
    off_hours: bool,
    leaving: bool,
    unmanaged: bool,
}

pub(super) fn make(
    rule: Arc<RuleInfo>,
    value: &Value,
    surroundings: &Surroundings,
) -> Result<Box<dyn Detector>, ParameterError> {
    let limits: Parameters = parameters(NAME, value)?;
    within(NAME, "files_per_hour", limits.files_per_hour, 1, 1_000_000)?;
    within(NAME, "files_per_day", limits.files_per_day, 1, 1_000_000)?;
    within(NAME, "gigabytes_per_hour", limits.gigabytes_per_hour, 1, 1_000_000)?;
    Ok(Box::new(MassDownload {
        rule,
        limits,
        zone: surroundings.zone.clone(),
        people: People::default(),
    }))
}

impl MassDownload {
    fn file(&self, batch: &EventBatch, row: usize) -> Option<File> {
        let unmanaged = batch.text(Column::DeviceTrust, row) == Some("unmanaged");
        let is_sync = batch
            .text(Column::Action, row)
            .is_some_and(|action| SYNC_ACTIONS.contains(&action));
        if !succeeded(batch, row) || is_service(batch, row) || is_sync && !unmanaged {
            return None;
        }
        let left = batch.int(Column::Left, row);
        let today = local_day(&self.zone, batch.believed_time(row));
        // A download of nothing that is named is a file of its own.
        let name = batch
            .text(Column::Resource, row)
            .or_else(|| batch.text(Column::EventUid, row))?;
        Some(File {
            name: short_hash(name),
            bytes: batch.int(Column::BytesOut, row).unwrap_or(0).clamp(0, BYTES_MAX),
            off_hours: matches!(batch.text(Column::OfficeState, row), Some("closed" | "holiday")),
            leaving: left.is_some_and(|left| left.saturating_sub(today) <= LEAVING_DAYS),
            unmanaged,
        })
    }

    fn weight(&self, leaving: bool) -> Weight {
        let mut weight = Weight::of(&self.rule);
        if leaving {
            weight.severity = match weight.severity {
                Severity::Informational => Severity::Low,
                Severity::Low => Severity::Medium,
                Severity::Medium => Severity::High,
                Severity::High | Severity::Critical => Severity::Critical,
            };
        }
        weight
    }
}

impl Detector for MassDownload {
    fn observe(&mut self, batch: &EventBatch, found: &mut Vec<Detection>) {
        let activity = batch.texts(Column::Activity);
        let mut people: BTreeMap<(&str, &str), Vec<(usize, File)>> = BTreeMap::new();
        for row in (0..batch.len()).filter(|row| activity.get(*row) == Some("file_download")) {
            let names = batch.text(Column::Tenant, row).zip(person_of(batch, row));
            if let Some((names, file)) = names.zip(self.file(batch, row)) {
                people.entry(names).or_default().push((row, file));
            }
        }
        for ((tenant, person), rows) in people {
            let last = rows.iter().map(|(row, _)| batch.believed_time(*row)).max();
            let Some(downloads) = self.people.meet(tenant, person, last.unwrap_or_default()) else {
                continue;
            };
            let Some(touched) = downloads.add(batch, &rows) else {
                continue;
            };
            let told = downloads.measure(touched, &self.limits);
            downloads.files.shrink(DOWNLOADS_MAX);
            for (evidence, facts, leaving) in told {
                found.push(Detection {
                    rule: Arc::clone(&self.rule),
                    weight: self.weight(leaving),
                    tenant: Arc::from(tenant),
                    entity: person_entity(&Arc::from(person)),
                    evidence,
                    facts,
                    gap: DAY,
                });
            }
        }
    }

    fn forget_before(&mut self, horizon: Time) {
        let oldest = horizon.minus(DAY);
        self.people.retain(|downloads, _| {
            downloads.files.forget_before(oldest);
            downloads.hours.forget_before(horizon);
            downloads.bytes.forget_before(horizon);
            !downloads.files.is_empty() || !downloads.hours.is_empty()
        });
    }

    fn snapshot(&self, into: &mut Snapshot) -> Result<(), serde_json::Error> {
        self.people.snapshot(&part(NAME, FORM, &self.rule), into)
    }

    fn restore(&mut self, from: &Snapshot) {
        self.people.restore(&part(NAME, FORM, &self.rule), from);
    }
}

/// What is told: the events, what was measured, and whether the person leaves.
type Found = (Vec<Evidence>, Facts, bool);

impl Downloads {
    /// Takes in downloads, and says from when to when something changed.
    fn add(&mut self, batch: &EventBatch, rows: &[(usize, File)]) -> Option<(Time, Time)> {
        let mut touched: Option<(Time, Time)> = None;
        for (row, file) in rows {
            let Some(inserted) = self.files.insert(batch, *row, *file) else {
                continue;
            };
            let time = inserted.time;
            let known = inserted.before.map_or(0, |before| before.bytes);
            self.bytes.add(time, (file.bytes - known).max(0));
            if inserted.before.is_none() && self.of_hour(time, file.name) == 1 {
                self.hours.add(time, 1);
            }
            touched = Some(touched.map_or((time, time), |(first, last)| (first.min(time), last.max(time))));
        }
        touched
    }

    /// How often a file was downloaded in the hour of a time.
    fn of_hour(&self, time: Time, file: u64) -> usize {
        let start = Time::from_secs(hour(time).saturating_mul(3_600));
        let hour = self.files.between(start, Time(start.plus(HOUR).0.saturating_sub(1)));
        let events = self.files.events().get(hour).unwrap_or_default();
        events.iter().filter(|event| event.value.name == file).count()
    }

    /// What became hot and was not told, by each measure.
    fn measure(&mut self, touched: (Time, Time), limits: &Parameters) -> Vec<Found> {
        let gigabytes = limits.gigabytes_per_hour * GIGABYTE;
        let (hours, sums) = (&self.hours, &self.bytes);
        let usual_hour = Asked::new(|time| hours.usual_hour(time, BUSY, limits.files_per_hour));
        let usual_day = Asked::new(|time| hours.usual_day(time, BUSY, limits.files_per_day));
        let usual_bytes = Asked::new(|time| sums.usual_hour(time, BUSY, gigabytes));
        let per_hour = |event: &Event<File>| {
            let usual = usual_hour.at(event.time).unwrap_or(0);
            limits.files_per_hour.max(usual.saturating_mul(HOUR_FACTOR))
        };
        let per_day = |event: &Event<File>| {
            let usual = usual_day.at(event.time).unwrap_or(0);
            limits.files_per_day.max(usual.saturating_mul(DAY_FACTOR))
        };
        let bytes = |event: &Event<File>| {
            let usual = usual_bytes.at(event.time).unwrap_or(0);
            gigabytes.max(usual.saturating_mul(BYTES_FACTOR))
        };
        let hour = self.hot::<Files>(touched, HOUR, limits.files_per_hour, per_hour);
        let day = self.hot::<Files>(touched, DAY, limits.files_per_day, per_day);
        let heavy = self.hot::<Bytes>(touched, HOUR, gigabytes, bytes);
        let mut found = self.tell::<Files>(hour, HOUR, "files");
        found.extend(self.tell::<Files>(day, DAY, "files"));
        found.extend(self.tell::<Bytes>(heavy, HOUR, "bytes"));
        found
    }

    /// The hot downloads, and the threshold that the last of them met. What is usual is asked only where
    /// the fixed threshold is met.
    fn hot<A: Tally<File>>(
        &self,
        touched: (Time, Time),
        window: Duration,
        floor: i64,
        least: impl Fn(&Event<File>) -> i64,
    ) -> (Vec<usize>, i64) {
        let is_enough = |event: &Event<File>, total: i64| floor <= total && least(event) <= total;
        let hot = self.files.hot::<A>(touched, window, is_enough);
        let last = hot.last().and_then(|index| self.files.events().get(*index));
        let threshold = last.map_or(floor, least);
        (hot, threshold)
    }

    /// Tells hot downloads, in waves, with the heaviest window of each.
    fn tell<A: Tally<File>>(
        &mut self,
        (hot, threshold): (Vec<usize>, i64),
        window: Duration,
        name: &str,
    ) -> Vec<Found> {
        let mut found = Vec::new();
        for wave in self.files.untold(hot, DAY) {
            let mut facts = Facts::from([
                ("window_minutes".to_owned(), json!(window.as_secs() / 60)),
                ("threshold".to_owned(), json!(threshold)),
            ]);
            let mut leaving = false;
            if let Some((slice, _)) = self.files.heaviest::<A>(&wave, window) {
                let events = self.files.events().get(slice).unwrap_or_default();
                facts.extend(facts_of(events, name));
                leaving = events.iter().any(|event| event.value.leaving);
            }
            let evidence = wave.into_iter().filter_map(|index| self.files.tell(index)).collect();
            found.push((evidence, facts, leaving));
        }
        found
    }
}

/// What there is to say of the downloads of a window: how many, from when on, and what made them weigh
/// more.
fn facts_of(events: &[Event<File>], name: &str) -> Facts {
    let mut files: Vec<u64> = events.iter().map(|event| event.value.name).collect();
    files.sort_unstable();
    files.dedup();
    let bytes: i64 = events.iter().map(|event| event.value.bytes).sum();
    let any = |test: fn(&File) -> bool| events.iter().any(|event| test(&event.value));
    let factors = [
        (any(|file| file.off_hours), "factor_off_hours"),
        (any(|file| file.leaving), "factor_leaving"),
        (any(|file| file.unmanaged), "factor_unmanaged"),
    ];
    let factors: Vec<&str> = factors
        .into_iter()
        .filter(|(is, _)| *is)
        .map(|(_, name)| name)
        .collect();
    let start = events.first().map(|event| event.time.to_string());
    let mut facts = Facts::from([
        ("files".to_owned(), json!(files.len())),
        ("factors".to_owned(), json!(factors)),
        ("window_start".to_owned(), json!(start)),
    ]);
    if name == "bytes" {
        facts.insert("megabytes".to_owned(), json!(bytes / 1_000_000));
    }
    facts
}

impl File {
    /// How many times the download counts.
    fn weight(self) -> i64 {
        [self.off_hours, self.leaving, self.unmanaged]
            .into_iter()
            .filter(|is| *is)
            .fold(1, |weight, _| weight * 2)
    }
}

impl Measured for File {
    const DETAIL: Detail = Detail::Full;

    fn update(&mut self, update: Self) {
        self.bytes = self.bytes.max(update.bytes);
        self.off_hours |= update.off_hours;
        self.leaving |= update.leaving;
        self.unmanaged |= update.unmanaged;
    }
}

/// Different files, each by its heaviest download.
#[derive(Debug, Default)]
struct Files {
    /// How many downloads there are of a file and a weight.
    downloads: BTreeMap<(u64, i64), u32>,
    total: i64,
}

impl Files {
    fn heaviest(&self, file: u64) -> i64 {
        let weights = self.downloads.range((file, 0)..=(file, i64::MAX));
        weights.last().map_or(0, |((_, weight), _)| *weight)
    }
}

impl Tally<File> for Files {
    fn add(&mut self, file: &File) {
        let before = self.heaviest(file.name);
        *self.downloads.entry((file.name, file.weight())).or_default() += 1;
        self.total += self.heaviest(file.name) - before;
    }

    fn remove(&mut self, file: &File) {
        let before = self.heaviest(file.name);
        let key = (file.name, file.weight());
        if let Some(count) = self.downloads.get_mut(&key) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                self.downloads.remove(&key);
            }
        }
        self.total += self.heaviest(file.name) - before;
    }

    fn total(&self) -> i64 {
        self.total
    }
}

/// Bytes, those that weigh more the more often.
#[derive(Debug, Default)]
struct Bytes(i64);

impl Tally<File> for Bytes {
    fn add(&mut self, file: &File) {
        self.0 += file.bytes * file.weight();
    }

    fn remove(&mut self, file: &File) {
        self.0 -= file.bytes * file.weight();
    }

    fn total(&self) -> i64 {
        self.0
    }
}
