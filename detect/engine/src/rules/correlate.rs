//! Compiling correlations: in an order in which each comes after those it refers to.

use std::collections::BTreeMap;
use std::time::Duration;

use sekisho_model::{Bilingual, Column, RuleInfo};
use sekisho_sigma::{Absent, Correlation, CorrelationKind, Document, ProblemKind};
use std::sync::Arc;

use super::RuleSet;
use super::build::{Builder, raise};
use crate::correlation::{CorrelationRule, CorrelationSpec, Goal, Wanted};
use crate::entity::EntityRule;
use crate::sigma_match::{HotFeed, RowFeed, RowSlot};

/// How late an event may come, if a correlation over every source waits for it and does not say how
/// long: Entra's records are revised for up to two hours.
const LATENESS: Duration = Duration::from_hours(2);

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
    /// Which escalations of the correlation at that place of the documents an event meets.
    Raise(usize),
}

/// A correlation that can be compiled.
struct Draft {
    document: Correlation,
    info: Arc<RuleInfo>,
    alerts: bool,
    inputs: Vec<(Input, String)>,
    /// What must not follow.
    absent: Option<(Input, String, Duration)>,
    /// How late an event may come.
    lateness: Duration,
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
        let users = self.drafts.iter().enumerate();
        let uses = users.flat_map(|(user, draft)| draft.uses().map(move |used| (user, draft, used)));
        uses.filter(|(.., used)| used.input == Input::Correlation(place))
            .map(|(user, draft, used)| {
                let slots = used.slots.iter().filter_map(|slot| {
                    let slot = draft.slot_for(used.name, slot);
                    source.slots.iter().position(|other| *other == slot)
                });
                HotFeed {
                    correlation: user,
                    position: used.position,
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
        let folder = item.folder;
        let line = correlation.meta.line;
        let absent = correlation.meta.extension.absent.clone();
        let mut inputs = Vec::new();
        for reference in correlation.rules.iter().chain(absent.iter().map(|absent| &absent.rule)) {
            match self.input(folder, reference) {
                Ok(Some(input)) => inputs.push((input, reference.clone())),
                Ok(None) => return false,
                Err(message) => {
                    self.builder.complain(place, line, ProblemKind::UnknownRule, message);
                    return true;
                }
            }
        }
        if let Err(message) = self.draft(place, correlation, inputs) {
            self.builder.complain(place, line, ProblemKind::Field, message);
        }
        true
    }

    /// The rule that a reference means; `None` if it is not compiled, or not yet.
    fn input(&self, folder: usize, reference: &str) -> Result<Option<Input>, String> {
        let target = self.builder.registry.find(folder, reference)?;
        if self.builder.matches.contains_key(&target) {
            return Ok(Some(Input::Match(target)));
        }
        Ok(self.places.get(&target).map(|draft| Input::Correlation(*draft)))
    }

    fn draft(
        &mut self,
        place: usize,
        correlation: &Correlation,
        mut inputs: Vec<(Input, String)>,
    ) -> Result<(), String> {
        let Ok(asked) = self.builder.entity(place, &correlation.meta) else {
            return Ok(());
        };
        let Some(info) = self.builder.info(place, &correlation.meta, told_as(correlation)) else {
            return Ok(());
        };
        let extension = &correlation.meta.extension;
        let inner = inputs.iter().filter_map(|(input, _)| match input {
            Input::Match(_) => None,
            Input::Correlation(draft) => self.drafts.get(*draft).map(|draft| draft.reach),
        });
        let inner = inner.max().unwrap_or_default();
        let lateness = extension.lateness.unwrap_or_else(|| self.lateness(&inputs));
        let waits = waits(correlation, extension.absent.as_ref(), lateness);
        let absent = match &extension.absent {
            None => None,
            Some(absent) => inputs.pop().map(|(input, name)| (input, name, absent.within)),
        };
        let groups: Vec<Option<Column>> = correlation
            .group_by
            .iter()
            .map(|field| Column::by_name(field))
            .collect();
        let entity = asked.unwrap_or_else(|| entity_of_group(&groups));
        let by_group = groups.iter().flatten().any(|column| EntityRule::of(*column) == entity);
        let draft = Draft {
            document: correlation.clone(),
            info: Arc::clone(&info),
            alerts: self.builder.alerts(place),
            reach: correlation.timespan.saturating_add(inner).saturating_add(waits),
            slots: slots(place, correlation, entity),
            inputs,
            absent,
            lateness,
            entity,
            entity_by_group: by_group || entity == EntityRule::Group,
        };
        for used in draft.uses() {
            for slot in used.slots {
                self.check(&draft, (used.input, used.name), slot)?;
            }
        }
        let sources = self.sources(&draft);
        self.builder.list(place, &info, sources, draft.alerts);
        self.places.insert(place, self.drafts.len());
        self.drafts.push(draft);
        Ok(())
    }

    /// How late the events of rules may come, by their sources.
    fn lateness(&self, inputs: &[(Input, String)]) -> Duration {
        let of = |(input, _): &(Input, String)| match input {
            Input::Match(place) => {
                let sources = self.builder.matches.get(place)?.1.sources()?;
                let known = |source: &String| self.builder.surroundings.lateness.get(source).copied();
                sources.iter().map(known).max().flatten()
            }
            Input::Correlation(inner) => self.drafts.get(*inner).map(|draft| draft.lateness),
        };
        let all = inputs.iter().map(|input| of(input).unwrap_or(LATENESS));
        all.max().unwrap_or(LATENESS)
    }

    /// Whether every rule below a correlation has what fills a slot.
    fn check(&self, draft: &Draft, (input, name): (Input, &str), slot: &Slot) -> Result<(), String> {
        let slot = draft.slot_of(name, slot)?;
        let below = match (input, &slot) {
            (Input::Match(place), Slot::Field(field)) => self
                .builder
                .matches
                .get(&place)
                .map(|(_, scope)| scope.field(field).map(drop)),
            (Input::Match(place), Slot::Raise(raising)) => {
                let scope = self.builder.matches.get(&place).map(|(_, scope)| scope);
                scope.map(|scope| self.builder.check_raises(*raising, scope))
            }
            (Input::Match(_), Slot::Entity(_)) => None,
            (Input::Correlation(inner), _) => self.drafts.get(inner).map(|inner| {
                let mut inputs = inner.inputs.iter();
                inputs.try_for_each(|(input, name)| self.check(inner, (*input, name.as_str()), &slot))
            }),
        };
        below
            .unwrap_or(Ok(()))
            .map_err(|message| format!("in the rule `{name}`, {message}"))
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
            let wanted: Vec<(Input, Slot)> = draft
                .uses()
                .flat_map(|used| {
                    let slots = used.slots.iter();
                    slots.map(move |slot| (used.input, draft.slot_for(used.name, slot)))
                })
                .collect();
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
        let uses = drafts.flat_map(|(place, draft)| draft.uses().map(move |used| (place, draft, used)));
        for (place, draft, used) in uses {
            let Input::Match(document) = used.input else { continue };
            let Some((rule, scope)) = self.builder.matches.get(&document).cloned() else {
                continue;
            };
            let builder = &mut self.builder;
            let slots = used
                .slots
                .iter()
                .map(|slot| match draft.slot_for(used.name, slot) {
                    Slot::Field(field) => scope.field(&field).map_or(RowSlot::Nothing, RowSlot::Field),
                    Slot::Entity(entity) => RowSlot::Entity(entity),
                    Slot::Raise(raising) => RowSlot::Kinds(builder.raise_nodes(raising, &scope)),
                })
                .collect();
            let feed = RowFeed {
                correlation: place,
                position: used.position,
                slots,
            };
            if let Some(rule) = self.builder.set.sigma.rules.get_mut(rule) {
                rule.feeds.push(feed);
            }
        }
    }
}

/// What an event of a correlation must carry.
fn slots(place: usize, correlation: &Correlation, entity: EntityRule) -> Vec<Slot> {
    let fields = correlation.group_by.iter().chain(&correlation.field).cloned();
    let extension = &correlation.meta.extension;
    let people = extension.threshold_rel.map(|_| Column::ActivePeople.name().to_owned());
    let raise = (!extension.escalate.is_empty()).then_some(Slot::Raise(place));
    fields
        .map(Slot::Field)
        .chain([Slot::Entity(entity)])
        .chain(people.map(Slot::Field))
        .chain(raise)
        .collect()
}

/// How long an event waits, beyond the time span, until it is decided.
fn waits(correlation: &Correlation, absent: Option<&Absent>, lateness: Duration) -> Duration {
    let settled = correlation.bounds.least().is_none() || correlation.kind.is_average();
    let settled = if settled { correlation.timespan } else { Duration::ZERO };
    match absent {
        None if settled.is_zero() => Duration::ZERO,
        None => settled.saturating_add(lateness),
        Some(absent) => settled.saturating_add(absent.within).saturating_add(lateness),
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

/// As what a correlation is told: one that asks for a single event says "any of these", and there is
/// no number worth telling.
fn told_as(correlation: &Correlation) -> &'static str {
    let grows = correlation.meta.extension.threshold_rel.is_some();
    match correlation.kind {
        CorrelationKind::EventCount if !grows && correlation.bounds.hold(1.0) => "match",
        kind => kind.name(),
    }
}

fn position_of(position: usize) -> u16 {
    u16::try_from(position).unwrap_or(u16::MAX)
}

/// A rule that a correlation is fed by.
struct Used<'d> {
    input: Input,
    name: &'d str,
    position: u16,
    /// What its events must carry.
    slots: &'d [Slot],
}

impl Draft {
    /// The rules that it is fed by.
    fn uses(&self) -> impl Iterator<Item = Used<'_>> {
        let inputs = self.inputs.iter().enumerate().map(|(position, (input, name))| Used {
            input: *input,
            name,
            position: position_of(position),
            slots: &self.slots,
        });
        // What must not follow need only be of the same group.
        let group = self.slots.get(..self.document.group_by.len()).unwrap_or_default();
        let absent = self.absent.iter().map(move |(input, name, _)| Used {
            input: *input,
            name,
            position: position_of(self.inputs.len()),
            slots: group,
        });
        inputs.chain(absent)
    }

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
        let extension = &document.meta.extension;
        let wanted = match (extension.threshold_rel, document.bounds.least()) {
            (Some(relative), _) => Wanted::Relative(relative),
            (None, Some(least)) if !document.kind.is_average() => Wanted::AtLeast(least),
            (None, _) => Wanted::Settled(document.bounds.clone()),
        };
        CorrelationRule::new(CorrelationSpec {
            info: Arc::clone(&self.info),
            alerts: self.alerts,
            titles,
            goal: goal(document),
            span: document.timespan,
            wanted,
            absent: self.absent.as_ref().map(|(_, _, within)| *within),
            lateness: self.lateness,
            raises: extension.escalate.iter().map(|one| raise(one, &self.info)).collect(),
            positions: position_of(self.inputs.len()),
            group_by: document.group_by.clone(),
            field: document.field.clone(),
            entity_kind: self.entity.kind(),
            entity_by_group: self.entity_by_group,
            reach: self.reach,
            slots: self.slots.iter().map(Slot::name).collect::<Vec<_>>().join(" "),
        })
    }
}

fn goal(document: &Correlation) -> Goal {
    match document.kind {
        CorrelationKind::EventCount => Goal::Events,
        CorrelationKind::ValueCount => Goal::Values,
        CorrelationKind::ValueSum => Goal::Sum,
        CorrelationKind::ValueAvg => Goal::Average,
        CorrelationKind::ValueMedian => Goal::Percentile(50.0),
        CorrelationKind::ValuePercentile => Goal::Percentile(document.percentile.unwrap_or(50.0)),
        CorrelationKind::Temporal => Goal::Rules,
        CorrelationKind::TemporalOrdered => Goal::Order,
    }
}

impl Slot {
    /// What it holds, in words that stay the same while its rule does.
    fn name(&self) -> String {
        match self {
            Self::Raise(_) => "raise".to_owned(),
            Self::Field(_) | Self::Entity(_) => format!("{self:?}"),
        }
    }
}
