//! What Sekisho tells: incidents that reach a severity, and everything that it lists.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use sekisho_model::{Alert, Severity};
use sekisho_simulate::{Class, World};

use crate::event::seconds;
use crate::feed::Fed;
use crate::score::{Finding, Truth, judge};

/// From which severity a channel is told, unless it is set otherwise.
pub(crate) const TOLD_FROM: Severity = Severity::High;

/// An alert with all that it rests on.
#[derive(Debug)]
pub(crate) struct Case {
    pub(crate) alert: Alert,
    pub(crate) records: BTreeSet<usize>,
    /// Each time evidence was added: when, in hours, and which.
    updates: Vec<(f64, Vec<usize>)>,
    /// When it told something new: of attacks, with evidence of which it was added; otherwise, when it
    /// was opened, for what is added to it later is told to nobody.
    steps: Vec<(f64, BTreeSet<u32>)>,
    pub(crate) attacks: BTreeSet<u32>,
    pub(crate) truth: Truth,
    /// When its incident was told, if it was.
    pub(crate) told: Option<f64>,
}

impl Case {
    /// How unfamiliar it is, in nats, reckoned back from how sure the alert is.
    pub(crate) fn nats(&self) -> f64 {
        let sure = (self.alert.score / 100.0).clamp(1e-9, 1.0 - 1e-9);
        9.0 + 1.5 * (sure / (1.0 - sure)).ln() + 1e-6
    }
}

/// An incident.
#[derive(Debug)]
pub(crate) struct Told {
    /// When it was told.
    pub(crate) hours: f64,
    pub(crate) truth: Truth,
}

/// What was found in the logs of a firm.
#[derive(Debug)]
pub(crate) struct Ours {
    pub(crate) cases: Vec<Case>,
    /// The incidents that were told.
    pub(crate) told: Vec<Told>,
    /// How often they spoke.
    pub(crate) pushes: u64,
}

#[derive(Default)]
struct Gathered {
    cases: BTreeMap<String, Case>,
    /// Into what an alert or an incident was merged.
    merged: HashMap<String, String>,
    /// When an incident was told first.
    told: BTreeMap<String, f64>,
    /// From when on it counts how often they speak.
    from: f64,
    pushes: u64,
}

impl Ours {
    /// Puts together what was found batch by batch.
    pub(crate) fn of(world: &World, fed: &Fed) -> Self {
        let mut gathered = Gathered {
            from: crate::score::hours(world.counts_from()),
            ..Gathered::default()
        };
        for findings in &fed.findings {
            gathered.hear(findings, &fed.records);
        }
        gathered.settle(world)
    }

    /// What a channel is told.
    pub(crate) fn findings(&self) -> Vec<Finding> {
        self.of_cases(|case| case.told)
    }

    /// Everything, also what is only listed.
    pub(crate) fn listed(&self) -> Vec<Finding> {
        self.of_cases(|_| Some(0.0))
    }

    /// What some alerts would tell if each spoke for itself.
    pub(crate) fn some(&self, of: impl Fn(&Case) -> bool) -> Vec<Finding> {
        self.of_cases(|case| of(case).then_some(0.0))
    }

    /// The steps of cases, each not before its case is told.
    fn of_cases(&self, told: impl Fn(&Case) -> Option<f64>) -> Vec<Finding> {
        let mut findings = Vec::new();
        for case in &self.cases {
            let Some(told) = told(case) else { continue };
            findings.extend(case.steps.iter().map(|(hours, attacks)| Finding {
                about: Arc::clone(&case.alert.entity.name),
                hours: hours.max(told),
                attacks: attacks.clone(),
                truth: case.truth,
            }));
        }
        findings
    }
}

impl Gathered {
    fn hear(&mut self, findings: &sekisho_model::Findings, records: &HashMap<String, usize>) {
        for update in &findings.alerts {
            let alert = &update.alert;
            if let Some(into) = &alert.merged_into {
                self.merged.insert(alert.alert_id.clone(), into.clone());
            }
            let fresh: Vec<usize> = update
                .evidence
                .iter()
                .filter_map(|evidence| records.get(&evidence.event_uid).copied())
                .collect();
            let observed = update.evidence.iter().map(|evidence| evidence.observed.0).max();
            let case = self.cases.entry(alert.alert_id.clone()).or_insert_with(|| Case {
                alert: alert.clone(),
                records: BTreeSet::new(),
                updates: Vec::new(),
                steps: Vec::new(),
                attacks: BTreeSet::new(),
                truth: Truth::False,
                told: None,
            });
            case.alert = alert.clone();
            case.records.extend(&fresh);
            if let Some(observed) = observed {
                case.updates.push((seconds(observed) / 3_600.0, fresh));
            }
        }
        let mut loud = BTreeSet::new();
        for incident in &findings.incidents {
            if let Some(into) = &incident.merged_into {
                self.merged.insert(incident.incident_id.clone(), into.clone());
            }
            if TOLD_FROM <= incident.severity {
                loud.insert(incident.incident_id.as_str());
            }
        }
        for announcement in &findings.announcements {
            if loud.contains(announcement.incident_id.as_str()) {
                let hours = seconds(announcement.observed.0) / 3_600.0;
                self.pushes += u64::from(self.from <= hours);
                self.told.entry(announcement.incident_id.clone()).or_insert(hours);
            }
        }
    }

