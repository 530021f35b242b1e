//! `sekisho rules`: list, check and test.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result};
use sekisho_detect::rules::{RuleFolder, RuleSet};

use crate::cli::{Rules, RulesArgs};
use crate::context::{Bundle, surroundings};
use crate::rules::{RuleText, add, read_dir, run_tests, shipped};
use crate::settings::{self, Environment, Settings};

/// Lists, checks, tests or compares the rules.
pub(super) fn run(command: &Rules, environment: &Environment) -> Result<ExitCode> {
    let settings = test_settings()?;
    match command {
        Rules::List(args) => list(&texts(args, environment)?, &settings),
        Rules::Check(args) => check(&texts(args, environment)?, &settings),
        Rules::Test(args) => test(&texts(args, environment)?, &settings),
        Rules::Explain(args) => super::explain::run(args, environment),
        Rules::Backtest(args) => super::backtest::run(args, environment),
    }
}

/// The tests beside the rules are written for the default calendar, in Japan.
pub(super) fn test_settings() -> Result<Settings> {
    Ok(settings::parse(
        "zone = \"Asia/Tokyo\"",
        Path::new("(defaults)"),
        &Environment::new(),
    )?)
}

fn texts(args: &RulesArgs, environment: &Environment) -> Result<BTreeMap<String, RuleText>> {
    if let Some(dir) = &args.dir {
        return read_dir(dir).with_context(|| format!("cannot read the rules in {}", dir.display()));
    }
    let settings = super::settings(args.config.config.as_deref(), None, environment)?;
    of_settings(&settings)
}

/// The shipped rules, and those of one's own that the settings name; of two with one path, one's own.
pub(super) fn of_settings(settings: &Settings) -> Result<BTreeMap<String, RuleText>> {
    let bundle = Bundle::collect(&settings.context)?;
    let mut own = BTreeMap::new();
    for (name, bytes) in bundle.under("rules") {
        add(&mut own, name, bytes);
    }
    let mut texts = shipped();
    texts.extend(own);
    Ok(texts)
}

pub(super) fn compile(texts: &BTreeMap<String, RuleText>, settings: &Settings) -> RuleSet {
    let folders: Vec<RuleFolder> = texts
        .iter()
        .filter_map(|(path, text)| {
            let rule = text.rule.clone()?;
            Some(RuleFolder {
                path: path.clone(),
                rule,
                response_en: text.response_en.clone(),
                response_ja: text.response_ja.clone(),
            })
        })
        .collect();
    let sources: Vec<&str> = sekisho_formats::FORMATS.iter().map(|spec| spec.id).collect();
    RuleSet::compile(&folders, &sources, &surroundings(settings))
}

fn list(texts: &BTreeMap<String, RuleText>, settings: &Settings) -> Result<ExitCode> {
    let rules = compile(texts, settings);
    let mut out = anstream::stdout().lock();
    for rule in rules.rules().iter().filter(|rule| rule.alerts).map(|rule| &rule.info) {
        writeln!(
            out,
            "{:8} {:13} {:10} {:12} {} / {}",
            rule.id,
            rule.severity.name(),
            rule.route.name(),
            rule.family,
            rule.title.en,
            rule.title.ja
        )?;
    }
    Ok(ExitCode::SUCCESS)
}

fn check(texts: &BTreeMap<String, RuleText>, settings: &Settings) -> Result<ExitCode> {
    let rules = compile(texts, settings);
    let mut out = anstream::stdout().lock();
    for problem in rules.problems() {
        writeln!(out, "{problem}")?;
    }
    writeln!(
        out,
        "{} rules can run, {} problems",
        rules.rules().len(),
        rules.problems().len()
    )?;
    Ok(if rules.problems().is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn test(texts: &BTreeMap<String, RuleText>, settings: &Settings) -> Result<ExitCode> {
    let mut out = anstream::stdout().lock();
    let (mut passed, mut failed) = (0, 0);
    for (path, text) in texts {
        let (cases, failures) = run_tests(path, text, settings)?;
        for failure in &failures {
            writeln!(out, "FAILED {}\n       {}", failure.test, failure.message)?;
        }
        passed += cases.saturating_sub(failures.len());
        failed += failures.len();
    }
    writeln!(out, "{passed} passed, {failed} failed")?;
    Ok(if failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
