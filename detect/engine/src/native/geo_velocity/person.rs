//! The sign-ins of one person, and what is usual for that person.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use sekisho_model::{Column, EventBatch, Evidence, Facts, Time};
use serde::{Deserialize, Serialize};

use super::super::days::Days;
use super::clocks::Clocks;
use super::collision::Collision;
use super::place::{Journey, Line, Place};
use super::visit::{End, SignIn, Strength, Visit};
use super::{GAP, HISTORY_DAYS, Limits, RATIO_MIN, SETTLED_AFTER};

/// The most addresses of a person that are remembered. Few people use more than a handful in two days.
const VISITS_MAX: usize = 64;

/// The most sign-ins of a person that are remembered, some 100 bytes each.
const SIGN_INS_MAX: usize = 4_096;

/// The most pairs of networks, and the most countries, that are remembered of a person.
const USUAL_MAX: usize = 32;

/// A country and the number of a network in it.
type Network = (String, Option<i64>);

/// The sign-ins of one person.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Person {
    visits: Vec<Visit>,
    /// On which days two networks collided; the smaller of the two first.
    transitions: Vec<((Network, Network), Days)>,
    countries: Vec<(String, Days)>,
    /// The clearest collision of late.
    clearest: Option<Clearest>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Clearest {
    time: Time,
    ratio: f64,
    facts: Facts,
}

impl Person {
    /// Takes in a sign-in. If it collides with others, gives those events that were not told before,
    /// and what there is to say of the clearest collision.
    pub(super) fn sign_in(
        &mut self,
        batch: &EventBatch,
        row: usize,
        clocks: &Clocks<'_>,
    ) -> Option<(Vec<Evidence>, Facts, Strength)> {
        let limits = clocks.limits;
        let line = Line::of(batch, row)?;
        let country = batch.text(Column::SrcCountry, row)?;
        let time = batch.believed_time(row);
        note(&mut self.countries, &country.to_owned(), limits.day(time));
        if line == Line::Mobile {
            return None;
        }
        let sign_in = SignIn::of(batch, row, time)?;
        let here = self.visit(Place::of(batch, row, line, country)?);
        let at = self.visits.get_mut(here)?.insert(sign_in, batch, row)?;
        let collisions = self.collisions(here, at, clocks);
        let told = self.tell(&collisions, time);
        self.shrink();
        told
    }

    /// The index of the visits at a place.
    fn visit(&mut self, place: Place) -> usize {
        if let Some(index) = self.visits.iter().position(|visit| visit.place == place) {
            return index;
        }
        self.visits.push(Visit::new(place));
        self.visits.len() - 1
    }

