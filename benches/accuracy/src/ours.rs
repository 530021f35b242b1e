//! What Sekisho tells: incidents that reach a severity, and everything that it lists.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use sekisho_model::{Alert, Route, Severity};
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
    /// Whether the morning's digest lists its incident.
    in_digest: bool,
}

impl Case {
    /// How unfamiliar it is, in nats, reckoned back from how sure the alert is.
    pub(crate) fn nats(&self) -> f64 {
        let sure = (self.alert.score / 100.0).clamp(1e-9, 1.0 - 1e-9);
        9.0 + 1.5 * (sure / (1.0 - sure)).ln() + 1e-6
    }
}

/// An incident that was told.
#[derive(Debug)]
pub(crate) struct Told {
    pub(crate) about: Arc<str>,
    /// When it was told first.
    pub(crate) hours: f64,
    pub(crate) truth: Truth,
    /// Each message: when, and of which attacks something was known by then.
    messages: Vec<(f64, BTreeSet<u32>)>,
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
    /// When an incident was told.
    told: BTreeMap<String, Vec<f64>>,
    /// The incidents that the morning's digest lists.
    in_digest: BTreeSet<String>,
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

    /// What chat is told: message by message. One about an attack has some of its evidence; what joins an
    /// incident and is not told is not found.
    pub(crate) fn findings(&self) -> Vec<Finding> {
        let of_one = |told: &Told| {
            let about = Arc::clone(&told.about);
            let truth = told.truth;
            let finding = move |(hours, attacks): &(f64, BTreeSet<u32>)| Finding {
                about: Arc::clone(&about),
                hours: *hours,
                attacks: attacks.clone(),
                truth: match (attacks.is_empty(), truth) {
                    (false, _) => Truth::Attack,
                    (true, Truth::Attack) => Truth::False,
                    (true, truth) => truth,
                },
            };
            told.messages.iter().map(finding).collect::<Vec<_>>()
        };
        self.told.iter().flat_map(of_one).collect()
    }

    /// What chat is told or the digest of the next morning lists.
    pub(crate) fn in_chat_or_digest(&self) -> Vec<Finding> {
        let mut findings = self.findings();
        findings.extend(self.of_cases(|case| case.in_digest.then_some(0.0)));
        findings
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
                in_digest: false,
            });
            case.alert = alert.clone();
            if alert.route() == Route::Digest {
                self.in_digest.insert(alert.incident_id.clone());
            }
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
            if Route::Digest <= incident.route && Severity::Medium <= incident.severity {
                self.in_digest.insert(incident.incident_id.clone());
            }
            if TOLD_FROM <= incident.severity {
                loud.insert(incident.incident_id.as_str());
            }
        }
        for announcement in &findings.announcements {
            if loud.contains(announcement.incident_id.as_str()) {
                let hours = seconds(announcement.observed.0) / 3_600.0;
                self.pushes += u64::from(self.from <= hours);
                self.told
                    .entry(announcement.incident_id.clone())
                    .or_default()
                    .push(hours);
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
        let mut told: BTreeMap<String, Vec<f64>> = BTreeMap::new();
        for (incident, hours) in &self.told {
            told.entry(self.root(incident).to_owned()).or_default().extend(hours);
        }
        for hours in told.values_mut() {
            hours.sort_by(f64::total_cmp);
        }
        let in_digest: BTreeSet<&str> = self.in_digest.iter().map(|incident| self.root(incident)).collect();
        let in_digest: BTreeSet<String> = in_digest.into_iter().map(str::to_owned).collect();
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
        let mut incidents: BTreeMap<String, Told> = BTreeMap::new();
        for case in cases.values_mut() {
            (case.attacks, case.truth) = judge(world, case.records.iter().copied());
            case.steps = steps(world, case);
            let incident = self.root(&case.alert.incident_id);
            case.in_digest = in_digest.contains(incident);
            let Some(hours) = told.get(incident) else { continue };
            case.told = hours.first().copied();
            let incident = incidents.entry(incident.to_owned()).or_insert_with(|| Told {
                about: Arc::clone(&case.alert.entity.name),
                hours: hours.first().copied().unwrap_or_default(),
                truth: case.truth,
                messages: hours.iter().map(|hours| (*hours, BTreeSet::new())).collect(),
            });
            // What touches an attack is one; then the weather counts.
            incident.truth = incident.truth.min(case.truth);
            for (hours, known) in &mut incident.messages {
                let steps = case.steps.iter().filter(|(step, _)| *step <= *hours);
                known.extend(steps.flat_map(|(_, attacks)| attacks));
            }
        }
        Ours {
            told: incidents.into_values().collect(),
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
