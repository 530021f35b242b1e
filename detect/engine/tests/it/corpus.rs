//! The published rules, when they are at hand: `SEKISHO_CORPORA` names the folder that holds
//! `sigma-rules.tar.gz`.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::Path;

use sekisho_detect::{ProblemKind, RuleFolder, RuleSet, Surroundings};

use crate::common::SOURCES;

/// The rules of the archive.
pub(crate) fn published_rules(folder: &Path) -> Vec<RuleFolder> {
    let file = std::fs::File::open(folder.join("sigma-rules.tar.gz")).unwrap();
    let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(file));
    let mut rules = Vec::new();
    for entry in archive.entries().unwrap() {
        let mut entry = entry.unwrap();
        let path = entry.path().unwrap().display().to_string();
        if Path::new(&path).extension().is_some_and(|extension| extension == "yml") {
            let mut rule = String::new();
            entry.read_to_string(&mut rule).unwrap();
            rules.push(RuleFolder {
                path,
                rule,
                ..RuleFolder::default()
            });
        }
    }
    rules
}

#[test]
pub(crate) fn published_rules_run_or_say_why_not() {
    let Ok(folder) = std::env::var("SEKISHO_CORPORA") else {
        eprintln!("skipped: SEKISHO_CORPORA is not set");
        return;
    };
    let rules = published_rules(Path::new(&folder));
    let surroundings = Surroundings::of(jiff::tz::TimeZone::UTC);
    let set = RuleSet::compile(&rules, &SOURCES, &surroundings);

    let mut kinds: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for problem in set.problems() {
        kinds.entry(problem.kind.name()).or_default().push(problem.to_string());
    }
    eprintln!(
        "{} of {} published rules run over {}",
        set.rules().len(),
        rules.len(),
        SOURCES.join(", ")
    );
    for (kind, problems) in &kinds {
        eprintln!("{kind}: {}", problems.len());
        problems.iter().take(3).for_each(|problem| eprintln!("  {problem}"));
    }
    assert_eq!(
        set.rules().len() + set.problems().len(),
        rules.len(),
        "a rule runs or has one problem"
    );
    assert!(
        set.problems()
            .iter()
            .all(|problem| matches!(problem.kind, ProblemKind::Logsource | ProblemKind::Field))
    );
    assert!(set.rules().len() > 50);
}

/// Every rule compiled as if it were about one source that has any field: what the language itself
/// cannot run.
#[test]
fn nearly_every_published_condition_compiles() {
    let Ok(folder) = std::env::var("SEKISHO_CORPORA") else {
        eprintln!("skipped: SEKISHO_CORPORA is not set");
        return;
    };
    let mut rules = published_rules(Path::new(&folder));
    for folder in &mut rules {
        let logsource = "\nlogsource: {product: m365, service: audit}\nignored:";
        folder.rule = folder.rule.replace("\nlogsource:", logsource);
    }
    let surroundings = Surroundings::of(jiff::tz::TimeZone::UTC);
    let set = RuleSet::compile(&rules, &SOURCES, &surroundings);

    for problem in set.problems() {
        eprintln!("{}: {problem}", problem.kind.name());
    }
    eprintln!("{} of {} published conditions compile", set.rules().len(), rules.len());
    assert!(set.problems().iter().all(|problem| problem.kind == ProblemKind::Regex));
    assert!(set.problems().len() * 100 < rules.len());
}
