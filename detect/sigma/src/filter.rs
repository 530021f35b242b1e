//! What is added to rules to keep them quiet about something.

use crate::detection::Detection;
use crate::meta::Meta;
use crate::problem::{Fault, ProblemKind};
use crate::yaml::Node;

/// A condition that is joined to that of other rules with `and`.
#[derive(Clone, Debug, PartialEq)]
pub struct Filter {
    /// What it says about itself.
    pub meta: Meta,
    /// Which rules it is added to.
    pub target: FilterTarget,
    /// What must also hold, such as `not selection`.
    pub detection: Detection,
}

/// Which rules a filter is added to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FilterTarget {
    /// Every rule of the same log source.
    Any,
    /// These, by id or name.
    Rules(Vec<String>),
}

impl Filter {
    pub(crate) fn parse(meta: Meta, node: &Node) -> Result<Self, Fault> {
        node.map("filter")?;
        let detection = Detection::parse(node, &["rules"])?;
        node.need("rules", "the rules it is added to, or `any`")?;
        let rules = node.texts("rules")?;
        let target = match rules.as_slice() {
            [] => return Err(Fault::new(node.line, ProblemKind::Missing, "`rules` is empty")),
            [any] if any == "any" => FilterTarget::Any,
            _ => FilterTarget::Rules(rules),
        };
        Ok(Self {
            meta,
            target,
            detection,
        })
    }
}
