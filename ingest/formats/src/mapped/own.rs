//! The administrator's own maps, before the built-in map that takes what is left.

use std::sync::Arc;

use sekisho_model::{Raw, Snapshot};

use super::{Map, Mapped, Sniffer};
use crate::{Format, Output, Settings};

/// Reads records by the first of the own maps that knows them, and else by the built-in one.
#[derive(Debug)]
pub(crate) struct OwnFirst {
    built_in: Mapped,
    map: Arc<Map>,
    /// Made of the settings with the first record.
    own: Option<Own>,
}

#[derive(Debug)]
struct Own {
    sniffer: Sniffer,
    readers: Vec<Mapped>,
    /// The map that knows no records by their keys takes those that no other knows.
    rest: Option<usize>,
}

impl OwnFirst {
    pub(crate) fn new(map: Arc<Map>) -> Self {
        Self {
            built_in: Mapped::new(Arc::clone(&map)),
            map,
            own: None,
        }
    }
}

impl Own {
    /// Of the maps of the same shape. Their rows are of the built-in map's source, which rules know.
    fn of(settings: &Settings, built_in: &Map) -> Self {
        let same_shape = |map: &&Arc<Map>| map.record.shape == built_in.record.shape;
        let maps: Vec<Arc<Map>> = settings
            .maps
            .iter()
            .filter(same_shape)
            .map(|map| {
                let mut own = Map::clone(map);
                own.id.clone_from(&built_in.id);
                Arc::new(own)
            })
            .collect();
        Self {
            sniffer: Sniffer::new(maps.iter().map(|map| &**map).enumerate()),
            rest: maps.iter().position(|map| map.knows_no_record()),
            readers: maps.into_iter().map(Mapped::new).collect(),
        }
    }

    fn reader(&mut self, record: &[u8]) -> Option<&mut Mapped> {
        let known = self.sniffer.json(record).or_else(|| self.sniffer.line(record));
        self.readers.get_mut(known.or(self.rest)?)
    }
}

impl Format for OwnFirst {
    fn decode(&mut self, raw: &Raw<'_>, settings: &Settings, out: &mut Output) {
        let own = self.own.get_or_insert_with(|| Own::of(settings, &self.map));
        let reader = own.reader(raw.bytes).unwrap_or(&mut self.built_in);
        reader.decode(raw, settings, out);
    }

    fn snapshot(&self, into: &mut Snapshot) -> Result<(), serde_json::Error> {
        self.built_in.snapshot(into)
    }

    fn restore(&mut self, from: &Snapshot) {
        self.built_in.restore(from);
    }
}

#[cfg(test)]
mod tests {
    use sekisho_model::{Column, Projection};

    use super::*;
    use crate::testing;

    fn map(text: &str) -> Arc<Map> {
        Arc::new(Map::read(text).unwrap())
    }

    #[test]
    fn own_maps_come_first_and_the_built_in_one_takes_the_rest() {
        let built_in = map("id = \"generic.json\"\n[record]\nshape = \"json\"\n[columns]\naction = \"action\"");
        let keyed =
            "id = \"a\"\n[record]\nshape = \"json\"\nkeys = [[\"who\", \"what\"]]\n[columns]\naction = \"what\"";
        let table = "id = \"t\"\n[record]\nshape = \"table\"\n[columns]\naction = \"who\"";
        let rest = "id = \"b\"\n[record]\nshape = \"json\"\n[columns]\naction = \"event\"";
        let actions = |maps: &[&str]| {
            let settings = Settings {
                maps: maps.iter().map(|text| map(text)).collect(),
                ..testing::settings()
            };
            let mut format = OwnFirst::new(Arc::clone(&built_in));
            let mut out = Output::new(&Projection::default());
            let origin = testing::origin();
            for (offset, bytes) in [r#"{"who":"x","what":"one"}"#, r#"{"event":"two","action":"three"}"#]
                .iter()
                .enumerate()
            {
                let raw = Raw {
                    origin: &origin,
                    offset: i64::try_from(offset).unwrap(),
                    observed: testing::received(),
                    bytes: bytes.as_bytes(),
                };
                format.decode(&raw, &settings, &mut out);
            }
            let batch = out.rows.finish();
            (0..batch.len())
                .map(|row| {
                    assert_eq!(batch.text(Column::Source, row), Some("generic.json"));
                    batch.text(Column::Action, row).unwrap_or("-").to_owned()
                })
                .collect::<Vec<_>>()
        };
        assert_eq!(actions(&[]), ["-", "three"]);
        assert_eq!(actions(&[table, keyed]), ["one", "three"]);
        assert_eq!(actions(&[rest, keyed]), ["one", "two"]);
    }
}
