//! Sends each record to the format that reads it.

use std::sync::Arc;

use sekisho_model::{Origin, Projection, Raw, Reject, Snapshot, Time, Wrapping};

use crate::csv_map;
use crate::registry::{FORMATS, FormatSpec, place_of};
use crate::shipper::{self, Shipped};
use crate::syslog::{self, Frame};
use crate::{Format, Output, Settings};

/// What was counted while decoding.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DecoderStats {
    /// Records taken in.
    pub records: u64,
    /// Records that could not be read.
    pub rejects: u64,
}

/// Decodes the records of every source.
#[derive(Debug)]
pub struct Decoder {
    settings: Settings,
    /// Those of single formats, where they differ, in the order of [`FORMATS`].
    own_settings: Vec<Option<Settings>>,
    projection: Projection,
    /// In the order of [`FORMATS`].
    formats: Vec<Box<dyn Format>>,
    stats: DecoderStats,
}

impl Decoder {
    /// A decoder that extracts, beside the columns, what `projection` asks for.
    pub fn new(settings: Settings, projection: Projection) -> Self {
        let formats = FORMATS.iter().map(FormatSpec::make).collect();
        Self {
            own_settings: FORMATS.iter().map(|spec| settings.of_source(spec.id)).collect(),
            settings,
            projection,
            formats,
            stats: DecoderStats::default(),
        }
    }

    /// An empty output for this decoder.
    pub fn output(&self) -> Output {
        Output::new(&self.projection)
    }

    /// What was counted so far.
    pub fn stats(&self) -> DecoderStats {
        self.stats
    }

    /// Decodes one record.
    pub fn decode(&mut self, raw: &Raw<'_>, out: &mut Output) {
        self.stats.records += 1;
        let before = out.rejects.len();
        let source = &*raw.origin.source;
        let named = FORMATS.iter().position(|spec| spec.id == source);
        let place = if source == "auto" { place_of(raw.bytes) } else { named };
        let may_be_shipped = match place.and_then(|place| FORMATS.get(place)) {
            Some(spec) => named.is_some() && spec.reads_lines(),
            None => source == "auto",
        };
        let (zone, is_bare) = (&self.settings.zone, source == csv_map::ID);
        let events = shipper::events(raw.bytes, zone, is_bare);
        let shipped = events.or_else(|| {
            let document = may_be_shipped.then(|| shipper::unwrap(raw.bytes, zone, is_bare));
            document.flatten().map(|shipped| vec![shipped])
        });
        match shipped {
            Some(shipped) => {
                for shipped in shipped {
                    self.decode_shipped(raw, named, shipped, out);
                }
            }
            None => self.decode_by(place, raw, out),
        }
        self.stats.rejects += u64::try_from(out.rejects.len() - before).unwrap_or(u64::MAX);
    }

    /// Decodes the line that came in a shipper's document.
    fn decode_shipped(&mut self, raw: &Raw<'_>, named: Option<usize>, shipped: Shipped, out: &mut Output) {
        let document = shipped.record.clone();
        let line = shipped.line.into_bytes();
        let place = named.or_else(|| place_of(&line));
        let origin = of_file(raw.origin, shipped.file.as_deref());
        let inner = Raw {
            bytes: &line,
            origin: &origin,
            ..*raw
        };
        let before = out.rejects.len();
        out.rows.wrap(Some(Wrapping {
            line: line.clone(),
            record: shipped.record,
            native_id: shipped.native_id,
        }));
        self.decode_by(place, &inner, out);
        out.rows.wrap(None);
        // What cannot be read is the record, not its line.
        let of_line = Reject::new(&inner, "", "");
        let rejects = out.rejects.iter_mut().skip(before);
        for reject in rejects.filter(|reject| reject.raw == of_line.raw && reject.raw_bytes == of_line.raw_bytes) {
            let document = Raw {
                bytes: document.as_bytes(),
                ..*raw
            };
            *reject = Reject::new(&document, &reject.source, std::mem::take(&mut reject.reason));
        }
    }

