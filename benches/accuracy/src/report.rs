//! The report, as Markdown.

use sekisho_simulate::{Class, Family};

use crate::run::{LISTED, MORNING, Results, THRESHOLDS, TOLD, alone, with_travel};
use crate::score::{Tally, Truth};
use crate::stats::{Share, float, quantile};

/// Everything that was run for the report.
pub(crate) struct Runs {
    pub(crate) takeovers: Results,
    pub(crate) small: Results,
    pub(crate) large: Results,
    pub(crate) stress: Results,
    pub(crate) two_bases: Results,
    pub(crate) scripted: Results,
    pub(crate) peace: Results,
    pub(crate) peace_small: Results,
}

fn untargeted(tally: &Tally) -> Share {
    tally.recall(|class| class.family() == Family::Takeover)
}

fn takeovers(tally: &Tally) -> Share {
    tally.recall(|class| matches!(class.family(), Family::Takeover | Family::Targeted))
}

fn commuters(tally: &Tally) -> Share {
    tally.recall(|class| class.family() == Family::KnownCountry)
}

/// The attacks whose course is known, that people must read about.
fn must_be_told(class: Class) -> bool {
    matches!(
        class,
        Class::Spray
            | Class::Stuffing
            | Class::SprayThenSuccess
            | Class::ForceThenSuccess
            | Class::FatigueDenied
            | Class::FatigueApproved
            | Class::Leaver
            | Class::ForwardRule
            | Class::MassMail
    )
}

fn line(text: &mut String, line: &str) {
    text.push_str(line);
    text.push('\n');
}

/// Systems side by side.
pub(crate) fn systems(results: &Results, peers_only: bool) -> String {
    let mut text = String::from(
        "| system | found, not targeted | found, all | false alerts / 1,000 user-days | a day and 100 people | false \
         messages / 1,000 user-days |\n|---|--:|--:|--:|--:|--:|\n",
    );
    for (name, tally) in &results.systems {
        if peers_only && name.starts_with("SK-201") && *name != alone(8) && *name != with_travel(8) {
            continue;
        }
        let row = format!(
            "| {name} | {} | {} | {} | {:.2} | {} |",
            untargeted(tally).cell(),
            takeovers(tally).cell(),
            tally.false_alerts.cell(),
            tally.false_alerts.value() / 10.0,
            tally.false_messages.cell(),
        );
        line(&mut text, &row);
    }
    text
}

/// Attacks by class: what was told and what was listed.
pub(crate) fn classes(results: &Results) -> String {
    let (told, morning, listed) = (results.system(TOLD), results.system(MORNING), results.system(LISTED));
    let mut text = String::from(
        "| attack | told in chat | in chat or the morning's digest | listed at all | what happens |\n|---|--:|--:|--:|---|\n",
    );
    for (class, share) in &told.classes {
        let of = |tally: &Tally| tally.classes.get(class).copied().unwrap_or_default();
        let (morning, listed) = (of(&morning), of(&listed));
        let row = format!(
            "| {} | {} of {} | {} of {} | {} of {} | {} |",
            class.name(),
            share.hits,
            share.of,
            morning.hits,
            morning.of,
            listed.hits,
            listed.of,
            class.describe(),
        );
        line(&mut text, &row);
    }
    text
}

/// Each rule: what its alerts were about.
pub(crate) fn rules(results: &[&Results]) -> String {
    let mut all = Results::default();
    for results in results {
        for (id, rule) in &results.rules {
            all.rules.entry(id.clone()).or_default().add(rule.clone());
        }
    }
    let mut text = String::from(
        "| rule | alerts about attacks | about the weather | false | of these told | attacks touched |\n|---|--:|--:|--:|--:|---|\n",
    );
    for (id, rule) in &all.rules {
        let of = |truth| rule.truths.get(&truth).copied().unwrap_or_default();
        let classes: Vec<String> = rule
            .classes
            .iter()
            .map(|(class, count)| format!("{} {count}", class.name()))
            .collect();
        let row = format!(
            "| {id} {} | {} | {} | {} | {} | {} |",
            rule.title,
            of(Truth::Attack),
            of(Truth::Weather),
            of(Truth::False),
            rule.false_told,
            classes.join(", "),
        );
        line(&mut text, &row);
    }
    text
}

