//! Where rules come from: the program itself, and a folder of one's own.

use std::collections::BTreeMap;
use std::path::Path;

use include_dir::{Dir, include_dir};
use sekisho_detect::rules::RuleFolder;

/// The shipped rules, as they were when the program was built.
static SHIPPED: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/rules");

/// The texts of one rule's folder.
#[derive(Clone, Debug, Default)]
pub(crate) struct RuleText {
    /// The rule.
    pub(crate) rule: Option<String>,
    /// Its tests.
    pub(crate) tests: Option<String>,
    /// What to do, in English.
    pub(crate) response_en: Option<String>,
    /// What to do, in Japanese.
    pub(crate) response_ja: Option<String>,
}

/// The shipped rules, by the path of their folder.
pub(crate) fn shipped() -> BTreeMap<String, RuleText> {
    let mut rules = BTreeMap::new();
    let mut folders = vec![&SHIPPED];
    while let Some(folder) = folders.pop() {
        folders.extend(folder.dirs());
        for file in folder.files() {
            let name = format!("rules/{}", file.path().display());
            add(&mut rules, &name, file.contents());
        }
    }
    rules
}

/// The rules of a folder, by the path of theirs.
pub(crate) fn read_dir(folder: &Path) -> std::io::Result<BTreeMap<String, RuleText>> {
    let mut rules = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else {
                add(&mut rules, &path.display().to_string(), &std::fs::read(&path)?);
            }
        }
    }
    Ok(rules)
}

/// Adds a file to the folder of its rule; files that belong to no rule are left out.
pub(crate) fn add(rules: &mut BTreeMap<String, RuleText>, name: &str, bytes: &[u8]) {
    let Some((folder, file)) = name.rsplit_once('/') else {
        return;
    };
    let text = Some(String::from_utf8_lossy(bytes).into_owned());
    let single = || {
        file.strip_suffix(".yml")
            .or_else(|| file.strip_suffix(".yaml"))
            .map(|_| name.to_owned())
    };
    match file {
        "rule.yml" => rules.entry(folder.to_owned()).or_default().rule = text,
        "tests.yml" => rules.entry(folder.to_owned()).or_default().tests = text,
        "response.md" => rules.entry(folder.to_owned()).or_default().response_en = text,
        "response.ja.md" => rules.entry(folder.to_owned()).or_default().response_ja = text,
        // A public Sigma rule is a single file.
        _ => {
            if let Some(path) = single() {
                rules.entry(path).or_default().rule = text;
            }
        }
    }
}

/// What the engine compiles. Of two rules at the same path, the own one counts.
pub(crate) fn folders(own: BTreeMap<String, RuleText>) -> Vec<RuleFolder> {
    let mut rules = shipped();
    rules.extend(own);
    rules
        .into_iter()
        .filter_map(|(path, text)| {
            Some(RuleFolder {
                path,
                rule: text.rule?,
                response_en: text.response_en,
                response_ja: text.response_ja,
            })
        })
        .collect()
}
