//! The detector of all Sigma rules: it evaluates every condition once per batch, tells of the rows
//! that match, and feeds them to the correlations.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use arrow_buffer::BooleanBuffer;
use sekisho_model::{Column, Detection, Entity, EventBatch, Evidence, RuleInfo, Snapshot, Time, Weight};

use crate::Detector;
use crate::correlation::{Carried, CorrelationRule, Dropped, Hot, Occurrence, Raise, Uid};
use crate::entity::EntityRule;
use crate::episode::waves;
use crate::explain::Written;
use crate::first_seen::{FirstSeen, NEW_FOR};
use crate::predicate::{Evaluation, Field, Leaves, Node, Reader};

/// Matches of a rule about single events that are no further apart than this are one episode.
pub const MATCH_GAP: Duration = Duration::from_hours(1);

/// A rule about single events, compiled.
#[derive(Debug)]
pub struct MatchRule {
    /// What a message needs to know of it.
    pub info: Arc<RuleInfo>,
    /// Whether it speaks for itself.
    pub alerts: bool,
    /// Which rows match.
    pub node: Node,
    /// Which rows weigh more, and how much.
    pub raises: Vec<(Node, Raise)>,
    /// Of the rows that match, which count.
    pub(crate) first_seen: Option<FirstSeen>,
    /// Who is suspected.
    pub entity: EntityRule,
    /// The correlations that refer to it.
    pub feeds: Vec<RowFeed>,
    /// As it was written, to explain it by.
    pub written: Written,
}

/// How the rows of a rule go into a correlation.
#[derive(Debug)]
pub struct RowFeed {
    /// The place of the correlation.
    pub correlation: usize,
    /// Which of its rules this is.
    pub position: u16,
    /// What fills the slots of an event.
    pub slots: Vec<RowSlot>,
}

/// What fills a slot of an event.
#[derive(Clone, Debug)]
pub enum RowSlot {
    /// The value of a field.
    Field(Field),
    /// The name of the entity.
    Entity(EntityRule),
    /// Which of these conditions hold: a bit for each.
    Kinds(Vec<Node>),
    /// Always empty.
    Nothing,
}

/// How the hot events of a correlation go into another.
#[derive(Debug)]
pub struct HotFeed {
    /// The place of the other correlation, which comes after this one.
    pub correlation: usize,
    /// Which of its rules this is.
    pub position: u16,
    /// For each of its slots, the slot here.
    pub slots: Vec<usize>,
}

/// All Sigma rules, with the state of the correlations.
#[derive(Debug, Default)]
pub struct SigmaDetector {
    /// The searches of all rules.
    pub leaves: Leaves,
    /// The rules about single events.
    pub rules: Vec<MatchRule>,
    /// The correlations and where their hot events go; those that are referred to come first.
    pub correlations: Vec<(CorrelationRule, Vec<HotFeed>)>,
}

impl SigmaDetector {
    /// What was dropped at a bound, by rule id, where anything was.
    pub fn dropped(&self) -> BTreeMap<Arc<str>, Dropped> {
        let correlations = self.correlations.iter();
        let correlations = correlations.map(|(rule, _)| (Arc::clone(&rule.spec.info.id), rule.dropped()));
        let remembered = self.rules.iter().filter_map(|rule| {
            let first_seen = rule.first_seen.as_ref()?;
            Some((Arc::clone(&rule.info.id), first_seen.dropped()))
        });
        correlations
            .chain(remembered)
            .filter(|(_, dropped)| *dropped != Dropped::default())
            .collect()
    }

    /// Passes what waits for each correlation on, and what time decided, in the order in which they
    /// refer to each other.
    fn correlate(&mut self, mut inboxes: Inboxes, now: Option<Time>, found: &mut Vec<Detection>) {
        for (place, (rule, feeds)) in self.correlations.iter_mut().enumerate() {
            let arrivals = inboxes.take(place);
            let mut hot = if arrivals.is_empty() {
                Vec::new()
            } else {
                rule.observe(arrivals)
            };
            if let Some(now) = now {
                hot.extend(rule.tick(now));
            }
            for feed in feeds.iter() {
                inboxes.put(feed.correlation, hot.iter().flat_map(|hot| feed.occurrences(hot)));
            }
            if rule.spec.alerts {
                found.extend(hot.into_iter().flat_map(|hot| rule.spec.detections(hot)));
            }
        }
    }
}

