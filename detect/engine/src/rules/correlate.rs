//! Compiling correlations: in an order in which each comes after those it refers to.

use std::collections::BTreeMap;
use std::time::Duration;

use sekisho_model::{Bilingual, Column, RuleInfo};
use sekisho_sigma::{Correlation, CorrelationKind, Document, ProblemKind};
use std::sync::Arc;

use super::RuleSet;
use super::build::Builder;
use crate::correlation::{CorrelationRule, CorrelationSpec, Goal};
use crate::entity::EntityRule;
use crate::sigma_match::{HotFeed, RowFeed, RowSlot};

/// A rule that a correlation refers to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Input {
    /// A rule about single events, by the place of its document.
    Match(usize),
    /// A correlation, by its place among the compiled ones.
    Correlation(usize),
}

/// What an event must carry.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Slot {
    Field(String),
    Entity(EntityRule),
}

/// A correlation that can be compiled.
struct Draft {
    document: Correlation,
    info: Arc<RuleInfo>,
    alerts: bool,
    inputs: Vec<(Input, String)>,
    slots: Vec<Slot>,
    entity: EntityRule,
    entity_by_group: bool,
    reach: Duration,
}

pub(super) struct Correlator<'a> {
    builder: Builder<'a>,
    drafts: Vec<Draft>,
    /// By place of the document, the place of the draft.
    places: BTreeMap<usize, usize>,
}

impl<'a> Correlator<'a> {
    pub(super) fn new(builder: Builder<'a>) -> Self {
        Self {
            builder,
            drafts: Vec::new(),
            places: BTreeMap::new(),
        }
    }

    pub(super) fn run(mut self) -> RuleSet {
        let documents = self.builder.registry.items.iter().enumerate();
        let mut waiting: Vec<(usize, Correlation)> = documents
            .filter_map(|(place, item)| match &item.document {
                Document::Correlation(correlation) => Some((place, correlation.clone())),
                Document::Rule(_) | Document::Filter(_) | Document::Native(_) => None,
            })
            .collect();
        loop {
            let before = waiting.len();
            waiting.retain(|(place, correlation)| !self.try_draft(*place, correlation));
            if waiting.len() == before {
                break;
            }
        }
        for (place, correlation) in waiting {
            let message = "the correlation refers to itself, or to a rule that cannot be run";
            self.builder
                .complain(place, correlation.meta.line, ProblemKind::UnknownRule, message);
        }
        self.carry();
        self.feed();
        let correlations = self.drafts.iter().enumerate();
        let correlations = correlations
            .map(|(place, draft)| (draft.rule(self.titles(draft)), self.hot_feeds(place, draft)))
            .collect();
        self.builder.set.sigma.correlations = correlations;
        self.builder.set
    }

    /// What the rules are called that a correlation refers to, in its order.
    fn titles(&self, draft: &Draft) -> Vec<Bilingual> {
        let info = |input: &Input| match input {
            Input::Match(document) => {
                let (rule, _) = self.builder.matches.get(document)?;
                self.builder.set.sigma.rules.get(*rule).map(|rule| &rule.info)
            }
            Input::Correlation(place) => self.drafts.get(*place).map(|draft| &draft.info),
        };
        draft
            .inputs
            .iter()
            .filter_map(|(input, _)| info(input))
            .map(|info| info.title.clone())
            .collect()
    }

    /// Where the hot events of a correlation go.
    fn hot_feeds(&self, place: usize, source: &Draft) -> Vec<HotFeed> {
        let users = self.drafts.iter().enumerate().flat_map(|(user, draft)| {
            let inputs = draft.inputs.iter().enumerate();
            inputs.map(move |(position, (input, name))| (user, draft, position, *input, name))
        });
        users
            .filter(|(.., input, _)| *input == Input::Correlation(place))
            .map(|(user, draft, position, _, name)| {
                let slots = draft.slots.iter().filter_map(|slot| {
                    let slot = draft.slot_for(name, slot);
                    source.slots.iter().position(|other| *other == slot)
                });
                HotFeed {
                    correlation: user,
                    position: position_of(position),
                    slots: slots.collect(),
                }
            })
            .collect()
    }

