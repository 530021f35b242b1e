//! Compiling rules about single events, filters and native rules.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use sekisho_model::{Bilingual, Column, Projection, Route, RuleInfo, Severity};
use sekisho_sigma::{Document, Escalation, Filter, FilterTarget, Level, Meta, NativeRule, Problem, ProblemKind, Rule};

use super::correlate::Correlator;
use super::registry::{Item, Registry, problem};
use super::{CompiledRule, RuleFolder, RuleSet, Scope};
use crate::cases::risk::families;
use crate::correlation::Raise;
use crate::entity::EntityRule;
use crate::explain::Written;
use crate::first_seen::{FirstSeen, FirstSeenSpec};
use crate::native::{self, Surroundings};
use crate::predicate::{CompileError, Leaves, Node};
use crate::sigma_match::{MatchRule, RowSlot, SigmaDetector};

/// A problem that is among the others already.
pub(super) struct Told;

/// Compilation under way.
pub(super) struct Builder<'a> {
    pub(super) folders: &'a [RuleFolder],
    pub(super) registry: Registry,
    known_sources: &'a [&'a str],
    pub(super) surroundings: &'a Surroundings,
    pub(super) set: RuleSet,
    /// The rules about single events that are compiled: by place of the document, the place of the
    /// rule and its scope.
    pub(super) matches: BTreeMap<usize, (usize, Scope)>,
    /// The documents that correlations refer to; whether they also speak for themselves.
    pub(super) referred: BTreeMap<usize, bool>,
}

pub(super) fn compile(folders: &[RuleFolder], known_sources: &[&str], surroundings: &Surroundings) -> RuleSet {
    let mut problems = Vec::new();
    let registry = Registry::read(folders, &surroundings.lists, &mut problems);
    let mut builder = Builder {
        folders,
        registry,
        known_sources,
        surroundings,
        set: RuleSet {
            sigma: SigmaDetector {
                leaves: Leaves::in_zone(surroundings.zone.clone()),
                ..SigmaDetector::default()
            },
            problems,
            ..RuleSet::empty(surroundings.zone.clone())
        },
        matches: BTreeMap::new(),
        referred: BTreeMap::new(),
    };
    builder.refer();
    let filters = builder.filters();
    for place in 0..builder.registry.items.len() {
        let Some(item) = builder.registry.items.get(place) else {
            continue;
        };
        match &item.document {
            Document::Rule(rule) => {
                let rule = rule.clone();
                let empty = Vec::new();
                builder.add_match(place, &rule, filters.get(&place).unwrap_or(&empty));
            }
            Document::Native(native) => {
                let native = native.clone();
                builder.add_native(place, &native);
            }
            Document::Correlation(_) | Document::Filter(_) => {}
        }
    }
    let mut set = Correlator::new(builder).run();
    set.projection = Projection::new(native_paths(&set));
    set
}

/// Every native path that is read, by searches or by correlations.
fn native_paths(set: &RuleSet) -> BTreeSet<Arc<str>> {
    let mut paths: BTreeSet<Arc<str>> = set.sigma.leaves.native_paths().into_iter().collect();
    for slot in set
        .sigma
        .rules
        .iter()
        .flat_map(|rule| rule.feeds.iter())
        .flat_map(|feed| feed.slots.iter())
    {
        if let RowSlot::Field(field) = slot {
            paths.extend(field.native_paths().map(Arc::clone));
        }
    }
    let remembered = set.sigma.rules.iter().filter_map(|rule| rule.first_seen.as_ref());
    for field in remembered.flat_map(FirstSeen::fields) {
        paths.extend(field.native_paths().map(Arc::clone));
    }
    paths
}

