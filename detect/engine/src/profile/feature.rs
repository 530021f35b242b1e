//! What of a sign-in is compared with the past.

use std::borrow::Cow;

use jiff::civil::Weekday;
use jiff::tz::TimeZone;
use sekisho_model::{Column, EventBatch, Time};
use serde::{Deserialize, Serialize};

use crate::client::family_of;
use crate::native::{is_service, local_day, person_of, succeeded};

/// A property of a sign-in that people have habits in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Feature {
    /// The country.
    Country,
    /// The kind of network.
    Kind,
    /// The autonomous system.
    Network,
    /// The family of the client.
    Client,
    /// Working day or not, and the quarter of the day.
    Hours,
    /// The managed device, or none.
    Device,
}

impl Feature {
    pub(super) const ALL: [Self; 6] = [
        Self::Country,
        Self::Kind,
        Self::Network,
        Self::Client,
        Self::Hours,
        Self::Device,
    ];

    /// Its name in facts.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Country => "country",
            Self::Kind => "kind",
            Self::Network => "network",
            Self::Client => "client",
            Self::Hours => "hours",
            Self::Device => "device",
        }
    }

    /// Its place in arrays of a value a feature.
    pub(super) fn index(self) -> usize {
        Self::ALL.iter().position(|known| *known == self).unwrap_or_default()
    }

    /// Whether it says through which network somebody came.
    pub(super) fn is_of_network(self) -> bool {
        matches!(self, Self::Country | Self::Kind | Self::Network)
    }
}

/// The value for a device that the firm does not manage.
pub(super) const NO_DEVICE: &str = "none";

/// The values of a row, a feature each; none where the record does not say.
pub(super) type Values<'a> = [Option<Cow<'a, str>>; Feature::ALL.len()];

/// A row that is compared with the past.
#[derive(Debug)]
pub(super) struct Sighting<'a> {
    pub(super) row: usize,
    pub(super) tenant: &'a str,
    pub(super) person: &'a str,
    pub(super) time: Time,
    /// The day in the tenant's zone.
    pub(super) day: i64,
    /// The hour of that day, 0 to 23.
    pub(super) hour: u32,
    pub(super) values: Values<'a>,
    /// Who runs the network.
    pub(super) operator: Option<&'a str>,
    /// Whether it came through a line of the firm's own, behind which everybody looks alike.
    pub(super) own_line: bool,
    /// Whether it succeeded: only what succeeded is learnt from.
    pub(super) success: bool,
    /// Whether a second factor was given.
    pub(super) second_factor: bool,
    /// The first day in the company.
    pub(super) joined: Option<i64>,
}

/// Why a sign-in was stopped although the password was right.
const PASSWORD_WAS_RIGHT: [&str; 6] = [
    "mfa_required",
    "policy_blocked",
    "mfa_denied",
    "mfa_failed",
    "mfa_timeout",
    "password_expired",
];

/// Activities that others do to an account, that end its use, or that nobody does.
const NO_USE: [&str; 17] = [
    "dns_query",
    "group_add",
    "group_remove",
    "logoff",
    "other",
    "password_reset",
    "risk_detection",
    "role_assign",
    "role_remove",
    "user_create",
    "user_delete",
    "user_disable",
    "user_enable",
    "user_lock",
    "user_unlock",
    "user_update",
    "vpn_disconnect",
];

impl<'a> Sighting<'a> {
    /// The row, if it is something that a person did, or would have done had it not been stopped.
    pub(super) fn of(batch: &'a EventBatch, row: usize, zone: &TimeZone) -> Option<Self> {
        let text = |column| batch.text(column, row);
        let success = succeeded(batch, row);
        let stopped = text(Column::StatusReason).is_some_and(|reason| PASSWORD_WAS_RIGHT.contains(&reason));
        let activity = text(Column::Activity).unwrap_or_default();
        let by_another = text(Column::ActorName).is_some_and(|actor| Some(actor) != text(Column::UserName));
        if !success && !stopped || by_another || NO_USE.contains(&activity) || is_service(batch, row) {
            return None;
        }
        let time = batch.believed_time(row);
        let offset = zone.to_offset(time.to_jiff());
        let local = offset.to_datetime(time.to_jiff());
        Some(Self {
            row,
            tenant: text(Column::Tenant)?,
            person: person_of(batch, row)?,
            time,
            day: local_day(zone, time),
            hour: u32::try_from(local.hour()).unwrap_or_default(),
            values: [
                text(Column::SrcCountry).map(Cow::Borrowed),
                text(Column::SrcNetKind).map(Cow::Borrowed),
                batch.int(Column::SrcAsn, row).map(|asn| Cow::Owned(asn.to_string())),
                family_of(batch, row),
                Some(Cow::Borrowed(hours(batch, row, zone))),
                device(batch, row),
            ],
            operator: text(Column::SrcAsOrg),
            own_line: matches!(text(Column::SrcNetKind), Some("office" | "egress" | "sase")),
            success,
            second_factor: matches!(text(Column::MfaResult), Some("satisfied" | "satisfied_by_token")),
            joined: batch.int(Column::Joined, row),
        })
    }

    pub(super) fn value(&self, feature: Feature) -> Option<&str> {
        self.values.get(feature.index())?.as_deref()
    }
}

/// The device; none where the record says nothing of devices, as those of mail, files and VPNs do not.
fn device(batch: &EventBatch, row: usize) -> Option<Cow<'_, str>> {
    let managed = matches!(batch.text(Column::DeviceTrust, row)?, "managed" | "compliant");
    let name = batch.text(Column::DeviceUid, row).filter(|_| managed);
    Some(Cow::Borrowed(name.unwrap_or(NO_DEVICE)))
}

/// The kind of day and the quarter of it. The calendar knows holidays and whether the office is open
/// now; at night it says `closed` on every day, and the weekday decides.
pub(crate) fn hours(batch: &EventBatch, row: usize, zone: &TimeZone) -> &'static str {
    let time = batch.believed_time(row).to_jiff();
    let local = zone.to_offset(time).to_datetime(time);
    let weekend = matches!(local.weekday(), Weekday::Saturday | Weekday::Sunday);
    let off = match batch.text(Column::OfficeState, row) {
        Some("open") => false,
        Some("holiday") => true,
        _ => weekend,
    };
    match (off, local.hour() / 6) {
        (false, 0) => "work 00-06",
        (false, 1) => "work 06-12",
        (false, 2) => "work 12-18",
        (false, _) => "work 18-24",
        (true, 0) => "off 00-06",
        (true, 1) => "off 06-12",
        (true, 2) => "off 12-18",
        (true, _) => "off 18-24",
    }
}
