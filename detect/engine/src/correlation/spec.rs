//! A correlation, compiled.

use std::sync::Arc;
use std::time::Duration;

use sekisho_model::{Bilingual, EntityKind, RuleInfo, Severity, Weight};
use sekisho_sigma::{Bounds, ThresholdRel};

/// What a correlation looks for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Goal {
    /// So many events, by the items that each stands for.
    Events,
    /// A field that adds up to so much.
    Sum,
    /// A field whose average is so much.
    Average,
    /// A field of which so many of a hundred values are no more than so much.
    Percentile(f64),
    /// So many different values of a field.
    Values,
    /// Events of so many of the rules.
    Rules,
    /// An event of each rule, in their order.
    Order,
}

/// How many there must be, or how much.
#[derive(Clone, Debug, PartialEq)]
pub enum Wanted {
    /// At least so many: known as soon as they are there.
    AtLeast(u64),
    /// At least a share of the active people.
    Relative(ThresholdRel),
    /// Within bounds that more events could leave again: known when no more can come.
    Settled(Bounds),
}

/// How much a detection weighs whose events are of a certain kind.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Raise {
    /// How bad it is, at least.
    pub severity: Severity,
    /// How likely it is real, at least.
    pub probability: f64,
}

impl Raise {
    /// The weight, raised.
    pub fn raise(self, weight: Weight) -> Weight {
        weight.max(Weight {
            severity: self.severity,
            probability: self.probability,
        })
    }
}

/// A correlation, compiled.
#[derive(Clone, Debug)]
pub struct CorrelationSpec {
    /// What a message needs to know of it.
    pub info: Arc<RuleInfo>,
    /// Whether it speaks for itself.
    pub alerts: bool,
    /// What the rules it refers to are called, in its order.
    pub titles: Vec<Bilingual>,
    /// What it looks for.
    pub goal: Goal,
    /// Within which time.
    pub span: Duration,
    /// How many there must be, or how much.
    pub wanted: Wanted,
    /// Within which time what the events wait for must not follow.
    pub absent: Option<Duration>,
    /// How late an event may come, where that is waited for.
    pub lateness: Duration,
    /// What events of a certain kind make a detection weigh.
    pub raises: Vec<Raise>,
    /// How many rules it refers to.
    pub positions: u16,
    /// The fields it groups by, which fill the first slots of an event.
    pub group_by: Vec<String>,
    /// The field that is counted or added up, which fills the next slot.
    pub field: Option<String>,
    /// What kind of entity fills the slot after that.
    pub entity_kind: EntityKind,
    /// Whether all events of a group are of the same entity.
    pub entity_by_group: bool,
    /// How far back from a late event its judgement may reach.
    pub reach: Duration,
    /// What fills the slots, in words: state with other slots cannot be gone on with.
    pub slots: String,
}

impl CorrelationSpec {
    /// Which slot of an event holds the name of its entity.
    pub fn entity_slot(&self) -> usize {
        self.group_by.len() + usize::from(self.field.is_some())
    }

    /// Which slot holds the number of active people, if that is asked for.
    pub fn people_slot(&self) -> usize {
        self.entity_slot() + 1
    }

    /// Which slot tells of what kinds an event is, if that is asked for: a bit for each raise.
    pub fn raise_slot(&self) -> usize {
        self.people_slot() + usize::from(matches!(self.wanted, Wanted::Relative(_)))
    }

    /// The position of events that must not follow.
    pub fn answer_position(&self) -> u16 {
        self.positions
    }
}