    /// Compiles a correlation if all it refers to is known; whether it is done with, for good or ill.
    fn try_draft(&mut self, place: usize, correlation: &Correlation) -> bool {
        let Some(item) = self.builder.registry.items.get(place) else {
            return true;
        };
        let line = correlation.meta.line;
        let mut inputs = Vec::new();
        for reference in &correlation.rules {
            let target = match self.builder.registry.find(item.folder, reference) {
                Ok(target) => target,
                Err(message) => {
                    self.builder.complain(place, line, ProblemKind::UnknownRule, message);
                    return true;
                }
            };
            let input = if self.builder.matches.contains_key(&target) {
                Input::Match(target)
            } else if let Some(draft) = self.places.get(&target) {
                Input::Correlation(*draft)
            } else {
                return false;
            };
            inputs.push((input, reference.clone()));
        }
        if let Err(message) = self.draft(place, correlation, inputs) {
            self.builder.complain(place, line, ProblemKind::Field, message);
        }
        true
    }

    fn draft(&mut self, place: usize, correlation: &Correlation, inputs: Vec<(Input, String)>) -> Result<(), String> {
        let Ok(asked) = self.builder.entity(place, &correlation.meta) else {
            return Ok(());
        };
        let Some(info) = self.builder.info(place, &correlation.meta, correlation.kind.name()) else {
            return Ok(());
        };
        let groups: Vec<Option<Column>> = correlation
            .group_by
            .iter()
            .map(|field| Column::by_name(field))
            .collect();
        let entity = asked.unwrap_or_else(|| entity_of_group(&groups));
        let by_group = groups.iter().flatten().any(|column| EntityRule::of(*column) == entity);
        let slots = correlation
            .group_by
            .iter()
            .chain(&correlation.field)
            .cloned()
            .map(Slot::Field);
        let inner = inputs.iter().filter_map(|(input, _)| match input {
            Input::Match(_) => None,
            Input::Correlation(draft) => self.drafts.get(*draft).map(|draft| draft.reach),
        });
        let draft = Draft {
            document: correlation.clone(),
            info: Arc::clone(&info),
            alerts: self.builder.alerts(place),
            reach: correlation.timespan.saturating_add(inner.max().unwrap_or_default()),
            slots: slots.chain([Slot::Entity(entity)]).collect(),
            inputs,
            entity,
            entity_by_group: by_group || entity == EntityRule::Group,
        };
        for slot in &draft.slots {
            self.check(&draft, slot)?;
        }
        let sources = self.sources(&draft);
        self.builder.list(place, &info, sources, draft.alerts);
        self.places.insert(place, self.drafts.len());
        self.drafts.push(draft);
        Ok(())
    }

    /// Whether every rule below a correlation has what fills a slot.
    fn check(&self, draft: &Draft, slot: &Slot) -> Result<(), String> {
        for (input, name) in &draft.inputs {
            let slot = draft.slot_of(name, slot)?;
            let below = match (input, &slot) {
                (Input::Match(place), Slot::Field(field)) => self
                    .builder
                    .matches
                    .get(place)
                    .map(|(_, scope)| scope.field(field).map(drop)),
                (Input::Match(_), Slot::Entity(_)) => None,
                (Input::Correlation(inner), _) => self.drafts.get(*inner).map(|inner| self.check(inner, &slot)),
            };
            below
                .unwrap_or(Ok(()))
                .map_err(|message| format!("in the rule `{name}`, {message}"))?;
        }
        Ok(())
    }

    /// The sources of all rules below a correlation.
    fn sources(&self, draft: &Draft) -> Option<Vec<String>> {
        let mut all = Vec::new();
        for (input, _) in &draft.inputs {
            match input {
                Input::Match(place) => all.extend_from_slice(self.builder.matches.get(place)?.1.sources()?),
                Input::Correlation(inner) => all.extend(self.sources(self.drafts.get(*inner)?)?),
            }
        }
        all.sort();
        all.dedup();
        Some(all)
    }

