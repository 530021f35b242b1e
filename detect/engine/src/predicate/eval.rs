//! Evaluating conditions over a batch.

use std::borrow::Cow;

use arrow_array::{Array, StringArray};
use arrow_buffer::{BooleanBuffer, BooleanBufferBuilder};
use sekisho_model::projection::VALUES_SEPARATOR;
use sekisho_model::{EventBatch, Texts};
use sekisho_sigma::Anchor;

use super::compile::{Leaf, LeafTest, Leaves, Node, Related};
use super::field::{Field, Value};
use super::glob::fold_text;
use super::matcher::Matcher;

/// A batch under evaluation: each leaf is evaluated when a rule first asks for it.
#[derive(Debug)]
pub struct Evaluation<'a> {
    leaves: &'a Leaves,
    batch: &'a EventBatch,
    known: Vec<Option<BooleanBuffer>>,
}

impl<'a> Evaluation<'a> {
    /// Of a batch.
    pub fn new(leaves: &'a Leaves, batch: &'a EventBatch) -> Self {
        Self {
            leaves,
            batch,
            known: vec![None; leaves.len()],
        }
    }

    /// The batch.
    pub fn batch(&self) -> &'a EventBatch {
        self.batch
    }

    /// The rows for which a condition holds.
    pub fn select(&mut self, node: &Node) -> BooleanBuffer {
        let rows = self.batch.len();
        match node {
            Node::Leaf(place) => self.leaf(*place),
            Node::All(parts) => parts.iter().fold(BooleanBuffer::new_set(rows), |all, part| {
                // Once nothing is left, the other parts need not be evaluated.
                if all.count_set_bits() == 0 {
                    all
                } else {
                    &all & &self.select(part)
                }
            }),
            Node::Any(parts) => parts
                .iter()
                .fold(BooleanBuffer::new_unset(rows), |any, part| &any | &self.select(part)),
            Node::Not(part) => !&self.select(part),
            Node::AtLeast(least, parts) => {
                let parts: Vec<BooleanBuffer> = parts.iter().map(|part| self.select(part)).collect();
                BooleanBuffer::collect_bool(rows, |row| {
                    *least <= parts.iter().filter(|part| part.value(row)).count()
                })
            }
        }
    }

    fn leaf(&mut self, place: usize) -> BooleanBuffer {
        if let Some(Some(known)) = self.known.get(place) {
            return known.clone();
        }
        let rows = self.batch.len();
        let Some(leaf) = self.leaves.all.get(place) else {
            return BooleanBuffer::new_unset(rows);
        };
        let scope = leaf.scope.map(|scope| self.leaf(scope));
        let found = match &scope {
            Some(scope) if scope.count_set_bits() == 0 => BooleanBuffer::new_unset(rows),
            scope => evaluate(leaf, self.batch, scope.as_ref()),
        };
        if let Some(slot) = self.known.get_mut(place) {
            *slot = Some(found.clone());
        }
        found
    }
}

fn evaluate(leaf: &Leaf, batch: &EventBatch, scope: Option<&BooleanBuffer>) -> BooleanBuffer {
    let reader = leaf.field.reader(batch);
    match &leaf.test {
        LeafTest::Value(matcher) => match reader.only_texts() {
            Some((Texts::Dict(keys, values), several)) if values.len() <= batch.len() => {
                let matched = distinct(matcher, values, several);
                let absent = matcher.matches(None);
                BooleanBuffer::collect_bool(batch.len(), |row| {
                    keys.key(row)
                        .and_then(|key| matched.get(key).copied())
                        .unwrap_or(absent)
                })
            }
            _ => rows(batch.len(), scope, |row| matcher.matches(reader.get(row).as_ref())),
        },
        LeafTest::Related(related) => relate(&leaf.field, related, batch, scope),
    }
}

/// Whether each value of a dictionary matches.
fn distinct(matcher: &Matcher, values: &StringArray, several: bool) -> Vec<bool> {
    values
        .iter()
        .map(|value| {
            let value = value.map(|text| {
                if several {
                    Value::side(text)
                } else {
                    Value::Text(Cow::Borrowed(text))
                }
            });
            matcher.matches(value.as_ref())
        })
        .collect()
}

/// Asks for each row of the scope.
fn rows(count: usize, scope: Option<&BooleanBuffer>, holds: impl Fn(usize) -> bool) -> BooleanBuffer {
    let Some(scope) = scope else {
        return BooleanBuffer::collect_bool(count, holds);
    };
    let mut found = BooleanBufferBuilder::new(count);
    found.append_n(count, false);
    for row in scope.set_indices() {
        if holds(row) {
            found.set_bit(row, true);
        }
    }
    found.finish()
}

fn relate(field: &Field, related: &Related, batch: &EventBatch, scope: Option<&BooleanBuffer>) -> BooleanBuffer {
    let (left, right) = (field.reader(batch), related.other.reader(batch));
    let shown = |text: Cow<'_, str>| {
        if related.cased {
            text.into_owned()
        } else {
            fold_text(&text)
        }
    };
    let holds = |left: &str, right: &str| match related.anchor {
        Anchor::Whole => left == right,
        Anchor::Start => left.starts_with(right),
        Anchor::End => left.ends_with(right),
        Anchor::Anywhere => left.contains(right),
    };
    rows(batch.len(), scope, |row| {
        let (Some(left), Some(right)) = (left.text(row), right.text(row)) else {
            return false;
        };
        let (left, right) = (shown(left), shown(right));
        // Of a list, any element may stand in the relation.
        left.split(VALUES_SEPARATOR)
            .any(|left| right.split(VALUES_SEPARATOR).any(|right| holds(left, right)))
    })
}
