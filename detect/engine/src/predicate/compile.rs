//! From searches to leaves and nodes.

use std::sync::Arc;

use hashbrown::HashMap;
use jiff::tz::TimeZone;
use sekisho_model::{Column, Kind};
use sekisho_sigma::{Anchor, Condition, Detection, FieldTest, ProblemKind, Search, Test};

use super::field::Field;
use super::matcher::Matcher;
use crate::rules::Scope;

/// The searches of all rules.
#[derive(Debug, Default)]
pub struct Leaves {
    pub(super) all: Vec<Leaf>,
    /// The zone that parts of a time are read in; UTC if none is given.
    zone: Option<TimeZone>,
    places: HashMap<String, usize>,
}

/// A field and what it is tested for.
#[derive(Debug)]
pub(super) struct Leaf {
    /// The leaf that says which rows matter; elsewhere this one may be false.
    pub(super) scope: Option<usize>,
    pub(super) field: Field,
    pub(super) test: LeafTest,
}

#[derive(Debug)]
pub(super) enum LeafTest {
    /// The value against texts and numbers.
    Value(Box<Matcher>),
    /// The value against that of another field.
    Related(Related),
}

/// How a value must relate to that of another field.
#[derive(Debug)]
pub(super) struct Related {
    pub(super) other: Field,
    pub(super) anchor: Anchor,
    pub(super) cased: bool,
}

/// A condition over leaves.
#[derive(Clone, Debug)]
pub enum Node {
    /// A leaf, by its place.
    Leaf(usize),
    /// Every part holds; with no part, always.
    All(Vec<Self>),
    /// One part holds; with no part, never.
    Any(Vec<Self>),
    /// The part does not hold.
    Not(Box<Self>),
    /// At least so many parts hold.
    AtLeast(usize, Vec<Self>),
}

/// Why a rule cannot be compiled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CompileError {
    /// The line of the field.
    pub line: u32,
    /// What kind of mistake it is.
    pub kind: ProblemKind,
    /// What was found and what was expected.
    pub message: String,
}

impl Leaves {
    /// With no search; parts of a time are read in that zone.
    pub fn in_zone(zone: TimeZone) -> Self {
        Self {
            zone: Some(zone),
            ..Self::default()
        }
    }

    /// The zone that parts of a time are read in.
    pub fn zone(&self) -> TimeZone {
        self.zone.clone().unwrap_or(TimeZone::UTC)
    }