    /// Adds to each correlation the slots that those above it ask for.
    fn carry(&mut self) {
        for place in (0..self.drafts.len()).rev() {
            let Some(draft) = self.drafts.get(place) else { continue };
            let slots = draft
                .inputs
                .iter()
                .flat_map(|(input, name)| draft.slots.iter().map(move |slot| (*input, draft.slot_for(name, slot))));
            let wanted: Vec<(Input, Slot)> = slots.collect();
            for (input, slot) in wanted {
                self.carry_slot(input, slot);
            }
        }
    }

    /// Adds a slot to a correlation, unless it has it.
    fn carry_slot(&mut self, input: Input, slot: Slot) {
        let Input::Correlation(inner) = input else { return };
        let slots = self.drafts.get_mut(inner).map(|inner| &mut inner.slots);
        if let Some(slots) = slots.filter(|slots| !slots.contains(&slot)) {
            slots.push(slot);
        }
    }

    /// Tells the rules about single events what the correlations ask for.
    fn feed(&mut self) {
        let drafts = self.drafts.iter().enumerate();
        let feeds = drafts.flat_map(|(place, draft)| {
            let inputs = draft.inputs.iter().enumerate();
            inputs.map(move |(position, (input, name))| (place, draft, position, *input, name))
        });
        for (place, draft, position, input, name) in feeds {
            let Input::Match(document) = input else { continue };
            let Some((rule, scope)) = self.builder.matches.get(&document) else {
                continue;
            };
            let slots = draft.slots.iter().filter_map(|slot| match draft.slot_for(name, slot) {
                Slot::Field(field) => scope.field(&field).ok().map(RowSlot::Field),
                Slot::Entity(entity) => Some(RowSlot::Entity(entity)),
            });
            let feed = RowFeed {
                correlation: place,
                position: position_of(position),
                slots: slots.collect(),
            };
            if let Some(rule) = self.builder.set.sigma.rules.get_mut(*rule) {
                rule.feeds.push(feed);
            }
        }
    }
}

/// The entity of a correlation that does not name one.
fn entity_of_group(groups: &[Option<Column>]) -> EntityRule {
    let has = |column| groups.contains(&Some(column));
    if has(Column::Person) || has(Column::UserName) {
        EntityRule::Person
    } else if has(Column::ActorName) {
        EntityRule::of(Column::ActorName)
    } else if has(Column::SrcIp) {
        EntityRule::of(Column::SrcIp)
    } else {
        EntityRule::Group
    }
}

fn position_of(position: usize) -> u16 {
    u16::try_from(position).unwrap_or(u16::MAX)
}

impl Draft {
    /// What a slot is called in one of the rules; an error if an alias leaves that rule out.
    fn slot_of(&self, rule: &str, slot: &Slot) -> Result<Slot, String> {
        let Slot::Field(field) = slot else {
            return Ok(slot.clone());
        };
        let Some((_, names)) = self.document.aliases.iter().find(|(alias, _)| alias == field) else {
            return Ok(slot.clone());
        };
        names
            .iter()
            .find(|(name, _)| name == rule)
            .map(|(_, field)| Slot::Field(field.clone()))
            .ok_or_else(|| format!("the alias `{field}` has no field for the rule `{rule}`"))
    }

    /// What a slot is called in one of the rules, after that was checked.
    fn slot_for(&self, rule: &str, slot: &Slot) -> Slot {
        self.slot_of(rule, slot).unwrap_or_else(|_| slot.clone())
    }

    fn rule(&self, titles: Vec<Bilingual>) -> CorrelationRule {
        let document = &self.document;
        CorrelationRule::new(CorrelationSpec {
            info: Arc::clone(&self.info),
            alerts: self.alerts,
            titles,
            goal: match document.kind {
                CorrelationKind::EventCount => Goal::Events,
                CorrelationKind::ValueCount => Goal::Values,
                CorrelationKind::ValueSum => Goal::Sum,
                CorrelationKind::Temporal => Goal::Rules,
                CorrelationKind::TemporalOrdered => Goal::Order,
            },
            span: document.timespan,
            threshold: document.threshold,
            positions: position_of(self.inputs.len()),
            group_by: document.group_by.clone(),
            field: document.field.clone(),
            entity_kind: self.entity.kind(),
            entity_by_group: self.entity_by_group,
            reach: self.reach,
            slots: format!("{:?}", self.slots),
        })
    }
}
