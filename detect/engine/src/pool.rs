//! Evidence in a snapshot, once.
//!
//! Several correlations keep the same event until they tell of it, and most events are alike: the same
//! person, address, client. So while an engine is saved, what is kept of an event is written as a number,
//! and the events, with each text once, stand in a part of their own.
//!
//! # Invariants
//! * Outside of [`saved`] and [`restored`], evidence is written and read whole.
//! * The numbers follow from the order of writing alone: the same state gives the same snapshot.

use std::cell::RefCell;
use std::sync::Arc;

use hashbrown::HashMap;
use sekisho_model::{Evidence, Snapshot, Time};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// The parts of a snapshot. The number is raised when they are written differently.
const PART_EVENTS: &str = "evidence/1";
const PART_TEXTS: &str = "evidence/1/texts";

/// How many events or texts make an entry.
const CHUNK: usize = 1_024;

thread_local! {
    // Serialisation has no way to hand something along.
    static POOL: RefCell<Option<Pool>> = const { RefCell::new(None) };
}

/// An event with its texts as numbers, 0 for none.
type Row = (String, i64, i64, [u32; 13], i8, Option<i64>, bool);

#[derive(Debug, Default)]
struct Pool {
    events: Vec<Arc<Evidence>>,
    /// Where each stands. The pool holds them, so no address is used twice.
    places: HashMap<*const Evidence, usize>,
}

/// Saves what is written within, and the evidence in it once.
pub(crate) fn saved(
    into: &mut Snapshot,
    write: impl FnOnce(&mut Snapshot) -> Result<(), serde_json::Error>,
) -> Result<(), serde_json::Error> {
    let (written, pool) = with(Pool::default(), || write(into));
    written?;
    pool.save(into)
}

/// Restores what is read within.
pub(crate) fn restored<T>(from: &Snapshot, read: impl FnOnce() -> T) -> T {
    with(Pool::load(from), read).0
}

fn with<T>(pool: Pool, work: impl FnOnce() -> T) -> (T, Pool) {
    let before = POOL.replace(Some(pool));
    let done = work();
    let pool = POOL.replace(before).unwrap_or_default();
    (done, pool)
}

impl Pool {
    fn place(&mut self, evidence: &Arc<Evidence>) -> usize {
        let next = self.events.len();
        *self.places.entry(Arc::as_ptr(evidence)).or_insert_with(|| {
            self.events.push(Arc::clone(evidence));
            next
        })
    }

    fn save(&self, into: &mut Snapshot) -> Result<(), serde_json::Error> {
        let mut texts = Texts::default();
        let rows: Vec<Row> = self.events.iter().map(|event| texts.row(event)).collect();
        for (number, chunk) in rows.chunks(CHUNK).enumerate() {
            into.put(PART_EVENTS, format!("{number:08}"), &chunk)?;
        }
        for (number, chunk) in texts.all.chunks(CHUNK).enumerate() {
            into.put(PART_TEXTS, format!("{number:08}"), &chunk)?;
        }
        Ok(())
    }

    /// What cannot be read is missing, and so is what refers to it.
    fn load(from: &Snapshot) -> Self {
        let texts: Vec<String> = entries(from, PART_TEXTS);
        let rows: Vec<Row> = entries(from, PART_EVENTS);
        Self {
            events: rows.into_iter().map(|row| Arc::new(evidence(row, &texts))).collect(),
            places: HashMap::new(),
        }
    }
}

fn entries<T: for<'de> Deserialize<'de>>(from: &Snapshot, part: &str) -> Vec<T> {
    let mut chunks: Vec<&(String, String)> = from.part(part).iter().collect();
    chunks.sort();
    let read = chunks
        .into_iter()
        .map(|(_, state)| serde_json::from_str::<Vec<T>>(state));
    read.take_while(Result::is_ok).flatten().flatten().collect()
}

/// Each text once, by the number under which it was seen first, from 1.
#[derive(Debug, Default)]
struct Texts<'a> {
    all: Vec<&'a str>,
    numbers: HashMap<&'a str, u32>,
}

impl<'a> Texts<'a> {
    fn number(&mut self, text: &'a str) -> u32 {
        let next = u32::try_from(self.all.len()).unwrap_or(u32::MAX).saturating_add(1);
        *self.numbers.entry(text).or_insert_with(|| {
            self.all.push(text);
            next
        })
    }