    /// How many different searches there are.
    pub fn len(&self) -> usize {
        self.all.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// Every native path that some leaf reads.
    pub fn native_paths(&self) -> Vec<Arc<str>> {
        let fields = self.all.iter().flat_map(|leaf| {
            let other = match &leaf.test {
                LeafTest::Value(_) => None,
                LeafTest::Related(related) => Some(&related.other),
            };
            std::iter::once(&leaf.field).chain(other)
        });
        fields.flat_map(Field::native_paths).map(Arc::clone).collect()
    }

    /// Compiles the condition of a rule over the sources of `scope`.
    pub fn compile(&mut self, detection: &Detection, scope: &Scope) -> Result<Node, CompileError> {
        let source = self.source_leaf(scope)?;
        let searches = detection
            .searches
            .iter()
            .map(|(_, search)| self.search(search, scope, source))
            .collect::<Result<Vec<_>, _>>()?;
        let condition = join(&detection.condition, &searches);
        Ok(match source {
            Some(leaf) => Node::All(vec![Node::Leaf(leaf), condition]),
            None => condition,
        })
    }

    /// Compiles a search that stands alone, over the sources of `scope`.
    pub fn compile_search(&mut self, search: &Search, scope: &Scope) -> Result<Node, CompileError> {
        let source = self.source_leaf(scope)?;
        let found = self.search(search, scope, source)?;
        Ok(match source {
            Some(leaf) => Node::All(vec![Node::Leaf(leaf), found]),
            None => found,
        })
    }

    /// The leaf that holds for the rows of the sources of a scope.
    fn source_leaf(&mut self, scope: &Scope) -> Result<Option<usize>, CompileError> {
        let Some(sources) = scope.sources() else {
            return Ok(None);
        };
        let tests: Vec<Test> = sources
            .iter()
            .map(|source| Test::Text(sekisho_sigma::Pattern::literal(source)))
            .collect();
        let field = Field::column(Column::Source);
        self.leaf(None, &field, &tests, 0).map(Some)
    }

    fn search(&mut self, search: &Search, scope: &Scope, source: Option<usize>) -> Result<Node, CompileError> {
        Ok(match search {
            Search::All(parts) => Node::All(
                parts
                    .iter()
                    .map(|part| self.search(part, scope, source))
                    .collect::<Result<_, _>>()?,
            ),
            Search::Any(parts) => Node::Any(
                parts
                    .iter()
                    .map(|part| self.search(part, scope, source))
                    .collect::<Result<_, _>>()?,
            ),
            Search::Field(test) => self.field_test(test, scope, source)?,
        })
    }

    fn field_test(&mut self, test: &FieldTest, scope: &Scope, source: Option<usize>) -> Result<Node, CompileError> {
        let resolve = |name: &str| {
            scope.field(name).map_err(|message| CompileError {
                line: test.line,
                kind: ProblemKind::Field,
                message,
            })
        };
        let field = test
            .field
            .as_deref()
            .map_or_else(|| Ok(Field::column(Column::Raw)), resolve)?;
        let mut found = Vec::new();
        for field in field.alternatives() {
            found.push(self.one_field(test, &field, source, &resolve)?);
        }
        let found = one_or_any(found);
        if !test.negated {
            return Ok(found);
        }
        let exists = self.leaf(source, &field, &[Test::Exists(true)], test.line)?;
        Ok(Node::All(vec![Node::Leaf(exists), Node::Not(Box::new(found))]))
    }

    /// Whether a field is as a test asks, or one of its values is.
    fn one_field(
        &mut self,
        test: &FieldTest,
        field: &Field,
        source: Option<usize>,
        resolve: &impl Fn(&str) -> Result<Field, CompileError>,
    ) -> Result<Node, CompileError> {
        let mut parts = Vec::new();
        let (related, plain): (Vec<&Test>, Vec<&Test>) =
            test.tests.iter().partition(|test| matches!(test, Test::Field { .. }));
        for one in related {
            if let Test::Field { name, anchor, cased } = one {
                let related = LeafTest::Related(Related {
                    other: resolve(name)?,
                    anchor: *anchor,
                    cased: *cased,
                });
                parts.push(Node::Leaf(self.push(source, field, related, &format!("{one:?}"))));
            }
        }
        let groups: Vec<Vec<Test>> = if test.all {
            plain.into_iter().map(|test| vec![test.clone()]).collect()
        } else if plain.is_empty() {
            Vec::new()
        } else {
            vec![plain.into_iter().cloned().collect()]
        };
        for group in groups {
            parts.push(Node::Leaf(self.leaf(source, field, &group, test.line)?));
        }
        Ok(if test.all { Node::All(parts) } else { one_or_any(parts) })
    }

    fn leaf(&mut self, scope: Option<usize>, field: &Field, tests: &[Test], line: u32) -> Result<usize, CompileError> {
        let kind: Option<Kind> = field.kind();
        let matcher =
            Matcher::new(tests, kind, &self.zone()).map_err(|(kind, message)| CompileError { line, kind, message })?;
        Ok(self.push(scope, field, LeafTest::Value(Box::new(matcher)), &format!("{tests:?}")))
    }

    fn push(&mut self, scope: Option<usize>, field: &Field, test: LeafTest, written: &str) -> usize {
        let key = format!("{scope:?} {field:?} {written}");
        if let Some(place) = self.places.get(&key) {
            return *place;
        }
        let place = self.all.len();
        self.all.push(Leaf {
            scope,
            field: field.clone(),
            test,
        });
        self.places.insert(key, place);
        place
    }
}

fn one_or_any(mut parts: Vec<Node>) -> Node {
    if parts.len() == 1 {
        parts.swap_remove(0)
    } else {
        Node::Any(parts)
    }
}

fn join(condition: &Condition, searches: &[Node]) -> Node {
    let search = |place: &usize| searches.get(*place).cloned().unwrap_or(Node::Any(Vec::new()));
    match condition {
        Condition::Search(place) => search(place),
        Condition::All(parts) => Node::All(parts.iter().map(|part| join(part, searches)).collect()),
        Condition::Any(parts) => Node::Any(parts.iter().map(|part| join(part, searches)).collect()),
        Condition::Not(part) => Node::Not(Box::new(join(part, searches))),
        Condition::AtLeast(least, places) => {
            let parts: Vec<Node> = places.iter().map(search).collect();
            if *least == parts.len() {
                Node::All(parts)
            } else if *least == 1 {
                Node::Any(parts)
            } else {
                Node::AtLeast(*least, parts)
            }
        }
    }
}
