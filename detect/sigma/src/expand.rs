//! Placeholders: `field|expand: '%admins%'` means every value of the list `admins`.

use std::collections::BTreeMap;

use crate::problem::{Fault, ProblemKind};
use crate::yaml::{Entry, Node, Yaml};

/// Lists of values by name.
pub type Lists = BTreeMap<String, Vec<String>>;

/// The most values that one item may be expanded to. A list of all people of a large firm fits.
const VALUES_MAX: usize = 10_000;

/// Puts the values of lists in the place of placeholders, everywhere under `node`. A placeholder
/// without a list stays, and is found where its field is read.
pub(crate) fn expand(node: &mut Node, lists: &Lists) -> Result<(), Fault> {
    match &mut node.value {
        Yaml::List(items) => items.iter_mut().try_for_each(|item| expand(item, lists)),
        Yaml::Map(entries) => entries.iter_mut().try_for_each(|entry| {
            if modifiers(&entry.key).any(|modifier| modifier == "expand") {
                expand_entry(entry, lists)
            } else {
                expand(&mut entry.value, lists)
            }
        }),
        Yaml::Null | Yaml::Bool(_) | Yaml::Int(_) | Yaml::Float(_) | Yaml::Text(_) => Ok(()),
    }
}

fn modifiers(key: &str) -> impl Iterator<Item = &str> {
    key.split('|').skip(1)
}

fn expand_entry(entry: &mut Entry, lists: &Lists) -> Result<(), Fault> {
    // Only texts are patterns; what else is expanded, such as address ranges, is taken as it is.
    let escaped = !modifiers(&entry.key).any(|modifier| matches!(modifier, "cidr" | "fieldref"));
    let mut expanded = Vec::new();
    for item in entry.value.items() {
        let Yaml::Text(text) = &item.value else {
            expanded.push(item.clone());
            continue;
        };
        let Some(texts) = values(text, lists, escaped) else {
            return Ok(());
        };
        expanded.extend(texts.into_iter().map(|text| Node {
            line: item.line,
            value: Yaml::Text(text),
        }));
        if VALUES_MAX < expanded.len() {
            let message = format!("`{}` is expanded to more than {VALUES_MAX} values", entry.key);
            return Err(Fault::new(entry.line, ProblemKind::Limit, message));
        }
    }
    entry.value.value = Yaml::List(expanded);
    let kept: Vec<&str> = entry.key.split('|').filter(|part| *part != "expand").collect();
    entry.key = kept.join("|");
    Ok(())
}

/// What a text is expanded to; `None` if a list lacks.
fn values(text: &str, lists: &Lists, escaped: bool) -> Option<Vec<String>> {
    let Some((before, name, after)) = placeholder(text) else {
        return Some(vec![text.to_owned()]);
    };
    let rest = values(after, lists, escaped)?;
    let list = lists.iter().find(|(known, _)| known.eq_ignore_ascii_case(name))?;
    let mut all = Vec::new();
    for value in list.1 {
        let value = if escaped { escape(value) } else { value.clone() };
        all.extend(
            rest.iter()
                .take(VALUES_MAX)
                .map(|rest| format!("{before}{value}{rest}")),
        );
        if VALUES_MAX < all.len() {
            break;
        }
    }
    Some(all)
}

/// The first placeholder of a text, with what stands before and after it.
pub(crate) fn placeholder(text: &str) -> Option<(&str, &str, &str)> {
    let (before, rest) = text.split_once('%')?;
    let (name, after) = rest.split_once('%')?;
    Some((before, name, after))
}

/// A text as a pattern that matches it alone.
fn escape(text: &str) -> String {
    let mut escaped = String::new();
    for character in text.chars() {
        if matches!(character, '\\' | '*' | '?') {
            escaped.push('\\');
        }
        escaped.push(character);
    }
    escaped
}