/// What another threshold for the profile would give.
pub(crate) fn curve(results: &Results, commuting: Option<&Results>) -> String {
    let mut text = String::from(
        "| from so many nats | found, not targeted | found, all | false alerts / 1,000 user-days | or SK-202: found, all | \
         false alerts | from the country the person commutes to |\n|--:|--:|--:|--:|--:|--:|--:|\n",
    );
    for threshold in THRESHOLDS {
        let (alone, both) = (
            results.system(&alone(threshold)),
            results.system(&with_travel(threshold)),
        );
        let commuting = commuting.map(|results| commuters(&results.system(&with_travel(threshold))).cell());
        let row = format!(
            "| {threshold} | {} | {} | {} | {} | {} | {} |",
            untargeted(&alone).cell(),
            takeovers(&alone).cell(),
            alone.false_alerts.cell(),
            takeovers(&both).cell(),
            both.false_alerts.cell(),
            commuting.unwrap_or_default(),
        );
        line(&mut text, &row);
    }
    text
}

/// Messages in peace: a day on average, and on the busy ones of a hundred days.
fn peace(results: &Results) -> (f64, f64) {
    let mut daily: Vec<f64> = results.daily.iter().map(|count| float(*count)).collect();
    let days = float(u64::try_from(daily.len()).unwrap_or(1).max(1));
    (daily.iter().sum::<f64>() / days, quantile(&mut daily, 0.95))
}

/// Minutes from the first event to the message: in half of the cases, and in nine of ten.
fn delays(tally: &Tally) -> Option<(f64, f64)> {
    let mut delays = tally.delays.clone();
    (!delays.is_empty()).then(|| (quantile(&mut delays, 0.5), quantile(&mut delays, 0.9)))
}

/// What is told of commuters' accounts, and in peace.
pub(crate) fn in_short(two_bases: &Results, in_peace: &Results) -> String {
    let (mean, busy) = peace(in_peace);
    format!(
        "Of attacks from a country the person commutes to, {} are told. In peace {mean:.2} incidents a day are told, {busy:.0} on \
         the 95th of 100 days.",
        commuters(&two_bases.system(TOLD)).cell(),
    )
}

/// The size of the engine's state, as it is saved at the end of a run.
fn state(runs: &Runs) -> String {
    let mut text = String::from("| people | bytes | bytes a person |\n|--:|--:|--:|\n");
    for (people, results) in [(20, &runs.small), (100, &runs.takeovers), (300, &runs.large)] {
        let row = format!(
            "| {people} | {} | {} |",
            results.state_bytes,
            results.state_bytes / people
        );
        line(&mut text, &row);
    }
    text
}

/// The targets, and whether they are met.
fn targets(runs: &Runs) -> String {
    let mut text = String::from("| target | measured | met |\n|---|--:|---|\n");
    let mut row = |target: &str, measured: String, met: bool| {
        line(
            &mut text,
            &format!("| {target} | {measured} | {} |", if met { "yes" } else { "**no**" }),
        );
    };
    let told = runs.takeovers.system(TOLD);
    let (first, all) = (untargeted(&told), takeovers(&told));
    row(
        "takeovers that are not targeted: at least .97 found",
        first.cell(),
        0.97 <= first.value(),
    );
    row("all takeovers: at least .85 found", all.cell(), 0.85 <= all.value());
    let known = commuters(&runs.two_bases.system(TOLD));
    row(
        "from the country a person commutes to: at least .55",
        known.cell(),
        0.55 <= known.value(),
    );
    let rate = told.false_alerts;
    row(
        "at most 3.0 false alerts in 1,000 user-days",
        rate.cell(),
        rate.value() <= 3.0,
    );
    let rate = told.false_messages;
    row(
        "at most 2.2 false messages in 1,000 user-days",
        rate.cell(),
        rate.value() <= 2.2,
    );
    // The catalogue sends an attack on passwords that leads nowhere to the digest.
    let scripted = runs.scripted.system(MORNING).recall(must_be_told);
    row(
        "scripted attacks: at least .99 told in chat or in the next morning's digest",
        scripted.cell(),
        0.99 <= scripted.value(),
    );
    let in_peace = runs.scripted.in_peace;
    row(
        "none false in 30 peaceful days",
        format!("{in_peace} in {} runs", runs.scripted.daily.len() / 60),
        in_peace == 0,
    );
    let (mean, busy) = peace(&runs.peace);
    row(
        "100 people in peace: at most 0.5 messages a day",
        format!("{mean:.2}"),
        mean <= 0.5,
    );
    row("and at most 2 on 95 of 100 days", format!("{busy:.0}"), busy <= 2.0);
    let (mean, _) = peace(&runs.peace_small);
    row(
        "20 people in peace: at most 0.15 messages a day",
        format!("{mean:.2}"),
        mean <= 0.15,
    );
    let stress = runs.stress.system(TOLD).false_alerts;
    let ratio = stress.value() / told.false_alerts.value().max(0.01);
    row(
        "ten times as many wrong countries: false alerts at most × 1.7",
        format!("× {ratio:.2}"),
        ratio <= 1.7,
    );
    text
}