impl Detector for SigmaDetector {
    fn observe(&mut self, batch: &EventBatch, found: &mut Vec<Detection>) {
        let mut inboxes = Inboxes(vec![Vec::new(); self.correlations.len()]);
        let mut evaluation = Evaluation::new(&self.leaves, batch);
        let mut evidence = EvidenceOf {
            batch,
            known: vec![None; batch.len()],
        };
        for rule in &mut self.rules {
            let mut rows = evaluation.select(&rule.node);
            if rows.count_set_bits() == 0 {
                continue;
            }
            if let Some(first_seen) = &mut rule.first_seen {
                rows = first_seen.select(batch, &rows);
            }
            if rule.alerts {
                tell(rule, &mut evaluation, &rows, found);
            }
            for feed in &rule.feeds {
                let occurrences = feed.occurrences(&mut evaluation, &mut evidence, &rows);
                inboxes.put(feed.correlation, occurrences.into_iter());
            }
        }
        self.correlate(inboxes, None, found);
    }

    fn tick(&mut self, now: Time, found: &mut Vec<Detection>) {
        let inboxes = Inboxes(vec![Vec::new(); self.correlations.len()]);
        self.correlate(inboxes, Some(now), found);
    }

    fn forget_before(&mut self, horizon: Time) {
        for (rule, _) in &mut self.correlations {
            rule.forget_before(horizon);
        }
        for first_seen in self.rules.iter_mut().filter_map(|rule| rule.first_seen.as_mut()) {
            first_seen.forget_before(horizon);
        }
    }

    fn snapshot(&self, into: &mut Snapshot) -> Result<(), serde_json::Error> {
        self.correlations.iter().try_for_each(|(rule, _)| rule.snapshot(into))?;
        let mut remembered = self.rules.iter().filter_map(|rule| rule.first_seen.as_ref());
        remembered.try_for_each(|first_seen| first_seen.snapshot(into))
    }

    fn restore(&mut self, from: &Snapshot) {
        for (rule, _) in &mut self.correlations {
            rule.restore(from);
        }
        for first_seen in self.rules.iter_mut().filter_map(|rule| rule.first_seen.as_mut()) {
            first_seen.restore(from);
        }
    }
}

/// What waits for each correlation.
struct Inboxes(Vec<Vec<Occurrence>>);

impl Inboxes {
    fn put(&mut self, place: usize, occurrences: impl Iterator<Item = Occurrence>) {
        if let Some(inbox) = self.0.get_mut(place) {
            inbox.extend(occurrences);
        }
    }

    fn take(&mut self, place: usize) -> Vec<Occurrence> {
        self.0.get_mut(place).map(std::mem::take).unwrap_or_default()
    }
}

/// Tells of the rows that match a rule.
fn tell(rule: &MatchRule, evaluation: &mut Evaluation<'_>, rows: &BooleanBuffer, found: &mut Vec<Detection>) {
    let batch = evaluation.batch();
    let raised: Vec<(BooleanBuffer, Raise)> = rule
        .raises
        .iter()
        .map(|(node, raise)| (evaluation.select(node), *raise))
        .collect();
    let weight = |wave: &[usize]| {
        let holds = raised
            .iter()
            .filter(|(rows, _)| wave.iter().any(|row| rows.value(*row)));
        holds.fold(Weight::of(&rule.info), |weight, (_, raise)| raise.raise(weight))
    };
    let gap = if rule.first_seen.is_some() { NEW_FOR } else { MATCH_GAP };
    let mut entities: BTreeMap<(&str, Entity), Vec<usize>> = BTreeMap::new();
    for row in rows.set_indices() {
        let tenant = batch.text(Column::Tenant, row).unwrap_or_default();
        entities
            .entry((tenant, rule.entity.entity(batch, row)))
            .or_default()
            .push(row);
    }
    for ((tenant, entity), mut rows) in entities {
        rows.sort_by_key(|row| batch.believed_time(*row));
        for wave in waves(rows, gap, |row| batch.believed_time(*row)) {
            found.push(Detection {
                rule: Arc::clone(&rule.info),
                weight: weight(&wave),
                tenant: Arc::from(tenant),
                entity: entity.clone(),
                facts: std::iter::once(("count".to_owned(), wave.len().into()))
                    .chain(rule.first_seen.iter().flat_map(FirstSeen::facts))
                    .collect(),
                evidence: wave.into_iter().map(|row| Evidence::of(batch, row)).collect(),
                gap,
            });
        }
    }
}

