//! Rows to enrich, and what became of them.

use sekisho_enrich::{Calendar, CalendarSettings, Enricher, Geo, Networks, People};
use sekisho_model::{Column, EventBatch, EventBuilder, Origin, Projection, Raw, Time};

/// The columns that enriching fills.
pub(crate) const FILLED: [Column; 17] = [
    Column::SrcIpType,
    Column::SrcCountry,
    Column::SrcCity,
    Column::SrcLat,
    Column::SrcLon,
    Column::SrcAccuracyKm,
    Column::SrcAsn,
    Column::SrcAsOrg,
    Column::SrcNetKind,
    Column::Person,
    Column::PersonKind,
    Column::Privileged,
    Column::Joined,
    Column::Left,
    Column::OfficeState,
    Column::Noticed,
    Column::OwnDomains,
];

/// Builds a batch of rows, each of values in text columns and of a time in seconds.
pub(crate) fn batch<'a>(rows: impl IntoIterator<Item = (i64, Vec<(Column, &'a str)>)>) -> EventBatch {
    let origin = Origin {
        tenant: "default".into(),
        source: "entra.signin".into(),
        label: "file:test#0".into(),
        log: "test".into(),
        backfill: false,
    };
    let mut builder = EventBuilder::new(&Projection::new(["a.b"]));
    for (offset, (seconds, values)) in (0..).zip(rows) {
        let raw = Raw {
            origin: &origin,
            offset,
            observed: Time::from_secs(seconds),
            bytes: b"{}",
        };
        builder.begin(&raw, "entra.signin", 0);
        builder.time(Column::Time, Time::from_secs(seconds));
        builder.side(0, "side");
        for (column, value) in values {
            match column {
                Column::SrcLat | Column::SrcLon => builder.float(column, value.parse().unwrap()),
                Column::SrcAsn | Column::SrcAccuracyKm => builder.int(column, value.parse().unwrap()),
                _ => builder.verbatim(column, value),
            }
        }
        builder.end();
    }
    builder.finish()
}

pub(crate) fn calendar() -> Calendar {
    Calendar::new(CalendarSettings::usual(jiff::tz::TimeZone::fixed(jiff::tz::offset(9)))).unwrap()
}

/// An enricher of the lists and databases of the sample logs.
pub(crate) fn sample() -> Enricher {
    let (networks, problems) =
        Networks::parse("networks.csv", include_str!("../../../../sample-logs/networks.csv")).unwrap();
    assert_eq!(problems, []);
    let (people, problems) = People::parse("people.csv", include_str!("../../../../sample-logs/people.csv")).unwrap();
    assert_eq!(problems, []);
    Enricher::new(Some(sample_geo()), networks, people, calendar())
}

pub(crate) fn sample_geo() -> Geo {
    Geo::from_bytes(vec![
        (
            "City.mmdb".to_owned(),
            include_bytes!("../../../../sample-logs/geo/City.mmdb").to_vec(),
        ),
        (
            "ASN.mmdb".to_owned(),
            include_bytes!("../../../../sample-logs/geo/ASN.mmdb").to_vec(),
        ),
    ])
    .unwrap()
}

/// An enricher without lists or databases.
pub(crate) fn bare() -> Enricher {
    Enricher::new(None, Networks::default(), People::default(), calendar())
}

/// The values of a row in some columns, `-` for null.
pub(crate) fn show(batch: &EventBatch, row: usize, columns: &[Column]) -> String {
    let values: Vec<String> = columns
        .iter()
        .map(|column| batch.display(*column, row).unwrap_or_else(|| "-".to_owned()))
        .collect();
    values.join(" | ")
}
