//! One record of a geo database, whichever of the usual shapes it has.
//!
//! `GeoIP2` and `GeoLite2` nest (`country.iso_code`, `city.names.en`, `location.latitude`); DB-IP and
//! ip-location-db are flat (`country_code`, `city`, `latitude`). Writers also differ in the width and
//! sign of numbers. So a field is read as what it turns out to be, and only the structure of the file
//! can be wrong.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// The fields of a record that are used.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Record<'a> {
    #[serde(borrow)]
    pub(super) country: Named<'a>,
    #[serde(borrow)]
    pub(super) country_code: Scalar<'a>,
    #[serde(borrow)]
    pub(super) city: Named<'a>,
    #[serde(borrow)]
    pub(super) location: Location<'a>,
    #[serde(borrow)]
    pub(super) latitude: Scalar<'a>,
    #[serde(borrow)]
    pub(super) longitude: Scalar<'a>,
    #[serde(borrow)]
    pub(super) accuracy_radius: Scalar<'a>,
    #[serde(borrow)]
    pub(super) autonomous_system_number: Scalar<'a>,
    #[serde(borrow)]
    pub(super) autonomous_system_organization: Scalar<'a>,
    #[serde(borrow)]
    pub(super) asn: Scalar<'a>,
    #[serde(borrow)]
    pub(super) as_name: Scalar<'a>,
    #[serde(borrow)]
    pub(super) is_tor_exit_node: Scalar<'a>,
    #[serde(borrow)]
    pub(super) is_anonymous_vpn: Scalar<'a>,
    #[serde(borrow)]
    pub(super) is_public_proxy: Scalar<'a>,
    #[serde(borrow)]
    pub(super) is_residential_proxy: Scalar<'a>,
    #[serde(borrow)]
    pub(super) is_hosting_provider: Scalar<'a>,
}

/// A value without parts.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) enum Scalar<'a> {
    /// Absent, or of a kind that no field has.
    #[default]
    Nothing,
    Text(&'a str),
    Number(f64),
    Flag(bool),
}

impl<'a> Scalar<'a> {
    /// The text, unless it is empty.
    pub(super) fn text(self) -> Option<&'a str> {
        match self {
            Self::Text(text) if !text.trim().is_empty() => Some(text.trim()),
            Self::Text(_) | Self::Number(_) | Self::Flag(_) | Self::Nothing => None,
        }
    }

    /// The number; some writers give numbers as text.
    pub(super) fn number(self) -> Option<f64> {
        let number = match self {
            Self::Number(number) => number,
            Self::Text(text) => text.trim().trim_start_matches("AS").parse().ok()?,
            Self::Flag(_) | Self::Nothing => return None,
        };
        number.is_finite().then_some(number)
    }

    /// Whether it is there and true.
    pub(super) fn is_true(self) -> bool {
        match self {
            Self::Flag(flag) => flag,
            Self::Number(number) => number > 0.0,
            Self::Text(text) => text.eq_ignore_ascii_case("true") || text == "1",
            Self::Nothing => false,
        }
    }
}

/// A country or a city: its name, or a map of its code and its names by language.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Named<'a> {
    pub(super) code: Scalar<'a>,
    pub(super) name: Scalar<'a>,
}

/// Where it is.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Location<'a> {
    pub(super) latitude: Scalar<'a>,
    pub(super) longitude: Scalar<'a>,
    pub(super) accuracy_radius: Scalar<'a>,
}

impl<'de: 'a, 'a> Deserialize<'de> for Scalar<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ScalarVisitor)
    }
}

struct ScalarVisitor;

impl<'de> Visitor<'de> for ScalarVisitor {
    type Value = Scalar<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Scalar::Text(text))
    }

    fn visit_str<E>(self, _: &str) -> Result<Self::Value, E> {
        Ok(Scalar::Nothing)
    }

    fn visit_bytes<E>(self, _: &[u8]) -> Result<Self::Value, E> {
        Ok(Scalar::Nothing)
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Self::Value, E> {
        Ok(Scalar::Flag(flag))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Self::Value, E> {
        Ok(Scalar::Number(number))
    }

    fn visit_f32<E>(self, number: f32) -> Result<Self::Value, E> {
        Ok(Scalar::Number(number.into()))
    }

    // No field of use holds a whole number beyond 32 bits.
    fn visit_u64<E>(self, number: u64) -> Result<Self::Value, E> {
        Ok(u32::try_from(number).map_or(Scalar::Nothing, |number| Scalar::Number(number.into())))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Self::Value, E> {
        Ok(i32::try_from(number).map_or(Scalar::Nothing, |number| Scalar::Number(number.into())))
    }

    fn visit_u128<E>(self, number: u128) -> Result<Self::Value, E> {
        Ok(u32::try_from(number).map_or(Scalar::Nothing, |number| Scalar::Number(number.into())))
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Scalar::Nothing)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Scalar::Nothing)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Scalar::Nothing)
    }
}

/// Reads a map if there is one, and skips anything else; a text is the name.
struct NamedVisitor;

impl<'de: 'a, 'a> Deserialize<'de> for Named<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NamedVisitor)
    }
}

impl<'de> Visitor<'de> for NamedVisitor {
    type Value = Named<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name, or a map of a code and names")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Named {
            code: Scalar::Nothing,
            name: Scalar::Text(text),
        })
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut named = Named::default();
        while let Some(key) = map.next_key::<&str>()? {
            match key {
                "iso_code" => named.code = map.next_value()?,
                "names" => named.name = map.next_value::<Names<'de>>()?.0,
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(named)
    }
}

/// The English one of names by language, else the first.
struct Names<'a>(Scalar<'a>);

impl<'de: 'a, 'a> Deserialize<'de> for Names<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(NamesVisitor)
    }
}

struct NamesVisitor;

impl<'de> Visitor<'de> for NamesVisitor {
    type Value = Names<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map of names by language")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut name = Scalar::Nothing;
        while let Some((language, value)) = map.next_entry::<&str, Scalar<'de>>()? {
            if language == "en" || name == Scalar::Nothing {
                name = value;
            }
        }
        Ok(Names(name))
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Location<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(LocationVisitor)
    }
}

struct LocationVisitor;

impl<'de> Visitor<'de> for LocationVisitor {
    type Value = Location<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map of latitude and longitude")
    }

    fn visit_borrowed_str<E>(self, _: &'de str) -> Result<Self::Value, E> {
        Ok(Location::default())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut location = Location::default();
        while let Some(key) = map.next_key::<&str>()? {
            match key {
                "latitude" => location.latitude = map.next_value()?,
                "longitude" => location.longitude = map.next_value()?,
                "accuracy_radius" => location.accuracy_radius = map.next_value()?,
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(location)
    }
}