/// What a message tells of the rows of a batch, made once for each row that is asked for.
struct EvidenceOf<'b> {
    batch: &'b EventBatch,
    known: Vec<Option<Arc<Evidence>>>,
}

impl EvidenceOf<'_> {
    fn get(&mut self, row: usize) -> Arc<Evidence> {
        match self.known.get_mut(row) {
            Some(known) => Arc::clone(known.get_or_insert_with(|| Arc::new(Evidence::of(self.batch, row)))),
            None => Arc::new(Evidence::of(self.batch, row)),
        }
    }
}

/// A slot, ready to be read from a batch.
enum SlotReader<'b> {
    Field(Reader<'b>),
    Entity(EntityRule),
    Kinds(Vec<BooleanBuffer>),
    Nothing,
}

impl<'b> SlotReader<'b> {
    fn of(slot: &RowSlot, evaluation: &mut Evaluation<'b>) -> Self {
        match slot {
            RowSlot::Field(field) => Self::Field(field.reader(evaluation.batch())),
            RowSlot::Entity(entity) => Self::Entity(*entity),
            RowSlot::Kinds(nodes) => Self::Kinds(nodes.iter().map(|node| evaluation.select(node)).collect()),
            RowSlot::Nothing => Self::Nothing,
        }
    }

    fn get(&self, batch: &EventBatch, row: usize) -> Option<Arc<str>> {
        match self {
            Self::Field(reader) => reader.text(row).map(|text| Arc::from(&*text)),
            Self::Entity(entity) => entity.name(batch, row).map(Arc::from),
            Self::Kinds(rows) => {
                let bits = rows
                    .iter()
                    .rev()
                    .fold(0_u32, |bits, rows| (bits << 1) | u32::from(rows.value(row)));
                (bits != 0).then(|| Arc::from(bits.to_string()))
            }
            Self::Nothing => None,
        }
    }
}

impl RowFeed {
    /// The rows as events of the correlation.
    fn occurrences(
        &self,
        evaluation: &mut Evaluation<'_>,
        evidence: &mut EvidenceOf<'_>,
        rows: &BooleanBuffer,
    ) -> Vec<Occurrence> {
        let batch = evidence.batch;
        let readers: Vec<SlotReader<'_>> = self.slots.iter().map(|slot| SlotReader::of(slot, evaluation)).collect();
        rows.set_indices()
            .map(|row| Occurrence {
                tenant: Arc::from(batch.text(Column::Tenant, row).unwrap_or_default()),
                time: batch.believed_time(row),
                uid: Uid::of(batch.text(Column::EventUid, row).unwrap_or_default()),
                position: self.position,
                carried: Carried {
                    slots: readers.iter().map(|reader| reader.get(batch, row)).collect(),
                    evidence: evidence.get(row),
                },
            })
            .collect()
    }
}

impl HotFeed {
    /// Hot events as events of the other correlation.
    fn occurrences<'h>(&'h self, hot: &'h Hot) -> impl Iterator<Item = Occurrence> + 'h {
        hot.events.iter().map(move |(time, uid, carried)| Occurrence {
            tenant: Arc::clone(&hot.tenant),
            time: *time,
            uid: *uid,
            position: self.position,
            carried: Carried {
                evidence: Arc::clone(&carried.evidence),
                slots: self
                    .slots
                    .iter()
                    .map(|slot| carried.slots.get(*slot).cloned().flatten())
                    .collect(),
            },
        })
    }
}
