//! Who is suspected: read from the row of an event.

use std::sync::Arc;

use sekisho_model::{Column, Entity, EntityKind, EventBatch};

/// The name of an entity of which nothing is known.
pub const UNKNOWN: &str = "unknown";

/// How a rule names who is suspected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntityRule {
    /// The person behind the account, else the account.
    Person,
    /// The value of a column.
    Column(Column, EntityKind),
    /// The person, else the address.
    Any,
    /// What the events are grouped by.
    Group,
}

impl EntityRule {
    /// The rule for a column.
    pub fn of(column: Column) -> Self {
        match column {
            Column::Person | Column::UserName => Self::Person,
            Column::ActorName => Self::Column(column, EntityKind::Person),
            Column::SrcIp => Self::Column(column, EntityKind::Source),
            other => Self::Column(other, EntityKind::Other),
        }
    }

    /// What kind of entity it names.
    pub fn kind(self) -> EntityKind {
        match self {
            Self::Person | Self::Any => EntityKind::Person,
            Self::Column(_, kind) => kind,
            Self::Group => EntityKind::Other,
        }
    }

    /// The name that a row gives.
    pub fn name(self, batch: &EventBatch, row: usize) -> Option<String> {
        match self {
            Self::Person => {
                let person = batch
                    .text(Column::Person, row)
                    .or_else(|| batch.text(Column::UserName, row));
                person.map(str::to_owned)
            }
            Self::Column(column, _) => batch.display(column, row),
            Self::Any | Self::Group => None,
        }
    }

    /// The entity that a row gives, for a rule about single events.
    pub fn entity(self, batch: &EventBatch, row: usize) -> Entity {
        let rules: &[Self] = match self {
            Self::Any | Self::Group => &[Self::Person, Self::Column(Column::SrcIp, EntityKind::Source)],
            Self::Person | Self::Column(..) => &[self],
        };
        let found = rules
            .iter()
            .find_map(|rule| Some((rule.kind(), rule.name(batch, row)?)));
        let (kind, name) = found.unwrap_or_else(|| (EntityKind::Other, UNKNOWN.to_owned()));
        Entity {
            kind,
            name: Arc::from(name),
        }
    }
}
