//! The architecture, as tests.
#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::case_sensitive_file_extension_comparisons,
    clippy::excessive_nesting,
    reason = "a test says what is wrong by failing"
)]

mod catalogue;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use toml::Table;

/// Every crate, and the crates of ours that it may depend on. An edge that is not here does not
/// belong here: change ARCHITECTURE.md first.
const LAYERS: &[(&str, &[&str])] = &[
    ("sekisho-model", &[]),
    ("sekisho-sigma", &[]),
    ("sekisho-formats", &["sekisho-model"]),
    ("sekisho-enrich", &["sekisho-model"]),
    ("sekisho-detect", &["sekisho-model", "sekisho-sigma"]),
    ("sekisho-pipeline", &["sekisho-model"]),
    ("sekisho-sources", &["sekisho-model", "sekisho-pipeline"]),
    ("sekisho-store", &["sekisho-model", "sekisho-pipeline"]),
    ("sekisho-alert", &["sekisho-model", "sekisho-pipeline"]),
    ("sekisho-simulate", &[]),
    (
        "sekisho-accuracy",
        &[
            "sekisho-detect",
            "sekisho-enrich",
            "sekisho-formats",
            "sekisho-model",
            "sekisho-simulate",
        ],
    ),
    (
        "sekisho-benches",
        &[
            "sekisho-detect",
            "sekisho-enrich",
            "sekisho-formats",
            "sekisho-model",
            "sekisho-pipeline",
            "sekisho-sources",
        ],
    ),
    ("sekisho-fuzz", &["sekisho-formats", "sekisho-model", "sekisho-sources"]),
    ("sekisho-tidy", &[]),
];

/// Crates that only the named crates of ours may depend on.
const CONFINED: &[(&str, &[&str])] = &[
    ("datafusion", &["sekisho-store"]),
    ("deltalake-core", &["sekisho-store"]),
    ("maxminddb", &["sekisho-enrich"]),
    ("rdkafka", &["sekisho-sources"]),
    ("axum", &["sekisho-sources", "sekisho-alert", "sekisho"]),
];

/// Crates that stay free of a runtime and of I/O, so that their tests build in seconds.
const PURE: &[&str] = &[
    "sekisho-model",
    "sekisho-sigma",
    "sekisho-formats",
    "sekisho-enrich",
    "sekisho-detect",
    "sekisho-simulate",
];

/// The most lines of a source file: what a reader can hold.
const FILE_LINES_MAX: usize = 500;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Every crate of ours, with the crates it depends on (not counting those of its tests).
fn crates() -> Vec<(String, Vec<String>)> {
    let read = |path: &Path| -> Table {
        let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        text.parse()
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    };
    let program = read(&root().join("Cargo.toml"));
    let members = program["workspace"]["members"]
        .as_array()
        .expect("the workspace has members")
        .clone();
    let mut manifests = vec![program];
    for member in members {
        manifests.push(read(
            &root()
                .join(member.as_str().expect("a member is a path"))
                .join("Cargo.toml"),
        ));
    }
    manifests
        .into_iter()
        .map(|manifest| {
            let name = manifest["package"]["name"]
                .as_str()
                .expect("a package has a name")
                .to_owned();
            let uses = manifest.get("dependencies").and_then(|table| table.as_table());
            (
                name,
                uses.map(|table| table.keys().cloned().collect()).unwrap_or_default(),
            )
        })
        .collect()
}

#[test]
fn a_crate_depends_only_on_the_layers_below_it() {
    let layers: BTreeMap<_, _> = LAYERS.iter().copied().collect();
    for (name, uses) in crates() {
        if name == "sekisho" {
            continue; // the program is the only crate that knows all others
        }
        let allowed = layers
            .get(name.as_str())
            .unwrap_or_else(|| panic!("{name} has no place in LAYERS"));
        for used in uses.iter().filter(|used| used.starts_with("sekisho")) {
            assert!(allowed.contains(&used.as_str()), "{name} must not depend on {used}");
        }
    }
}

#[test]
fn heavy_crates_stay_where_they_belong() {
    for (name, uses) in crates() {
        for used in &uses {
            if let Some((_, allowed)) = CONFINED.iter().find(|(confined, _)| confined == used) {
                assert!(
                    allowed.contains(&name.as_str()),
                    "{name} must not depend on {used}: it is confined to {allowed:?}"
                );
            }
            let runtime = ["tokio", "tokio-util", "futures", "reqwest", "rusqlite"].contains(&used.as_str());
            assert!(
                !(runtime && PURE.contains(&name.as_str())),
                "{name} is pure and must not depend on {used}"
            );
        }
    }
}