    /// Judges the sign-in `at` of the visit `here` against all others, and learns from it.
    fn collisions(&mut self, here: usize, at: usize, clocks: &Clocks<'_>) -> Vec<Collision> {
        let limits = clocks.limits;
        let mut collisions = Vec::new();
        let Some(visit) = self.visits.get(here) else {
            return collisions;
        };
        let Some(end) = visit.end(at) else { return collisions };
        let (time, uid) = (end.sign_in.time, end.sign_in.uid.as_str());
        let mut learnt: Vec<((Network, Network), i64)> = Vec::new();
        for (there, other) in self.visits.iter().enumerate() {
            let Some(journey) = Journey::between(&visit.place, &other.place, limits.distance_km_min) else {
                continue;
            };
            let pair = pair(&visit.place, &other.place);
            let near = other
                .around(time, journey.needed)
                .filter_map(|index| Some((index, other.end(index)?)));
            let near: Vec<(usize, End<'_>)> = near.filter(|(_, other)| other.sign_in.uid != uid).collect();
            let days = days_of(near.iter().map(|(_, other)| other.sign_in.time), time, limits);
            learnt.extend(days.map(|day| (pair.clone(), day)));
            collisions.extend(near.into_iter().filter_map(|(index, other)| {
                let ratio = journey.ratio(end.apart(other, clocks));
                let strength = (RATIO_MIN <= ratio).then(|| self.strength(end, other, &pair, limits))??;
                Some(Collision {
                    ends: [(here, at), (there, index)],
                    journey,
                    ratio,
                    strength: strength.min(limits.strength(ratio)),
                })
            }));
        }
        for (pair, day) in learnt {
            note(&mut self.transitions, &pair, day);
        }
        collisions
    }

    /// How much a collision of these two says, if anything.
    fn strength(&self, a: End<'_>, b: End<'_>, pair: &(Network, Network), limits: &Limits) -> Option<Strength> {
        let settled = limits.day(a.sign_in.time.max(b.sign_in.time).minus(SETTLED_AFTER));
        let days = |days: Option<&Days>| days.map_or(0, |days| days.count_before(settled, HISTORY_DAYS));
        if limits.learned_days <= days(find(&self.transitions, pair)) {
            return None;
        }
        let odd = |odd: End<'_>, other: End<'_>| {
            let told = odd.sign_in.suspect && other.sign_in.base;
            let strength = if odd.sign_in.unmanaged {
                Strength::Alone
            } else {
                Strength::Supports
            };
            told.then_some(strength)
        };
        // An own office is more familiar than anything; then the profile says it; then days count.
        let is_office = |end: End<'_>| end.place.line == Line::Office;
        let country_days = |end: End<'_>| days(find(&self.countries, &end.place.country));
        let unfamiliarity = a.sign_in.unfamiliarity.zip(b.sign_in.unfamiliarity);
        let familiar = is_office(a).cmp(&is_office(b)).then_with(|| match unfamiliarity {
            Some((a, b)) => b.total_cmp(&a),
            None => country_days(a).cmp(&country_days(b)),
        });
        match familiar {
            Ordering::Less => odd(a, b),
            Ordering::Greater => odd(b, a),
            Ordering::Equal => odd(a, b).max(odd(b, a)),
        }
    }

    /// Marks the ends of the collisions as told.
    fn tell(&mut self, collisions: &[Collision], time: Time) -> Option<(Vec<Evidence>, Facts, Strength)> {
        let strength = collisions.iter().map(|collision| collision.strength).max()?;
        let clearest = collisions.iter().max_by(|a, b| a.ratio.total_cmp(&b.ratio))?;
        let mut told: BTreeMap<(Time, String), Evidence> = BTreeMap::new();
        let ends = collisions
            .iter()
            .flat_map(|collision| collision.ends.map(|end| (end, collision.strength)));
        for ((visit, index), strength) in ends {
            let Some(visit) = self.visits.get_mut(visit) else {
                continue;
            };
            if let Some(evidence) = visit.tell(index, strength) {
                told.insert((evidence.time, evidence.event_uid.clone()), evidence);
            }
        }
        if told.is_empty() {
            return None;
        }
        let known = self
            .clearest
            .take()
            .filter(|known| known.time.distance(time) <= GAP && clearest.ratio <= known.ratio);
        let known = match known {
            Some(known) => known,
            None => Clearest {
                time,
                ratio: clearest.ratio,
                facts: clearest.facts(&self.visits)?,
            },
        };
        let facts = known.facts.clone();
        self.clearest = Some(known);
        Some((told.into_values().collect(), facts, strength))
    }

    /// Keeps within the bounds, at the cost of what is oldest.
    fn shrink(&mut self) {
        let last = |visit: &Visit| visit.sign_ins.last().map(|sign_in| sign_in.time);
        while VISITS_MAX < self.visits.len() {
            let Some(oldest) = (0..self.visits.len()).min_by_key(|index| self.visits.get(*index).and_then(last)) else {
                break;
            };
            self.visits.remove(oldest);
        }
        let count: usize = self.visits.iter().map(|visit| visit.sign_ins.len()).sum();
        if SIGN_INS_MAX < count {
            let mut times: Vec<Time> = self
                .visits
                .iter()
                .flat_map(|visit| &visit.sign_ins)
                .map(|sign_in| sign_in.time)
                .collect();
            // A sixteenth more than needed, so that it is not done for each sign-in.
            let (_, oldest_kept, _) = times.select_nth_unstable(count - SIGN_INS_MAX + SIGN_INS_MAX / 16);
            let oldest_kept = *oldest_kept;
            self.forget_sign_ins(oldest_kept);
        }
    }

    fn forget_sign_ins(&mut self, oldest: Time) {
        for visit in &mut self.visits {
            visit.forget_before(oldest);
        }
        self.visits.retain(|visit| !visit.sign_ins.is_empty());
    }

    /// Forgets the sign-ins from before `oldest`, and what was usual until `oldest_day`.
    pub(super) fn forget_before(&mut self, oldest: Time, oldest_day: i64) {
        self.forget_sign_ins(oldest);
        self.transitions.retain(|(_, days)| oldest_day <= days.latest());
        self.countries.retain(|(_, days)| oldest_day <= days.latest());
        self.clearest = self
            .clearest
            .take()
            .filter(|clearest| oldest <= clearest.time.plus(GAP));
    }

    /// Whether nothing is known of the person.
    pub(super) fn is_empty(&self) -> bool {
        self.visits.is_empty() && self.transitions.is_empty() && self.countries.is_empty()
    }
}

/// The days of the later of `time` and each of the others. They lie within a day and a half, so the
/// first and the last stand for all.
fn days_of(others: impl Iterator<Item = Time>, time: Time, limits: &Limits) -> impl Iterator<Item = i64> {
    let later = others.map(|other| other.max(time));
    let ends: Option<(Time, Time)> = later.fold(None, |ends, time| {
        let (first, last) = ends.unwrap_or((time, time));
        Some((first.min(time), last.max(time)))
    });
    ends.map(|(first, last)| limits.day(first)..=limits.day(last))
        .into_iter()
        .flatten()
}

fn pair(a: &Place, b: &Place) -> (Network, Network) {
    let network = |place: &Place| (place.country.clone(), place.asn);
    let (a, b) = (network(a), network(b));
    if a <= b { (a, b) } else { (b, a) }
}

fn find<'a, K: PartialEq>(days: &'a [(K, Days)], key: &K) -> Option<&'a Days> {
    days.iter().find(|(known, _)| known == key).map(|(_, days)| days)
}

/// Notes that `key` was seen on a day. If too much is known, what was seen longest ago is forgotten.
fn note<K: PartialEq + Clone>(known: &mut Vec<(K, Days)>, key: &K, day: i64) {
    if let Some((_, days)) = known.iter_mut().find(|(known, _)| known == key) {
        days.insert(day);
        return;
    }
    if USUAL_MAX <= known.len() {
        let oldest = known
            .iter()
            .enumerate()
            .min_by_key(|(_, (_, days))| days.latest())
            .map(|(index, _)| index);
        if let Some(oldest) = oldest {
            known.remove(oldest);
        }
    }
    let mut days = Days::default();
    days.insert(day);
    known.push((key.clone(), days));
}
