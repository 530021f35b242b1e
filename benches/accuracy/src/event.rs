//! A sign-in in the normal form: what peers' rules are given.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use sekisho_model::{Column, EventBatch};

/// A sign-in that succeeded.
#[derive(Clone, Debug)]
pub(crate) struct Event {
    /// The place of its record in the order of arrival.
    pub(crate) record: usize,
    /// When it happened, as its record says, in hours.
    pub(crate) hours: f64,
    /// When it arrived, in hours.
    pub(crate) arrived: f64,
    pub(crate) person: Arc<str>,
    pub(crate) source: Arc<str>,
    pub(crate) ip: Arc<str>,
    pub(crate) country: Option<Arc<str>>,
    pub(crate) city: Option<Arc<str>>,
    pub(crate) point: Option<(f64, f64)>,
    pub(crate) kind: Arc<str>,
    /// Whether a person was present; unknown is taken for yes.
    pub(crate) interactive: bool,
}

impl Event {
    /// The sign-in that a row tells of, if it does. `points` are those of the geo database.
    pub(crate) fn of(batch: &EventBatch, row: usize, points: &BTreeMap<IpAddr, (f64, f64)>) -> Option<Self> {
        let text = |column| batch.text(column, row).map(Arc::<str>::from);
        if batch.int(Column::StatusId, row) != Some(1)
            || !matches!(batch.text(Column::Activity, row), Some("logon" | "vpn_connect"))
        {
            return None;
        }
        let hours = |column| batch.int(column, row).map(|micros| seconds(micros) / 3_600.0);
        Some(Self {
            record: record(batch, row)?,
            hours: hours(Column::Time)?,
            arrived: hours(Column::IngestTime)?,
            person: text(Column::Person)?,
            source: text(Column::Source)?,
            point: points.get(&batch.text(Column::SrcIp, row)?.parse().ok()?).copied(),
            ip: text(Column::SrcIp)?,
            country: text(Column::SrcCountry),
            city: text(Column::SrcCity),
            kind: text(Column::SrcNetKind).unwrap_or_default(),
            interactive: batch.flag(Column::IsInteractive, row) != Some(false),
        })
    }

    /// Kilometres between two, if both are at a place.
    pub(crate) fn distance(&self, other: &Self) -> Option<f64> {
        Some(haversine(self.point?, other.point?))
    }
}

/// The place of a row's record in the order of arrival.
pub(crate) fn record(batch: &EventBatch, row: usize) -> Option<usize> {
    usize::try_from(batch.int(Column::Offset, row)?).ok()
}

/// Microseconds as seconds; what is lost is less than a millisecond.
#[expect(
    clippy::as_conversions,
    clippy::cast_precision_loss,
    reason = "times of this century fit"
)]
pub(crate) fn seconds(micros: i64) -> f64 {
    micros as f64 / 1e6
}

/// Kilometres between two points on the Earth.
pub(crate) fn haversine(a: (f64, f64), b: (f64, f64)) -> f64 {
    let (lat_a, lat_b) = (a.0.to_radians(), b.0.to_radians());
    let (lat, lon) = (lat_b - lat_a, (b.1 - a.1).to_radians());
    let h = (lat / 2.0).sin().powi(2) + lat_a.cos() * lat_b.cos() * (lon / 2.0).sin().powi(2);
    2.0 * 6_371.008_8 * h.sqrt().min(1.0).asin()
}
