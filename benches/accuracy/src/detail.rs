//! Every attack that was missed and every false alarm, one by one: what to look at when tuning.

use sekisho_detect::RuleFolder;
use sekisho_simulate::{Label, Scenario, Settings, World};

use crate::feed::{Failure, Fed, feed};
use crate::ours::{Case, Ours};
use crate::say;
use crate::score::{Truth, hours};

/// How many records of an attack are shown.
const RECORDS_SHOWN: usize = 3;

/// Prints the details of one seed.
pub(crate) fn detail(folders: &[RuleFolder], seed: u64) -> Result<(), Failure> {
    for scenario in [Scenario::Takeovers, Scenario::Scripted] {
        let world = World::new(Settings::usual(scenario, 100, seed));
        let fed = feed(&world, folders)?;
        let ours = Ours::of(&world, &fed);
        say(&format!("\n# {scenario:?}, seed {seed}\n\n## Missed"))?;
        missed(&world, &ours, &fed)?;
        say("\n## False, and told")?;
        let from = hours(world.counts_from());
        let told = |case: &&Case| case.truth == Truth::False && case.told.is_some_and(|told| from <= told);
        for case in ours.cases.iter().filter(told) {
            let alert = &case.alert;
            let facts = serde_json::to_string(&alert.facts)?;
            say(&format!(
                "* {} {} {} {} to {}, score {:.0}: {facts}",
                alert.rule.id,
                alert.entity.name,
                alert.severity.name(),
                alert.first_time,
                alert.last_time,
                alert.score,
            ))?;
        }
    }
    Ok(())
}

fn missed(world: &World, ours: &Ours, fed: &Fed) -> Result<(), Failure> {
    for attack in &world.attacks {
        let of_it = |case: &&Case| case.attacks.contains(&attack.number);
        let cases: Vec<&Case> = ours.cases.iter().filter(of_it).collect();
        if cases.iter().any(|case| case.told.is_some()) {
            continue;
        }
        let rules: Vec<String> = cases
            .iter()
            .map(|case| format!("{} ({:.0})", case.alert.rule.id, case.alert.score))
            .collect();
        say(&format!(
            "* {} of {}, {}; listed by {rules:?}",
            attack.class.name(),
            attack.user.as_deref().unwrap_or("many"),
            sekisho_model::Time::from_millis(attack.begins),
        ))?;
        let label = Some(Label::Attack(attack.number));
        let events = fed
            .events
            .iter()
            .filter(|event| world.records.get(event.record).map(|record| record.label) == label);
        for event in events.take(RECORDS_SHOWN) {
            say(&format!(
                "  - {} {} {:?} {:?} {}",
                event.source, event.ip, event.country, event.city, event.kind
            ))?;
        }
    }
    Ok(())
}
