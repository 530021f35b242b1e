//! The published rules, when they are at hand: `SEKISHO_CORPORA` names the folder that holds
//! `sigma-rules.tar.gz`.

#![expect(
    clippy::disallowed_methods,
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "a test that reports"
)]

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::Path;

use sekisho_sigma::{Document, parse};

/// Every `(path, text)` of the archive.
fn published_rules(folder: &Path) -> Vec<(String, String)> {
    let file = std::fs::File::open(folder.join("sigma-rules.tar.gz")).unwrap();
    let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(file));
    let mut rules = Vec::new();
    for entry in archive.entries().unwrap() {
        let mut entry = entry.unwrap();
        let path = entry.path().unwrap().display().to_string();
        if Path::new(&path).extension().is_some_and(|extension| extension == "yml") {
            let mut text = String::new();
            entry.read_to_string(&mut text).unwrap();
            rules.push((path, text));
        }
    }
    rules
}

#[test]
fn nearly_every_published_rule_can_be_read() {
    let Ok(folder) = std::env::var("SEKISHO_CORPORA") else {
        eprintln!("skipped: SEKISHO_CORPORA is not set");
        return;
    };
    let rules = published_rules(Path::new(&folder));
    assert!(rules.len() > 3_000, "the archive has {} rules", rules.len());

    let mut read = 0;
    let mut kinds: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for (path, text) in &rules {
        let parsed = parse(path, text);
        read += usize::from(parsed.problems.is_empty() && matches!(parsed.documents.as_slice(), [Document::Rule(_)]));
        for problem in parsed.problems {
            kinds.entry(problem.kind.name()).or_default().push(problem.to_string());
        }
    }

    eprintln!("{read} of {} published rules can be read", rules.len());
    for (kind, problems) in &kinds {
        eprintln!("{kind}: {}", problems.len());
        problems.iter().take(5).for_each(|problem| eprintln!("  {problem}"));
    }
    // What remains are placeholders, which need lists that a rule alone does not have.
    let placeholders = kinds.get("placeholder").map_or(0, Vec::len);
    assert_eq!(read + placeholders, rules.len());
}

#[test]
fn damaged_rules_are_problems_and_never_a_panic() {
    let Ok(folder) = std::env::var("SEKISHO_CORPORA") else {
        eprintln!("skipped: SEKISHO_CORPORA is not set");
        return;
    };
    for (path, text) in published_rules(Path::new(&folder)).iter().step_by(37) {
        let chars: Vec<char> = text.chars().collect();
        for cut in (0..chars.len()).step_by(97) {
            let start: String = chars.iter().take(cut).collect();
            let end: String = chars.iter().skip(cut).collect();
            for damaged in [&start, &end] {
                let parsed = parse(path, damaged);
                assert!(
                    !parsed.documents.is_empty() || !parsed.problems.is_empty(),
                    "{path} cut at {cut}"
                );
            }
        }
    }
}