impl Builder<'_> {
    /// Tells a problem of a document.
    pub(super) fn complain(&mut self, place: usize, line: u32, kind: ProblemKind, message: impl Into<String>) {
        if let Some(item) = self.registry.items.get(place) {
            let problem: Problem = problem(self.folders, item, line, kind, message.into());
            self.set.problems.push(problem);
        }
    }

    /// Finds which documents correlations refer to.
    fn refer(&mut self) {
        for item in &self.registry.items {
            let Document::Correlation(correlation) = &item.document else {
                continue;
            };
            let absent = correlation.meta.extension.absent.as_ref().map(|absent| &absent.rule);
            let places = correlation
                .rules
                .iter()
                .chain(absent)
                .filter_map(|rule| self.registry.find(item.folder, rule).ok());
            for place in places {
                *self.referred.entry(place).or_default() |= correlation.generate;
            }
        }
    }

    /// Whether a document speaks for itself.
    pub(super) fn alerts(&self, place: usize) -> bool {
        self.referred.get(&place).copied().unwrap_or(true)
    }

    /// The filters for each document.
    fn filters(&mut self) -> BTreeMap<usize, Vec<Filter>> {
        let mut filters: BTreeMap<usize, Vec<Filter>> = BTreeMap::new();
        let mut wrong = Vec::new();
        for (place, item) in self.registry.items.iter().enumerate() {
            let Document::Filter(filter) = &item.document else {
                continue;
            };
            for target in self.targets(item.folder, filter) {
                match target {
                    Ok(target) => filters.entry(target).or_default().push(filter.clone()),
                    Err(message) => wrong.push((place, message)),
                }
            }
        }
        for (place, message) in wrong {
            let line = self
                .registry
                .items
                .get(place)
                .map_or(0, |item| item.document.meta().line);
            self.complain(place, line, ProblemKind::UnknownRule, message);
        }
        filters
    }

    /// The documents that a filter is added to.
    fn targets(&self, folder: usize, filter: &Filter) -> Vec<Result<usize, String>> {
        let rules = match &filter.target {
            FilterTarget::Any => return self.of_logsource(filter).into_iter().map(Ok).collect(),
            FilterTarget::Rules(rules) => rules,
        };
        let target = |rule: &String| {
            let place = self.registry.find(folder, rule)?;
            let item = self.registry.items.get(place);
            item.is_some_and(|item| matches!(item.document, Document::Rule(_)))
                .then_some(place)
                .ok_or_else(|| format!("`{rule}` is no rule about single events, which alone can be filtered"))
        };
        rules.iter().map(target).collect()
    }

    fn of_logsource(&self, filter: &Filter) -> Vec<usize> {
        let same = |item: &Item| matches!(&item.document, Document::Rule(rule) if rule.meta.logsource == filter.meta.logsource);
        (0..self.registry.items.len())
            .filter(|place| self.registry.items.get(*place).is_some_and(same))
            .collect()
    }

    fn add_match(&mut self, place: usize, rule: &Rule, filters: &[Filter]) {
        let line = rule.meta.line;
        let scope = match Scope::of(&rule.meta.logsource, self.known_sources) {
            Ok(scope) => scope,
            Err(message) => return self.complain(place, line, ProblemKind::Logsource, message),
        };
        let Ok(entity) = self.entity(place, &rule.meta) else {
            return;
        };
        let node = match self.node(rule, filters, &scope) {
            Ok(node) => node,
            Err(error) => return self.complain(place, error.line, error.kind, error.message),
        };
        if let Err(message) = self.check_raises(place, &scope) {
            return self.complain(place, line, ProblemKind::Field, message);
        }
        let first_seen = match first_seen(rule, &scope) {
            Ok(first_seen) => first_seen,
            Err(message) => return self.complain(place, line, ProblemKind::Field, message),
        };
        let Some(info) = self.info(place, &rule.meta, "match") else {
            return;
        };
        let raises = self.raise_nodes(place, &scope).into_iter();
        let raises = raises.zip(&rule.meta.extension.escalate);
        let raises = raises.map(|(node, one)| (node, raise(one, &info))).collect();
        let alerts = self.alerts(place);
        self.list(place, &info, scope.sources().map(<[String]>::to_vec), alerts);
        self.matches.insert(place, (self.set.sigma.rules.len(), scope.clone()));
        let first_seen = first_seen.map(|spec| FirstSeen::new(spec, &info));
        self.set.sigma.rules.push(MatchRule {
            info,
            alerts,
            node,
            raises,
            first_seen,
            entity: entity.unwrap_or(EntityRule::Any),
            feeds: Vec::new(),
            written: Written::new(rule, filters, scope),
        });
    }

    /// The document's escalations as conditions over the sources of `scope`; those that cannot be
    /// compiled there never hold.
    pub(super) fn raise_nodes(&mut self, place: usize, scope: &Scope) -> Vec<Node> {
        let escalations = self.escalations(place);
        let leaves = &mut self.set.sigma.leaves;
        let compiled = escalations.iter().map(|one| leaves.compile_search(&one.when, scope));
        compiled.map(|node| node.unwrap_or(Node::Any(Vec::new()))).collect()
    }

    /// Whether the document's escalations can be compiled over the sources of `scope`.
    pub(super) fn check_raises(&self, place: usize, scope: &Scope) -> Result<(), String> {
        let mut leaves = Leaves::default();
        let escalations = self.escalations(place);
        escalations
            .iter()
            .try_for_each(|one| leaves.compile_search(&one.when, scope).map(drop))
            .map_err(|error| format!("`x-sekisho.escalate`: {}", error.message))
    }

    fn escalations(&self, place: usize) -> Vec<Escalation> {
        let item = self.registry.items.get(place);
        item.map_or_else(Vec::new, |item| item.document.meta().extension.escalate.clone())
    }

    fn node(&mut self, rule: &Rule, filters: &[Filter], scope: &Scope) -> Result<Node, CompileError> {
        let mut parts = vec![self.set.sigma.leaves.compile(&rule.detection, scope)?];
        for filter in filters {
            let name = filter.meta.key();
            let part = self
                .set
                .sigma
                .leaves
                .compile(&filter.detection, scope)
                .map_err(|mut error| {
                    error.message = format!("the filter `{name}`: {}", error.message);
                    error.line = 0;
                    error
                })?;
            parts.push(part);
        }
        Ok(if parts.len() == 1 {
            parts.swap_remove(0)
        } else {
            Node::All(parts)
        })
    }

    fn add_native(&mut self, place: usize, rule: &NativeRule) {
        let Some(info) = self.info(place, &rule.meta, &rule.detector) else {
            return;
        };
        match native::make(&rule.detector, Arc::clone(&info), &rule.parameters, self.surroundings) {
            Ok(detector) => {
                self.set.natives.push(detector);
                self.list(place, &info, None, true);
            }
            Err(error) => self.complain(place, rule.line, ProblemKind::Native, error.to_string()),
        }
    }

    /// The column of `x-sekisho.entity`, if it is given; an error, told already, if it is wrong.
    pub(super) fn entity(&mut self, place: usize, meta: &Meta) -> Result<Option<EntityRule>, Told> {
        let Some(name) = &meta.entity else { return Ok(None) };
        Column::by_name(name)
            .map(|column| Some(EntityRule::of(column)))
            .ok_or_else(|| {
                let message = format!("`x-sekisho.entity` is `{name}`, expected a column such as user_name or src_ip");
                self.complain(place, meta.line, ProblemKind::Field, message);
                Told
            })
    }

    /// Lists a rule that runs.
    pub(super) fn list(&mut self, place: usize, info: &Arc<RuleInfo>, sources: Option<Vec<String>>, alerts: bool) {
        let folder = self
            .registry
            .items
            .get(place)
            .and_then(|item| self.folders.get(item.folder));
        let path = folder.map(|folder| folder.path.clone()).unwrap_or_default();
        self.set.rules.push(CompiledRule {
            info: Arc::clone(info),
            path,
            sources,
            alerts,
        });
    }

    /// What a message needs to know of a rule; `None` if it speaks but has no id.
    pub(super) fn info(&mut self, place: usize, meta: &Meta, kind: &str) -> Option<Arc<RuleInfo>> {
        if meta.id.is_none() && self.alerts(place) {
            let message = "the rule has no `id`, expected `SK-nnn` or a UUID, or a correlation that refers to it";
            self.complain(place, meta.line, ProblemKind::Missing, message);
            return None;
        }
        if let Some(family) = meta
            .family
            .as_deref()
            .filter(|family| !families().any(|known| known == *family))
        {
            let known: Vec<&str> = families().collect();
            let message = format!("`x-sekisho.family` is `{family}`, expected one of {}", known.join(", "));
            self.complain(place, meta.line, ProblemKind::Value, message);
        }
        let item = self.registry.items.get(place)?;
        let folder = self.folders.get(item.folder)?;
        Some(Arc::new(RuleInfo {
            id: Arc::from(item.key.as_str()),
            major: meta.major,
            title: Bilingual {
                en: meta.title.clone(),
                ja: meta.title_ja.clone().unwrap_or_default(),
            },
            severity: severity(meta.level),
            route: meta.route.map_or_else(|| Route::of(severity(meta.level)), route),
            family: meta.family.clone().unwrap_or_else(|| "other".to_owned()),
            kind: kind.to_owned(),
            probability: meta.probability.unwrap_or_else(|| probability(meta.level)),
            attack: meta.attack(),
            response: Bilingual {
                en: folder.response_en.clone().unwrap_or_default(),
                ja: folder.response_ja.clone().unwrap_or_default(),
            },
        }))
    }
}

