//! Whose case it is: a person, a thing, or the network that an attack comes from.

use std::net::IpAddr;
use std::sync::Arc;

use sekisho_model::{Detection, Entity, EntityKind};
use serde::{Deserialize, Serialize};

/// The bits of an IPv4 address that a provider does not hand out one by one.
const PREFIX_V4: u8 = 24;
/// Those of an IPv6 address: a customer gets a /48 or less, and chooses the rest at will.
const PREFIX_V6: u8 = 48;

/// Whose case it is.
///
/// Who attacks from one address has its neighbours too, and a message for each would bury the others. So
/// addresses of one network are one subject, a *campaign*, for each family of rules: what knocks at the
/// sign-in is not what scans the web site. The alerts stay apart.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct Subject {
    pub(super) tenant: Arc<str>,
    /// Who is suspected; of an address, its network.
    pub(super) entity: Entity,
    /// The family of a campaign.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) family: Option<Arc<str>>,
}

impl Subject {
    /// To whose case a detection belongs.
    pub(super) fn of(detection: &Detection) -> Self {
        let network = network(&detection.entity);
        Self {
            tenant: Arc::clone(&detection.tenant),
            family: network.is_some().then(|| Arc::from(&*detection.rule.family)),
            entity: network.unwrap_or_else(|| detection.entity.clone()),
        }
    }

    /// As it goes into the identity of an incident.
    pub(super) fn key(&self) -> String {
        let entity = entity_key(&self.entity);
        match &self.family {
            None => entity,
            Some(family) => format!("{entity}:{family}"),
        }
    }
}

/// An entity, as it goes into identities.
pub(super) fn entity_key(entity: &Entity) -> String {
    let kind = match entity.kind {
        EntityKind::Person => "person",
        EntityKind::Source => "source",
        EntityKind::Other => "other",
    };
    format!("{kind}:{}", entity.name)
}

/// The network of a source that is an address.
fn network(entity: &Entity) -> Option<Entity> {
    if entity.kind != EntityKind::Source {
        return None;
    }
    let address: IpAddr = entity.name.parse().ok()?;
    let name = match address.to_canonical() {
        IpAddr::V4(address) => {
            let network = address.to_bits() & (u32::MAX << (32 - PREFIX_V4));
            format!("{}/{PREFIX_V4}", std::net::Ipv4Addr::from_bits(network))
        }
        IpAddr::V6(address) => {
            let network = address.to_bits() & (u128::MAX << (128 - PREFIX_V6));
            format!("{}/{PREFIX_V6}", std::net::Ipv6Addr::from_bits(network))
        }
    };
    Some(Entity {
        kind: EntityKind::Source,
        name: Arc::from(name),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_stands_for_its_network() {
        for (kind, name, expected) in [
            (EntityKind::Source, "198.51.100.70", Some("198.51.100.0/24")),
            (EntityKind::Source, "::ffff:198.51.100.70", Some("198.51.100.0/24")),
            (EntityKind::Source, "2001:db8:1:2::3", Some("2001:db8:1::/48")),
            (EntityKind::Source, "unknown", None),
            (EntityKind::Person, "198.51.100.70", None),
            (EntityKind::Other, "198.51.100.70", None),
        ] {
            let name = Arc::from(name);
            let found = network(&Entity { kind, name }).map(|entity| entity.name.to_string());
            assert_eq!(found.as_deref(), expected);
        }
    }
}