/// The whole report.
pub(crate) fn report(runs: &Runs, head: &str) -> String {
    let mut text = head.to_owned();
    let mut section = |title: &str, body: &str| {
        text.push_str("\n## ");
        text.push_str(title);
        text.push_str("\n\n");
        text.push_str(body);
    };
    section("Targets", &targets(runs));
    section(
        "Takeovers, beside the rules of others",
        &format!(
            "100 people, four months of which the first is for learning, 40 takeovers a run.\n\n{}",
            systems(&runs.takeovers, true)
        ),
    );
    section("Takeovers by class", &classes(&runs.takeovers));
    section(
        "Another threshold for the profile",
        &curve(&runs.takeovers, Some(&runs.two_bases)),
    );
    let mut sizes = String::from(
        "| people | found, not targeted | found, all | false alerts / 1,000 user-days | false messages / 1,000 user-days |\n|--:|--:|--:|--:|--:|\n",
    );
    let named = [
        ("20", &runs.small),
        ("100", &runs.takeovers),
        ("300", &runs.large),
        ("100, ten times as many wrong countries", &runs.stress),
    ];
    for (name, results) in named {
        let told = results.system(TOLD);
        let row = format!(
            "| {name} | {} | {} | {} | {} |",
            untargeted(&told).cell(),
            takeovers(&told).cell(),
            told.false_alerts.cell(),
            told.false_messages.cell(),
        );
        line(&mut sizes, &row);
    }
    section("Small and large firms, and a worse geo database", &sizes);
    section(
        "Attackers in a country the person commutes to",
        &format!(
            "15 people of 100 with a second base abroad, 30 takeovers a run from that country.\n\n{}",
            systems(&runs.two_bases, true)
        ),
    );
    section(
        "Attacks with a known course",
        &format!(
            "100 people, a month of learning, a month of peace, a month with four attacks of each class.\n\n{}",
            classes(&runs.scripted)
        ),
    );
    section("Time to detect, and peace", &times(runs));
    section("Rule by rule", &rules(&[&runs.takeovers, &runs.scripted, &runs.peace]));
    section(
        "State that the engine saves, at the end of the largest run",
        &state(runs),
    );
    section("Limits", LIMITS);
    text
}

fn times(runs: &Runs) -> String {
    let told = runs.takeovers.system(TOLD);
    let delay = match delays(&told) {
        Some((median, slow)) => format!("median {median:.0} minutes, 90 % within {slow:.0} minutes"),
        None => "none was told".to_owned(),
    };
    let (mean, busy) = peace(&runs.peace);
    let (small, _) = peace(&runs.peace_small);
    let about = |truth| runs.peace.messages.get(&truth).copied().unwrap_or_default();
    format!(
        "From the first event of a takeover to the message: {delay}. Of that, the source takes 5 minutes on average to write \
         the record (Entra), 20 (Google) or 45 (the audit log of Microsoft 365). In peace, a firm of 100 is told {mean:.2} incidents a day \
         ({busy:.0} on the 95th of 100 days), a firm of 20 {small:.2}; of the first, {} were about people at work and {} \
         about attempts from outside that led nowhere. Over {} user-days incidents spoke {} times in all.\n",
        about(Truth::False),
        about(Truth::Weather),
        runs.peace.user_days,
        runs.peace.pushes,
    )
}

/// What the numbers do not say.
const LIMITS: &str = "\
* The world is made up, and its makers know the detectors, though they share no code and no list. Its rates are those of
  `simulate/`, most of them estimates of our own; no real firm's log was used, and none can be promised these numbers.
* Attackers here do not adapt to what is watched. Programs and networks are fewer and cleaner than in reality.
* Forty takeovers in four months are a hundred times what a firm of 100 has. The shares found do not depend on it; what
  part of the messages is about real attacks does. At one takeover a year, a firm of 100 with two false alerts in 1,000
  user-days has some seventy false ones for each real one, which is why a message must be easy to answer.
* The rules of others are written after what their makers publish, with their defaults and no tuning, and are given the
  same geo database. A team that runs them would tune them. BuffaLogs runs without its gate by risk, which by its code
  would keep it silent.
* An alert counts as found if it rests on one event of the attack, and as false if it rests on none. False alerts of one
  person within 24 hours count once, for all systems alike; messages within 72 hours of each other are one.
* Seeds from 401 on are for this report and were not used for tuning; seeds up to 99 were.
";