fn rust_files() -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let mut folders = vec![root()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder is readable").flatten() {
            let path = entry.path();
            let name = entry.file_name();
            if path.is_dir() {
                if name != "target" && name != ".git" {
                    folders.push(path);
                }
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).expect("a source file is UTF-8");
                found.push((path, text));
            }
        }
    }
    assert!(found.len() > 20, "the sources were found");
    found
}

fn is_test(path: &Path) -> bool {
    path.components()
        .any(|part| part.as_os_str() == "tests" || part.as_os_str() == "benches")
        || path.file_stem().is_some_and(|stem| stem == "tests")
}

#[test]
fn the_environment_is_read_only_by_the_program() {
    let program = root().join("src");
    for (path, text) in rust_files() {
        if is_test(&path) || path.starts_with(&program) {
            continue;
        }
        let code = text.split("#[cfg(test)]").next().unwrap_or_default();
        assert!(
            !code.contains("env::var"),
            "{} reads the environment; settings belong to src/",
            path.display()
        );
    }
}

#[test]
fn a_file_can_be_read_in_one_sitting() {
    for (path, text) in rust_files().into_iter().filter(|(path, _)| !is_test(path)) {
        let lines = text.lines().count();
        assert!(
            lines <= FILE_LINES_MAX,
            "{} has {lines} lines, {FILE_LINES_MAX} at most",
            path.display()
        );
    }
}

#[test]
fn a_rule_is_a_folder_with_tests_and_responses_in_both_languages() {
    let mut rules = 0;
    for theme in fs::read_dir(root().join("rules")).expect("rules/ exists").flatten() {
        if !theme.path().is_dir() {
            continue;
        }
        for rule in fs::read_dir(theme.path()).expect("a theme is readable").flatten() {
            rules += 1;
            for file in ["rule.yml", "tests.yml", "response.md", "response.ja.md"] {
                assert!(
                    rule.path().join(file).is_file(),
                    "{} has no {file}",
                    rule.path().display()
                );
            }
        }
    }
    assert!(rules >= 12, "{rules} rules");
}

/// A telephone shows about three lines of a step; the places to click come after the three steps.
#[test]
fn a_response_begins_with_three_steps_that_a_telephone_shows() {
    const STEP_CHARS_MAX: usize = 64;
    let is_place = |line: &str| line.contains('→');
    for theme in fs::read_dir(root().join("rules")).expect("rules/ exists").flatten() {
        if !theme.path().is_dir() {
            continue;
        }
        for rule in fs::read_dir(theme.path()).expect("a theme is readable").flatten() {
            let read = |file| fs::read_to_string(rule.path().join(file)).expect("a response is readable");
            let [ja, en] = ["response.ja.md", "response.md"].map(read);
            let name = rule.path().display().to_string();
            assert_eq!(
                ja.lines().count(),
                en.lines().count(),
                "{name}: as many lines in both languages"
            );
            for (count, line) in ja.lines().enumerate() {
                assert_eq!(3 <= count, is_place(line), "{name}: three steps, then places: {line}");
                assert!(
                    3 <= count || line.chars().count() <= STEP_CHARS_MAX,
                    "{name}: too long: {line}"
                );
            }
        }
    }
}

#[test]
fn every_sample_log_has_its_expected_rows_beside_it() {
    let mut samples = 0;
    for folder in fs::read_dir(root().join("sample-logs"))
        .expect("sample-logs/ exists")
        .flatten()
    {
        if !folder.path().is_dir() || folder.file_name() == "geo" {
            continue;
        }
        for file in fs::read_dir(folder.path())
            .expect("a sample folder is readable")
            .flatten()
        {
            let name = file.file_name().to_string_lossy().into_owned();
            if name.ends_with("expected.ndjson")
                || !(name.ends_with(".log") || name.ends_with(".ndjson") || name.ends_with(".json"))
            {
                continue;
            }
            samples += 1;
            let source = name.rsplit_once('.').map_or(name.as_str(), |(source, _)| source);
            // A folder of one source has one file of rows.
            let expected = [format!("{source}.expected.ndjson"), "expected.ndjson".to_owned()];
            let stands = |name: &String| folder.path().join(name).is_file();
            assert!(
                expected.iter().any(stands),
                "{} has no rows beside it",
                file.path().display()
            );
        }
    }
    assert!(samples >= 6, "{samples} samples");
}

#[test]
fn the_readme_has_the_same_sections_in_both_languages() {
    let sections = |file: &str| -> usize {
        let text = fs::read_to_string(root().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"));
        text.lines().filter(|line| line.starts_with("## ")).count()
    };
    assert_eq!(sections("README.md"), sections("README.ja.md"));
}