fn route(route: sekisho_sigma::Route) -> Route {
    match route {
        sekisho_sigma::Route::Dashboard => Route::Dashboard,
        sekisho_sigma::Route::Digest => Route::Digest,
        sekisho_sigma::Route::Incident => Route::Incident,
        sekisho_sigma::Route::Page => Route::Page,
    }
}

/// What an escalation makes a detection of the rule weigh: a level that says nothing of the
/// probability is as likely as rules of that level are.
pub(super) fn raise(escalation: &Escalation, info: &RuleInfo) -> Raise {
    let likely = escalation.probability.or(escalation.level.map(probability));
    Raise {
        severity: escalation.level.map_or(info.severity, severity),
        probability: likely.unwrap_or(info.probability),
    }
}

fn first_seen(rule: &Rule, scope: &Scope) -> Result<Option<FirstSeenSpec>, String> {
    let Some(written) = &rule.meta.extension.first_seen else {
        return Ok(None);
    };
    let fields = |names: &[String]| names.iter().map(|name| scope.field(name)).collect::<Result<_, _>>();
    Ok(Some(FirstSeenSpec {
        fields: fields(&written.fields)?,
        by: fields(&written.by)?,
        days: written.days,
        min_events: written.min_events,
        label: written.fields.first().cloned().unwrap_or_default(),
        names: format!("{:?} {:?}", written.fields, written.by),
    }))
}

fn severity(level: Level) -> Severity {
    match level {
        Level::Informational => Severity::Informational,
        Level::Low => Severity::Low,
        Level::Medium => Severity::Medium,
        Level::High => Severity::High,
        Level::Critical => Severity::Critical,
    }
}

/// The probability of a rule that does not say: what its level promises.
fn probability(level: Level) -> f64 {
    match level {
        Level::Informational => 0.02,
        Level::Low => 0.05,
        Level::Medium => 0.15,
        Level::High => 0.4,
        Level::Critical => 0.8,
    }
}