    /// Decodes a record by the format at a place of [`FORMATS`].
    fn decode_by(&mut self, place: Option<usize>, raw: &Raw<'_>, out: &mut Output) {
        let source = &*raw.origin.source;
        let own = place.and_then(|place| self.own_settings.get(place)?.as_ref());
        match place.and_then(|place| self.formats.get_mut(place)) {
            Some(format) => format.decode(raw, own.unwrap_or(&self.settings), out),
            None if source == "auto" => out.reject(raw, source, unknown(raw.bytes)),
            None => out.reject(raw, source, format!("there is no source called {source:?}")),
        }
    }

    /// Gives out what has waited too long.
    pub fn tick(&mut self, now: Time, offset: i64, out: &mut Output) {
        for format in &mut self.formats {
            format.tick(now, offset, out);
        }
    }

    /// Gives out everything that still waits.
    pub fn flush(&mut self, out: &mut Output) {
        for format in &mut self.formats {
            format.flush(out);
        }
    }

    /// Saves what the formats keep between records.
    pub fn snapshot(&self) -> Result<Snapshot, serde_json::Error> {
        let mut snapshot = Snapshot::default();
        for format in &self.formats {
            format.snapshot(&mut snapshot)?;
        }
        Ok(snapshot)
    }

    /// Goes on from a snapshot.
    pub fn restore(&mut self, from: &Snapshot) {
        for format in &mut self.formats {
            format.restore(from);
        }
    }
}

/// The origin of a line that a shipper read from a file. Tables are told apart by it: one shipper sends many.
fn of_file(origin: &Origin, file: Option<&str>) -> Origin {
    let label = match (file, origin.label.split_once('#')) {
        (Some(file), place) if &*origin.source == csv_map::ID => {
            // What follows `#` is a place in a file, and tells no logs apart.
            let (before, place) = place.unwrap_or((&origin.label, "0"));
            format!("{before} {}#{place}", file.replace('#', "_")).into()
        }
        _ => Arc::clone(&origin.label),
    };
    Origin {
        label,
        ..origin.clone()
    }
}

/// Why no format takes a record.
fn unknown(record: &[u8]) -> String {
    let text = syslog::text(record);
    match Frame::parse(&text).and_then(|frame| frame.program) {
        Some(program) => format!("no known source writes as the program {program:?}"),
        None => "no known source writes such a record".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use jiff::tz::TimeZone;
    use sekisho_model::Origin;

    use super::*;

    #[test]
    fn a_source_may_have_a_zone_of_its_own() {
        let zone = |name| TimeZone::get(name).unwrap();
        let settings = Settings {
            zone: zone("Asia/Tokyo"),
            zones: [("linux.sshd".to_owned(), zone("Europe/Berlin"))].into(),
            ..Settings::default()
        };
        let mut decoder = Decoder::new(settings, Projection::default());
        let mut out = decoder.output();
        let origin = Origin {
            tenant: Arc::from("default"),
            source: Arc::from("auto"),
            label: Arc::from("test"),
            log: Arc::from("test"),
            backfill: true,
        };
        for line in [
            "2026-06-05T10:11:12 web1 sshd[1]: Accepted password for hana from 203.0.113.9 port 9 ssh2",
            "2026-06-05T10:11:12 mx dovecot: imap-login: Login: user=<hana>, method=PLAIN, rip=203.0.113.9",
        ] {
            let raw = Raw {
                origin: &origin,
                offset: 0,
                observed: Time::from_secs(1_782_000_000),
                bytes: line.as_bytes(),
            };
            decoder.decode(&raw, &mut out);
        }
        let rows = out.rows.finish();
        assert_eq!(rows.time(0).to_string(), "2026-06-05T08:11:12Z");
        assert_eq!(rows.time(1).to_string(), "2026-06-05T01:11:12Z");
    }
}
