//! Runs over many seeds, added up.

use std::collections::BTreeMap;
use std::io::Write;
use std::ops::RangeInclusive;
use std::sync::Arc;

use sekisho_detect::RuleFolder;
use sekisho_simulate::{Scenario, Settings, World};

use crate::event::Event;
use crate::feed::{Failure, feed};
use crate::ours::{Ours, RuleTally, by_rule};
use crate::peers::{self, Order};
use crate::score::{Finding, Tally, Truth, hours, judge, tally};

/// The rule of the profile of a person, and the one of travel.
const PROFILE: &str = "SK-201";
const TRAVEL: &str = "SK-202";
/// The thresholds for the profile that are tried, in nats.
pub(crate) const THRESHOLDS: [u8; 7] = [5, 6, 7, 8, 9, 10, 11];

/// What to run.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) scenario: Scenario,
    pub(crate) people: usize,
    pub(crate) seeds: RangeInclusive<u64>,
    /// The share of fixed lines that are placed in another country, if not the usual.
    pub(crate) wrong_country: Option<f64>,
    /// Whether others' rules are run too.
    pub(crate) peers: bool,
}

/// What came of it.
#[derive(Debug, Default)]
pub(crate) struct Results {
    pub(crate) systems: Vec<(String, Tally)>,
    pub(crate) rules: BTreeMap<String, RuleTally>,
    /// Incidents that were told, by what they were about.
    pub(crate) messages: BTreeMap<Truth, u64>,
    /// How often they spoke in all.
    pub(crate) pushes: u64,
    pub(crate) user_days: u64,
    /// Of each day that counts, how many incidents were told that were no attack.
    pub(crate) daily: Vec<u64>,
    /// Incidents told in peace before the first attack, other than about the weather.
    pub(crate) in_peace: u64,
    pub(crate) records: u64,
    /// The most bytes that the engine saved at the end of a run.
    pub(crate) state_bytes: usize,
}

/// The names of our own systems.
pub(crate) const TOLD: &str = "**Sekisho, what chat is told**";
pub(crate) const MORNING: &str = "Sekisho, chat or the next morning's digest";
pub(crate) const LISTED: &str = "Sekisho, dashboard included";
const TRAVEL_ALONE: &str = "Sekisho, SK-202 alone";

/// Runs a plan.
pub(crate) fn run(plan: &Plan, folders: &[RuleFolder]) -> Result<Results, Failure> {
    let mut results = Results::default();
    for seed in plan.seeds.clone() {
        let mut settings = Settings::usual(plan.scenario, plan.people, seed);
        settings.wrong_country = plan.wrong_country.unwrap_or(settings.wrong_country);
        let world = World::new(settings);
        let fed = feed(&world, folders)?;
        let ours = Ours::of(&world, &fed);
        results.own(&world, &ours);
        results.state_bytes = results.state_bytes.max(fed.state_bytes);
        if plan.peers {
            results.others(&world, &fed.events);
        }
        let told: Vec<String> = ours.told.iter().map(|told| format!("{:?}", told.truth)).collect();
        writeln!(
            std::io::stderr(),
            "{:?}, {} people, seed {seed}: {} records, {} alerts, {} messages",
            plan.scenario,
            plan.people,
            world.records.len(),
            ours.cases.len(),
            told.len(),
        )?;
    }
    Ok(results)
}

impl Results {
    /// How a system did.
    pub(crate) fn system(&self, name: &str) -> Tally {
        let known = self.systems.iter().find(|(known, _)| known == name);
        known.map(|(_, tally)| tally.clone()).unwrap_or_default()
    }

    fn put(&mut self, world: &World, name: &str, findings: &[Finding]) {
        let tally = tally(world, findings);
        match self.systems.iter_mut().find(|(known, _)| known == name) {
            Some((_, known)) => known.add(&tally),
            None => self.systems.push((name.to_owned(), tally)),
        }
    }

    fn own(&mut self, world: &World, ours: &Ours) {
        self.put(world, TOLD, &ours.findings());
        self.put(world, MORNING, &ours.in_chat_or_digest());
        self.put(world, LISTED, &ours.listed());
        for threshold in THRESHOLDS {
            let reaches = |case: &crate::ours::Case| f64::from(threshold) <= case.nats();
            let profile = |case: &crate::ours::Case| &*case.alert.rule.id == PROFILE && reaches(case);
            self.put(world, &alone(threshold), &ours.some(profile));
            let travel = |case: &crate::ours::Case| &*case.alert.rule.id == TRAVEL;
            self.put(
                world,
                &with_travel(threshold),
                &ours.some(|case| profile(case) || travel(case)),
            );
        }
        self.put(world, TRAVEL_ALONE, &ours.some(|case| &*case.alert.rule.id == TRAVEL));
        for (id, rule) in by_rule(world, ours) {
            self.rules.entry(id).or_default().add(rule);
        }
        self.messages(world, ours);
        self.records += u64::try_from(world.records.len()).unwrap_or_default();
    }

    fn messages(&mut self, world: &World, ours: &Ours) {
        let from = hours(world.counts_from());
        let attacks = hours(world.attacks_from());
        let days = usize::try_from(world.settings.days - sekisho_simulate::LEARNING_DAYS).unwrap_or_default();
        let mut daily = vec![0; days];
        for told in ours.told.iter().filter(|told| from <= told.hours) {
            *self.messages.entry(told.truth).or_default() += 1;
            self.in_peace += u64::from(told.truth == Truth::False && told.hours < attacks);
            let day =
                (0..days).find(|day| told.hours < from + 24.0 * crate::stats::float((day + 1).try_into().unwrap_or(0)));
            if let Some(day) = day.and_then(|day| daily.get_mut(day))
                && told.truth != Truth::Attack
            {
                *day += 1;
            }
        }
        self.daily.extend(daily);
        self.pushes += ours.pushes;
        self.user_days += world.user_days;
    }

    fn others(&mut self, world: &World, events: &[Event]) {
        let mut by_time: Vec<&Event> = events.iter().collect();
        by_time.sort_by(|one, other| one.hours.total_cmp(&other.hours));
        let arrived: Vec<&Event> = events.iter().collect();
        for entry in peers::all() {
            let mut peer = (entry.make)();
            let events = if entry.order == Order::Time { &by_time } else { &arrived };
            let found = events.iter().filter_map(|event| {
                let (attacks, truth) = judge(world, peer.see(event)?.into_iter());
                Some(Finding {
                    about: Arc::clone(&event.person),
                    hours: event.arrived,
                    attacks,
                    truth,
                })
            });
            let found: Vec<Finding> = found.collect();
            self.put(world, entry.name, &found);
        }
    }
}

/// The name of the profile alone, from a threshold on.
pub(crate) fn alone(threshold: u8) -> String {
    format!("SK-201 from {threshold} nats, alone")
}

/// The name of the profile from a threshold on, or travel.
pub(crate) fn with_travel(threshold: u8) -> String {
    format!("SK-201 from {threshold} nats, or SK-202")
}