    /// What a thing is part of in the end.
    fn root<'a>(&'a self, id: &'a str) -> &'a str {
        let mut id = id;
        while let Some(into) = self.merged.get(id) {
            id = into;
        }
        id
    }

    fn settle(mut self, world: &World) -> Ours {
        let mut told: BTreeMap<String, f64> = BTreeMap::new();
        for (incident, hours) in &self.told {
            let first = told.entry(self.root(incident).to_owned()).or_insert(*hours);
            *first = first.min(*hours);
        }
        let mut cases = std::mem::take(&mut self.cases);
        let moved: Vec<(String, String)> = cases
            .keys()
            .map(|id| (id.clone(), self.root(id).to_owned()))
            .filter(|(id, root)| id != root)
            .collect();
        for (id, root) in moved {
            if let (Some(case), Some(root)) = (cases.remove(&id), cases.get_mut(&root)) {
                root.records.extend(case.records);
                root.updates.extend(case.updates);
            }
        }
        let mut truths: BTreeMap<String, Truth> = BTreeMap::new();
        for case in cases.values_mut() {
            (case.attacks, case.truth) = judge(world, case.records.iter().copied());
            case.steps = steps(world, case);
            let incident = self.root(&case.alert.incident_id);
            case.told = told.get(incident).copied();
            let truth = truths.entry(incident.to_owned()).or_insert(Truth::False);
            // What touches an attack is one; then the weather counts.
            *truth = (*truth).min(case.truth);
        }
        let told = told.iter().map(|(incident, hours)| Told {
            hours: *hours,
            truth: truths.get(incident).copied().unwrap_or(Truth::False),
        });
        Ours {
            told: told.collect(),
            cases: cases.into_values().collect(),
            pushes: self.pushes,
        }
    }
}

/// When a case told something new, and about which attacks.
fn steps(world: &World, case: &Case) -> Vec<(f64, BTreeSet<u32>)> {
    let attacks = |records: &[usize]| judge(world, records.iter().copied()).0;
    let updates = case.updates.iter().map(|(hours, records)| (*hours, attacks(records)));
    if case.truth == Truth::Attack {
        return updates.filter(|(_, attacks)| !attacks.is_empty()).collect();
    }
    updates
        .min_by(|one, other| one.0.total_cmp(&other.0))
        .into_iter()
        .collect()
}

/// What a rule did.
#[derive(Clone, Debug, Default)]
pub(crate) struct RuleTally {
    pub(crate) title: String,
    /// Alerts by what they were about.
    pub(crate) truths: BTreeMap<Truth, u64>,
    /// False alerts whose incident was told.
    pub(crate) false_told: u64,
    /// How many attacks of each class it touched.
    pub(crate) classes: BTreeMap<Class, u64>,
}

impl RuleTally {
    pub(crate) fn add(&mut self, other: Self) {
        self.title = other.title;
        self.false_told += other.false_told;
        for (truth, count) in other.truths {
            *self.truths.entry(truth).or_default() += count;
        }
        for (class, count) in other.classes {
            *self.classes.entry(class).or_default() += count;
        }
    }
}

/// Counts the alerts of each rule after learning.
pub(crate) fn by_rule(world: &World, ours: &Ours) -> BTreeMap<String, RuleTally> {
    let from = crate::score::hours(world.counts_from());
    let mut rules: BTreeMap<String, RuleTally> = BTreeMap::new();
    let mut touched: BTreeMap<String, BTreeSet<u32>> = BTreeMap::new();
    for case in &ours.cases {
        if case.updates.iter().all(|(hours, _)| *hours < from) {
            continue;
        }
        let id = case.alert.rule.id.to_string();
        touched.entry(id.clone()).or_default().extend(&case.attacks);
        let rule = rules.entry(id).or_default();
        rule.title.clone_from(&case.alert.rule.title.en);
        *rule.truths.entry(case.truth).or_default() += 1;
        rule.false_told += u64::from(case.truth == Truth::False && case.told.is_some());
    }
    for (id, attacks) in touched {
        let Some(rule) = rules.get_mut(&id) else { continue };
        for attack in &world.attacks {
            if attacks.contains(&attack.number) {
                *rule.classes.entry(attack.class).or_default() += 1;
            }
        }
    }
    rules
}
