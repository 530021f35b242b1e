//! The sign-ins from one place.

use std::ops::Range;
use std::time::Duration;

use sekisho_model::{Column, EventBatch, Evidence, Time};
use serde::{Deserialize, Serialize};

use super::clocks::Clocks;
use super::place::Place;
use crate::native::looks::{Detail, Looks};

/// How much a collision says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Strength {
    /// It is worth something beside other findings.
    Supports,
    /// It is worth telling alone.
    Alone,
}

/// The sign-ins from one place, in order of time.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Visit {
    pub(super) place: Place,
    pub(super) sign_ins: Vec<SignIn>,
    /// What there is to tell of the sign-ins apart from their id and time. Most are alike.
    looks: Looks,
}

/// A sign-in. What an update adds can make it worth telling, and never takes that back.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct SignIn {
    /// The time it is judged by.
    pub(super) time: Time,
    pub(super) uid: String,
    /// The time it says itself.
    stated: Time,
    observed: Time,
    look: usize,
    /// Whether it may be the odd end of a collision.
    pub(super) suspect: bool,
    /// Whether that would be enough by itself.
    pub(super) unmanaged: bool,
    /// Whether it may be the other end.
    pub(super) base: bool,
    /// How unlike the person it is, where that is known.
    pub(super) unfamiliarity: Option<f64>,
    told: Option<Strength>,
}

impl SignIn {
    /// The sign-in of a row.
    pub(super) fn of(batch: &EventBatch, row: usize, time: Time) -> Option<Self> {
        let personal = batch.flag(Column::IsInteractive, row) != Some(false);
        let managed = matches!(batch.text(Column::DeviceTrust, row), Some("managed" | "compliant"));
        Some(Self {
            time,
            uid: batch.text(Column::EventUid, row)?.to_owned(),
            stated: batch.time(row),
            observed: batch.observed(row),
            look: 0,
            suspect: personal,
            unmanaged: !managed,
            base: personal || batch.text(Column::DeviceUid, row).is_some(),
            unfamiliarity: batch.float(Column::Unfamiliarity, row),
            told: None,
        })
    }

    fn key(&self) -> (Time, &str) {
        (self.time, &self.uid)
    }

    /// What speaks more for a finding holds. Says whether that is news.
    fn update(&mut self, update: &Self) -> bool {
        let speaks = |of: &Self| (of.suspect, of.unmanaged, of.base, of.unfamiliarity);
        let before = speaks(self);
        self.suspect |= update.suspect;
        self.unmanaged |= update.unmanaged;
        self.base |= update.base;
        let known = [self.unfamiliarity, update.unfamiliarity].into_iter().flatten();
        self.unfamiliarity = known.max_by(f64::total_cmp);
        speaks(self) != before
    }
}

/// A sign-in as an end of a journey.
#[derive(Clone, Copy, Debug)]
pub(super) struct End<'a> {
    pub(super) place: &'a Place,
    pub(super) source: &'a str,
    pub(super) sign_in: &'a SignIn,
}

impl End<'_> {
    /// How far apart in time two ends may be.
    pub(super) fn apart(self, other: End<'_>, clocks: &Clocks<'_>) -> Duration {
        let between = self.sign_in.time.distance(other.sign_in.time);
        let later = self.sign_in.time.max(other.sign_in.time);
        between.saturating_add(clocks.skew(self.source, other.source, later))
    }
}

impl Visit {
    pub(super) fn new(place: Place) -> Self {
        Self {
            place,
            sign_ins: Vec::new(),
            looks: Looks::default(),
        }
    }

    /// Takes in a sign-in, or what an update adds to it, and gives its index. None if that is nothing.
    pub(super) fn insert(&mut self, mut sign_in: SignIn, batch: &EventBatch, row: usize) -> Option<usize> {
        let is_newest = self.sign_ins.last().is_none_or(|newest| newest.key() < sign_in.key());
        let place = if is_newest {
            self.sign_ins.len()
        } else {
            self.sign_ins.partition_point(|known| known.key() < sign_in.key())
        };
        let known = self
            .sign_ins
            .get_mut(place)
            .filter(|known| known.key() == sign_in.key());
        if let Some(known) = known {
            return known.update(&sign_in).then_some(place);
        }
        sign_in.look = self.looks.note(batch, row, Detail::Full);
        self.sign_ins.insert(place, sign_in);
        Some(place)
    }

    /// The indices of the sign-ins that are no further from `time` than `reach`.
    pub(super) fn around(&self, time: Time, reach: Duration) -> Range<usize> {
        let (first, last) = (time.minus(reach), time.plus(reach));
        let start = self.sign_ins.partition_point(|known| known.time < first);
        let end = self.sign_ins.partition_point(|known| known.time <= last);
        start..end
    }

    /// A sign-in as an end of a journey.
    pub(super) fn end(&self, index: usize) -> Option<End<'_>> {
        let sign_in = self.sign_ins.get(index)?;
        Some(End {
            place: &self.place,
            source: &self.looks.get(sign_in.look)?.source,
            sign_in,
        })
    }

    /// What there is to tell of a sign-in.
    pub(super) fn evidence(&self, index: usize) -> Option<Evidence> {
        let sign_in = self.sign_ins.get(index)?;
        Some(Evidence {
            event_uid: sign_in.uid.clone(),
            time: sign_in.stated,
            observed: sign_in.observed,
            ..self.looks.get(sign_in.look)?.clone()
        })
    }

    /// The same, unless it was told before as part of something that is as strong.
    pub(super) fn tell(&mut self, index: usize, strength: Strength) -> Option<Evidence> {
        let sign_in = self.sign_ins.get_mut(index)?;
        if Some(strength) <= sign_in.told {
            return None;
        }
        sign_in.told = Some(strength);
        self.evidence(index)
    }

    /// Forgets the sign-ins from before `oldest`, and the looks that none has any more.
    pub(super) fn forget_before(&mut self, oldest: Time) {
        let surplus = self.sign_ins.partition_point(|known| known.time < oldest);
        if surplus == 0 {
            return;
        }
        self.sign_ins.drain(..surplus);
        self.looks
            .keep(self.sign_ins.iter_mut().map(|sign_in| &mut sign_in.look));
    }
}
