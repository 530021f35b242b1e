//! What a correlation is told of an event, and what it keeps of it.

use std::sync::Arc;

use sekisho_model::{Evidence, Time, ids};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The identity of an event, in 16 bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Uid(pub u128);

impl Uid {
    /// Of an `event_uid`, which is 32 hexadecimal digits; of any other text, a hash.
    pub fn of(text: &str) -> Self {
        let parse = |digits: &str| {
            (digits.len() == 32)
                .then(|| u128::from_str_radix(digits, 16).ok())
                .flatten()
        };
        Self(
            parse(text)
                .or_else(|| parse(&ids::content_id(&[text.as_bytes()])))
                .unwrap_or_default(),
        )
    }

    /// Of a value that is compared for being the same.
    pub(crate) fn of_value(text: &str) -> Self {
        Self(u128::from_str_radix(&ids::content_id(&[text.as_bytes()]), 16).unwrap_or_default())
    }
}

impl Serialize for Uid {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{:032x}", self.0))
    }
}

impl<'de> Deserialize<'de> for Uid {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        u128::from_str_radix(&text, 16)
            .map(Self)
            .map_err(serde::de::Error::custom)
    }
}

/// What is needed of an event once it is hot.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Carried {
    /// What a message tells of it; shared by the correlations that look at the same row.
    #[serde(with = "crate::pool")]
    pub evidence: Arc<Evidence>,
    /// The values of the fields that the correlation and those above it ask for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub slots: Vec<Option<Arc<str>>>,
}

impl Carried {
    /// About how many bytes it takes.
    pub(super) fn bytes(&self) -> usize {
        let Evidence {
            event_uid,
            source,
            activity,
            ..
        } = &*self.evidence;
        let Evidence {
            user_name,
            src_ip,
            src_country,
            src_city,
            src_as_org,
            src_net_kind,
            ..
        } = &*self.evidence;
        let Evidence {
            target,
            resource,
            user_agent,
            mfa_result,
            ..
        } = &*self.evidence;
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
        ];
        size_of::<Self>()
            + event_uid.len()
            + source.len()
            + activity.len()
            + optional.into_iter().flatten().map(String::len).sum::<usize>()
            + self
                .slots
                .iter()
                .map(|slot| size_of::<Arc<str>>() + slot.as_deref().map_or(0, str::len))
                .sum::<usize>()
    }
}

/// An event of a rule that a correlation refers to.
#[derive(Clone, Debug)]
pub struct Occurrence {
    /// Whose event it is.
    pub tenant: Arc<str>,
    /// When it happened, as far as that is believed.
    pub time: Time,
    /// Its identity.
    pub uid: Uid,
    /// Which of the rules of the correlation it is of.
    pub position: u16,
    /// What is needed of it once it is hot.
    pub carried: Carried,
}
