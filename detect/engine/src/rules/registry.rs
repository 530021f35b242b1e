//! The documents of all folders, and what their names refer to.

use std::collections::BTreeMap;

use sekisho_sigma::{Document, Lists, Problem, ProblemKind, parse_with};

use super::RuleFolder;

/// A document and the folder it is in.
#[derive(Debug)]
pub(super) struct Item {
    pub(super) folder: usize,
    pub(super) document: Document,
    /// Names it in messages and in the state: its id, else the first id of its file and its name.
    pub(super) key: String,
}

/// Every document that could be read.
#[derive(Debug, Default)]
pub(super) struct Registry {
    pub(super) items: Vec<Item>,
    by_id: BTreeMap<String, usize>,
    by_name: BTreeMap<String, Vec<usize>>,
}

impl Registry {
    /// Reads the folders. A document whose id or name is taken is a problem and left out.
    pub(super) fn read(folders: &[RuleFolder], lists: &Lists, problems: &mut Vec<Problem>) -> Self {
        let mut registry = Self::default();
        for (place, folder) in folders.iter().enumerate() {
            let parsed = parse_with(&folder.path, &folder.rule, lists);
            problems.extend(parsed.problems);
            let first_id = parsed.documents.iter().find_map(|document| document.meta().id.clone());
            for document in parsed.documents {
                let meta = document.meta();
                let key = match (&meta.id, &first_id) {
                    (Some(id), _) => id.clone(),
                    (None, Some(first)) => format!("{first}/{}", meta.key()),
                    (None, None) => format!("{}/{}", folder.path, meta.key()),
                };
                let refused = registry.add(Item {
                    folder: place,
                    document,
                    key,
                });
                problems.extend(refused.map(|(item, message)| duplicate(folders, &item, message)));
            }
        }
        registry
    }

    /// Adds a document, or gives it back with what is wrong with its id or name.
    fn add(&mut self, item: Item) -> Option<(Item, String)> {
        let place = self.items.len();
        let meta = item.document.meta();
        if let Some(id) = meta.id.as_ref().filter(|id| self.by_id.contains_key(*id)) {
            let message = format!("another rule has the id `{id}`");
            return Some((item, message));
        }
        if let Some(name) = &meta.name {
            let others = self.by_name.get(name).into_iter().flatten();
            let taken = others
                .filter_map(|other| self.items.get(*other))
                .any(|other| other.folder == item.folder);
            if taken {
                let message = format!("another rule of the file has the name `{name}`");
                return Some((item, message));
            }
            self.by_name.entry(name.clone()).or_default().push(place);
        }
        if let Some(id) = &meta.id {
            self.by_id.insert(id.clone(), place);
        }
        self.items.push(item);
        None
    }

    /// What a rule in `folder` means by `reference`: an id, a name in the same file, or a name that
    /// only one rule has.
    pub(super) fn find(&self, folder: usize, reference: &str) -> Result<usize, String> {
        if let Some(place) = self.by_id.get(reference) {
            return Ok(*place);
        }
        let named = self.by_name.get(reference).map_or(&[][..], Vec::as_slice);
        let near = named
            .iter()
            .find(|place| self.items.get(**place).is_some_and(|item| item.folder == folder));
        match (near, named) {
            (Some(place), _) | (None, [place]) => Ok(*place),
            (None, []) => Err(format!(
                "there is no rule `{reference}`, expected the id or the name of a rule"
            )),
            (None, _) => Err(format!(
                "{} rules have the name `{reference}`, expected an id",
                named.len()
            )),
        }
    }
}

fn duplicate(folders: &[RuleFolder], item: &Item, message: String) -> Problem {
    problem(
        folders,
        item,
        item.document.meta().line,
        ProblemKind::Duplicate,
        message,
    )
}

/// A problem of an item.
pub(super) fn problem(folders: &[RuleFolder], item: &Item, line: u32, kind: ProblemKind, message: String) -> Problem {
    Problem {
        path: folders
            .get(item.folder)
            .map(|folder| folder.path.clone())
            .unwrap_or_default(),
        line: (0 < line).then_some(line),
        rule: Some(item.key.clone()),
        kind,
        message,
    }
}
