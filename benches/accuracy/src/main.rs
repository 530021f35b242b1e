//! Measures how many attacks on a simulated firm are found, and how many false alerts it costs.

mod event;
mod feed;
mod ours;
mod peers;
mod score;
mod stats;

use std::collections::BTreeMap;
use std::io::Write;

use feed::{Failure, feed, rule_folders};
use ours::{Ours, RuleTally, by_rule};
use score::{Finding, Tally, Truth, judge, tally};
use sekisho_simulate::{Class, Family, Scenario, Settings, World};

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let seeds: u64 = arguments.first().map_or(Ok(2), |text| text.parse())?;
    let people: usize = arguments.get(1).map_or(Ok(100), |text| text.parse())?;
    let folders = rule_folders()?;
    let mut rules: BTreeMap<String, RuleTally> = BTreeMap::new();
    let mut systems: Vec<(String, Tally)> = Vec::new();
    for scenario in [Scenario::Takeovers, Scenario::Scripted] {
        for seed in 1..=seeds {
            let world = World::new(Settings::usual(scenario, people, seed));
            let fed = feed(&world, &folders)?;
            let ours = Ours::of(&world, &fed);
            for (id, rule) in by_rule(&world, &ours) {
                let into = rules.entry(id).or_default();
                into.title = rule.title;
                into.false_told += rule.false_told;
                for (truth, count) in rule.truths {
                    *into.truths.entry(truth).or_default() += count;
                }
                for (class, count) in rule.classes {
                    *into.classes.entry(class).or_default() += count;
                }
            }
            let mut put = |name: &str, findings: &[Finding]| {
                let tally = tally(&world, findings);
                match systems.iter_mut().find(|(known, _)| known == name) {
                    Some((_, known)) => known.add(&tally),
                    None => systems.push((name.to_owned(), tally)),
                }
            };
            put(&format!("{scenario:?} told"), &ours.findings());
            put(&format!("{scenario:?} listed"), &ours.listed());
            let told = ours
                .told
                .iter()
                .filter(|told| score::hours(world.counts_from()) <= told.hours);
            let mut messages: BTreeMap<Truth, u64> = BTreeMap::new();
            for told in told {
                *messages.entry(told.truth).or_default() += 1;
            }
            say(&format!(
                "{scenario:?} seed {seed}: {} records, {} events, {} alerts, messages {messages:?}, pushes {}",
                world.records.len(),
                fed.events.len(),
                ours.cases.len(),
                ours.pushes
            ))?;
            if scenario == Scenario::Takeovers {
                for entry in peers::all() {
                    let mut peer = (entry.make)();
                    let mut events: Vec<&event::Event> = fed.events.iter().collect();
                    if entry.order == peers::Order::Time {
                        events.sort_by(|a, b| a.hours.total_cmp(&b.hours));
                    }
                    let findings: Vec<Finding> = events
                        .iter()
                        .filter_map(|event| {
                            let records = peer.see(event)?;
                            let (attacks, truth) = judge(&world, records.into_iter());
                            Some(Finding {
                                about: event.person.clone(),
                                hours: event.arrived,
                                attacks,
                                truth,
                            })
                        })
                        .collect();
                    put(entry.name, &findings);
                }
            }
        }
    }
    for (name, tally) in &systems {
        say(&format!(
            "{name:55} non-targeted {} all {} scripted {} FA {} messages {} weather {}",
            tally.recall(|class| class.family() == Family::Takeover).cell(),
            tally
                .recall(|class| matches!(class.family(), Family::Takeover | Family::Targeted))
                .cell(),
            tally.recall(|class| class.family() == Family::Scripted).cell(),
            tally.false_alerts.cell(),
            tally.false_messages.cell(),
            tally.weather.cell(),
        ))?;
    }
    for (name, tally) in &systems[..4.min(systems.len())] {
        say(name)?;
        for (class, share) in &tally.classes {
            say(&format!("  {:22} {}/{}", class.name(), share.hits, share.of))?;
        }
    }
    for (id, rule) in &rules {
        let classes: Vec<String> = rule
            .classes
            .iter()
            .map(|(class, count)| format!("{} {count}", Class::name(*class)))
            .collect();
        say(&format!(
            "{id:8} {:40} {:?} told false {} | {}",
            rule.title,
            rule.truths,
            rule.false_told,
            classes.join(", ")
        ))?;
    }
    Ok(())
}

fn say(line: &str) -> Result<(), Failure> {
    Ok(writeln!(std::io::stdout(), "{line}")?)
}
