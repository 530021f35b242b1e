//! Measures how many attacks on a simulated firm are found, and how many false alerts it costs.
//!
//! * `accuracy [SEEDS [PEOPLE]]` runs so many of the seeds for tuning and prints what comes of it.
//! * `accuracy detail SEED` names every attack that was missed and every false alarm that was told.
//! * `accuracy report [SEEDS]` runs the seeds for reporting and writes `benches/ACCURACY.md`.

mod detail;
mod event;
mod feed;
mod ours;
mod peers;
mod report;
mod run;
mod score;
mod stats;

use std::fs;
use std::io::Write;
use std::ops::RangeInclusive;
use std::process::Command;

use feed::{Failure, ROOT, rule_folders};
use report::Runs;
use run::{Plan, Results, run};
use sekisho_detect::RuleFolder;
use sekisho_simulate::{REPORT_SEEDS, Scenario, TUNING_SEEDS, WRONG_COUNTRY_STRESS};

/// Seeds of a usual report.
const SEEDS: u64 = 10;

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |place: usize, otherwise: u64| match arguments.get(place) {
        Some(text) => text.parse().map_err(|_| format!("`{text}`, expected a number")),
        None => Ok(otherwise),
    };
    let folders = rule_folders()?;
    match arguments.first().map(String::as_str) {
        Some("report") => write_report(&folders, number(1, SEEDS)?),
        Some("detail") => detail::detail(&folders, number(1, *TUNING_SEEDS.start())?),
        _ => tune(&folders, number(0, 2)?, usize::try_from(number(1, 100)?)?),
    }
}

/// The first seeds of a range.
fn first(of: &RangeInclusive<u64>, count: u64) -> RangeInclusive<u64> {
    *of.start()..=(of.start() + count.max(1) - 1).min(*of.end())
}

fn tune(folders: &[RuleFolder], seeds: u64, people: usize) -> Result<(), Failure> {
    let plan = |scenario, peers| Plan {
        scenario,
        people,
        seeds: first(&TUNING_SEEDS, seeds),
        wrong_country: None,
        peers,
    };
    let takeovers = run(&plan(Scenario::Takeovers, true), folders)?;
    let scripted = run(&plan(Scenario::Scripted, false), folders)?;
    let two_bases = run(&plan(Scenario::TwoBases, false), folders)?;
    let peace = run(&plan(Scenario::Peace, false), folders)?;
    say(&report::systems(&takeovers, false))?;
    say(&report::classes(&takeovers))?;
    say(&report::classes(&scripted))?;
    say(&report::curve(&takeovers, Some(&two_bases)))?;
    say(&report::rules(&[&takeovers, &scripted, &peace]))?;
    say(&report::in_short(&two_bases, &peace))?;
    say(&format!(
        "{} incidents were told in the peaceful days of the second scenario.",
        scripted.in_peace
    ))
}

fn write_report(folders: &[RuleFolder], seeds: u64) -> Result<(), Failure> {
    let range = first(&REPORT_SEEDS, seeds);
    let run_of = |scenario, people, wrong_country: Option<f64>, peers| -> Result<Results, Failure> {
        // Three times the people are three times the user-days.
        let seeds = if people > 100 {
            first(&REPORT_SEEDS, seeds.div_ceil(3))
        } else {
            range.clone()
        };
        let plan = Plan {
            scenario,
            people,
            seeds,
            wrong_country,
            peers,
        };
        run(&plan, folders)
    };
    let runs = Runs {
        takeovers: run_of(Scenario::Takeovers, 100, None, true)?,
        small: run_of(Scenario::Takeovers, 20, None, false)?,
        large: run_of(Scenario::Takeovers, 300, None, false)?,
        stress: run_of(Scenario::Takeovers, 100, Some(WRONG_COUNTRY_STRESS), false)?,
        two_bases: run_of(Scenario::TwoBases, 100, None, true)?,
        scripted: run_of(Scenario::Scripted, 100, None, false)?,
        peace: run_of(Scenario::Peace, 100, None, false)?,
        peace_small: run_of(Scenario::Peace, 20, None, false)?,
    };
    let head = format!(
        "# How right Sekisho is\n\n\
         Measured on {}, commit {}, with\n\n```\ncargo run --release -p sekisho-accuracy -- report {seeds}\n```\n\n\
         on the made-up firms of `simulate/`, seeds {} to {}: {} records in the runs of the first table, over {} user-days. \
         A *user-day* is a day of a person who works for the firm, after 30 days of learning. In brackets: 95 % intervals, \
         Wilson's for shares and Poisson's for rates.\n",
        jiff::Zoned::now().date(),
        commit(),
        range.start(),
        range.end(),
        runs.takeovers.records,
        runs.takeovers.user_days,
    );
    fs::write(format!("{ROOT}/benches/ACCURACY.md"), report::report(&runs, &head))?;
    say("wrote benches/ACCURACY.md")
}

/// The commit that is measured.
fn commit() -> String {
    let git = |arguments: &[&str]| {
        let output = Command::new("git").arg("-C").arg(ROOT).args(arguments).output().ok()?;
        Some(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    let head = git(&["rev-parse", "--short", "HEAD"]).unwrap_or_default();
    let clean = git(&["status", "--porcelain", "--untracked-files=no"]).is_some_and(|changes| changes.is_empty());
    format!("{head}{}", if clean { "" } else { " with changes" })
}

/// Prints a text.
pub(crate) fn say(text: &str) -> Result<(), Failure> {
    Ok(writeln!(std::io::stdout(), "{text}")?)
}
