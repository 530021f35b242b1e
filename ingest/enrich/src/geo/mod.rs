//! Where an address is and whose it is, from databases in the format of `MaxMind`.
//!
//! # Invariants
//! * A database is read through once when it is taken: every record that a look-up can meet has been
//!   decoded before the first event asks for it, so a damaged file is refused instead of failing
//!   later, and look-ups cannot fail.
//! * Whatever a file is called, what it gives is judged by its records.

mod place;
mod record;

use std::collections::HashSet;
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use maxminddb::{MaxMindDbError, Reader, WithinOptions};
use sekisho_model::Time;

pub use place::{COORDINATES_ACCURACY_KM_MAX, Place};
use record::Record;

/// A tree of so many nodes has at most so many times as many ends, where it leads to the same part
/// from several prefixes (IPv4 within IPv6); a tree with more runs in circles.
const ENDS_PER_NODE_MAX: usize = 3;

/// Geo databases: one or several, each giving places, networks or both.
#[derive(Clone, Debug)]
pub struct Geo {
    databases: Arc<[Database]>,
}

struct Database {
    info: DatabaseInfo,
    reader: Reader<Vec<u8>>,
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.info.fmt(f)
    }
}

/// What a database is and gives.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DatabaseInfo {
    /// The name it was handed over by.
    pub name: String,
    /// What it calls itself.
    pub database_type: String,
    /// When it was built.
    pub built: Time,
    /// How many records have a country or a city.
    pub places: u64,
    /// How many records have an autonomous system.
    pub networks: u64,
    /// How many records tell an anonymiser.
    pub anonymisers: u64,
}

/// A database that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum GeoError {
    /// Its structure is broken.
    #[error("the geo database {name} is damaged, fetch it again")]
    Damaged {
        /// The database.
        name: String,
        /// What is broken.
        source: MaxMindDbError,
    },
    /// It is sound, but about something else.
    #[error(
        "the geo database {name} of type `{database_type}` has no field that is known, expected GeoIP2, GeoLite2, \
         DB-IP or ip-location-db records of city, country, ASN or anonymous IP"
    )]
    Foreign {
        /// The database.
        name: String,
        /// What it calls itself.
        database_type: String,
    },
}

impl Geo {
    /// Takes databases, each with a name for messages. Of two that know a place, the finer counts, and
    /// the first if they are equally fine.
    pub fn from_bytes(databases: Vec<(String, Vec<u8>)>) -> Result<Self, GeoError> {
        let databases: Result<Vec<_>, _> = databases
            .into_iter()
            .map(|(name, bytes)| Database::open(name, bytes))
            .collect();
        Ok(Self {
            databases: databases?.into(),
        })
    }

    /// What is known about an address.
    pub fn lookup(&self, address: IpAddr) -> Place {
        let mut place = Place::default();
        for database in self.databases.iter() {
            if let Some(found) = database.lookup(address) {
                place.complete(found);
            }
        }
        place
    }

    /// Whether some database gives places.
    pub fn gives_places(&self) -> bool {
        self.databases().any(|database| database.places > 0)
    }

    /// Whether some database gives autonomous systems.
    pub fn gives_networks(&self) -> bool {
        self.databases().any(|database| database.networks > 0)
    }

    /// What the databases are.
    pub fn databases(&self) -> impl Iterator<Item = &DatabaseInfo> {
        self.databases.iter().map(|database| &database.info)
    }
}

impl Database {
    fn open(name: String, bytes: Vec<u8>) -> Result<Self, GeoError> {
        let damaged = |source| GeoError::Damaged {
            name: name.clone(),
            source,
        };
        let reader = Reader::from_source(bytes).map_err(damaged)?;
        let mut info = DatabaseInfo {
            name: name.clone(),
            database_type: reader.metadata().database_type.clone(),
            built: Time::from_secs(reader.metadata().build_epoch.try_into().unwrap_or(i64::MAX)),
            ..DatabaseInfo::default()
        };
        read_through(&reader, &mut info).map_err(damaged)?;
        if info.places == 0 && info.networks == 0 && info.anonymisers == 0 {
            return Err(GeoError::Foreign {
                name,
                database_type: info.database_type,
            });
        }
        Ok(Self { info, reader })
    }

    /// `None` also for an IPv6 address in a database of IPv4.
    fn lookup(&self, address: IpAddr) -> Option<Place> {
        let record: Record<'_> = self.reader.lookup(address).ok()?.decode().ok()??;
        Some(Place::from_record(&record))
    }
}

/// Decodes every record, each once, and counts what they give.
fn read_through(reader: &Reader<Vec<u8>>, info: &mut DatabaseInfo) -> Result<(), MaxMindDbError> {
    let ends_max = usize::try_from(reader.metadata().node_count)
        .unwrap_or(usize::MAX)
        .saturating_mul(ENDS_PER_NODE_MAX);
    let mut seen = HashSet::new();
    for (ends, found) in reader
        .networks(WithinOptions::default().include_networks_without_data())?
        .enumerate()
    {
        let found = found?;
        if ends >= ends_max {
            return Err(MaxMindDbError::invalid_database(format!(
                "the search tree has over {ends_max} ends"
            )));
        }
        let Some(offset) = found.offset() else { continue };
        if !seen.insert(offset) {
            continue;
        }
        if let Some(record) = found.decode::<Record<'_>>()? {
            let place = Place::from_record(&record);
            info.places += u64::from(place.country.is_some() || place.city.is_some());
            info.networks += u64::from(place.asn.is_some());
            info.anonymisers += u64::from(place.kind.is_some());
        }
    }
    Ok(())
}