    fn row(&mut self, evidence: &'a Evidence) -> Row {
        // Named one by one, so that a field that is added cannot be overlooked here.
        let Evidence {
            event_uid,
            time,
            observed,
            source,
            activity,
            status_id,
            user_name,
            src_ip,
            src_country,
            src_city,
            src_as_org,
            src_net_kind,
            target,
            resource,
            user_agent,
            mfa_result,
            item_count,
            privileged,
        } = evidence;
        let mut number = |text: &'a Option<String>| text.as_deref().map_or(0, |text| self.number(text));
        let optional = [
            user_name,
            src_ip,
            src_country,
            src_city,
            src_as_org,
            src_net_kind,
            target,
            resource,
            user_agent,
            mfa_result,
        ]
        .map(&mut number);
        let mut numbers = [0; 13];
        for (place, value) in numbers.iter_mut().zip(optional) {
            *place = value;
        }
        let [.., a, b, _] = &mut numbers;
        (*a, *b) = (self.number(source), self.number(activity));
        let delay = observed.0.wrapping_sub(time.0);
        (
            event_uid.clone(),
            time.0,
            delay,
            numbers,
            *status_id,
            *item_count,
            *privileged,
        )
    }
}

fn evidence(row: Row, texts: &[String]) -> Evidence {
    let (event_uid, time, delay, numbers, status_id, item_count, privileged) = row;
    let text = |number: u32| {
        let place = usize::try_from(number).ok()?.checked_sub(1)?;
        texts.get(place).cloned()
    };
    let [
        user_name,
        src_ip,
        src_country,
        src_city,
        src_as_org,
        src_net_kind,
        target,
        resource,
        user_agent,
        mfa_result,
        source,
        activity,
        _,
    ] = numbers.map(text);
    Evidence {
        event_uid,
        time: Time(time),
        observed: Time(time.wrapping_add(delay)),
        source: source.unwrap_or_default(),
        activity: activity.unwrap_or_default(),
        status_id,
        user_name,
        src_ip,
        src_country,
        src_city,
        src_as_org,
        src_net_kind,
        target,
        resource,
        user_agent,
        mfa_result,
        item_count,
        privileged,
    }
}

/// Evidence as a number or whole.
#[derive(Deserialize)]
#[serde(untagged)]
enum Written {
    Number(usize),
    Whole(Box<Evidence>),
}

/// For `#[serde(with)]`.
pub(crate) fn serialize<S: Serializer>(evidence: &Arc<Evidence>, serializer: S) -> Result<S::Ok, S::Error> {
    let place = POOL.with_borrow_mut(|pool| pool.as_mut().map(|pool| pool.place(evidence)));
    match place {
        Some(place) => place.serialize(serializer),
        None => evidence.as_ref().serialize(serializer),
    }
}

/// For `#[serde(with)]`.
pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Arc<Evidence>, D::Error> {
    match Written::deserialize(deserializer)? {
        Written::Whole(evidence) => Ok(Arc::from(evidence)),
        Written::Number(place) => POOL.with_borrow(|pool| {
            let found = pool.as_ref().and_then(|pool| pool.events.get(place));
            found
                .cloned()
                .ok_or_else(|| de::Error::custom(format!("there is no evidence {place}")))
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Kept(#[serde(with = "super")] Arc<Evidence>);

    fn event(number: i64) -> Arc<Evidence> {
        let text = |what: &str| Some(format!("{what} of {}", number % 3));
        Arc::new(Evidence {
            event_uid: format!("{number:032x}"),
            time: Time(number),
            observed: Time(number + 7),
            source: "entra.signin".to_owned(),
            activity: "logon".to_owned(),
            status_id: 1,
            user_name: text("user"),
            src_ip: None,
            src_country: text("country"),
            src_city: text("city"),
            src_as_org: text("network"),
            src_net_kind: text("kind"),
            target: text("target"),
            resource: Some(format!("{number}.dwg")),
            user_agent: text("client"),
            mfa_result: text("mfa"),
            item_count: (number % 2 == 0).then_some(number),
            privileged: number % 5 == 0,
        })
    }

    #[test]
    fn what_is_saved_is_restored_and_each_event_stands_there_once() {
        let events: Vec<Arc<Evidence>> = (0..3_000).map(event).collect();
        let kept: Vec<Kept> = events
            .iter()
            .chain(&events)
            .map(|event| Kept(Arc::clone(event)))
            .collect();
        let mut snapshot = Snapshot::default();
        saved(&mut snapshot, |into| into.put("kept", "", &kept)).unwrap();

        let [(_, state)] = snapshot.part("kept") else {
            panic!("one entry")
        };
        let found: Vec<Kept> = restored(&snapshot, || serde_json::from_str(state).unwrap());

        assert_eq!(found, kept);
        assert!(Arc::ptr_eq(&found[0].0, &found[3_000].0), "shared again");
        let bytes: usize = snapshot.entries().map(|(_, _, state)| state.len()).sum();
        let whole = serde_json::to_string(&events).unwrap().len() * 2;
        assert!(bytes * 4 < whole, "{bytes} of {whole}");
        assert!(
            serde_json::from_str::<Vec<Kept>>(state).is_err(),
            "alone it means nothing"
        );
    }

    #[test]
    fn outside_of_a_snapshot_evidence_is_whole() {
        let kept = Kept(event(1));
        let text = serde_json::to_string(&kept).unwrap();
        assert!(text.contains("entra.signin"));
        assert_eq!(serde_json::from_str::<Kept>(&text).unwrap(), kept);
    }
}
