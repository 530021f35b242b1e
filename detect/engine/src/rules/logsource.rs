//! Which logs a rule is about, and what its fields are called there.
//!
//! The tables are data, in `data/logsources.json`: which parser ids a Sigma log source stands for,
//! which fields of its own a source has (JSON sources have any), and what a field name means.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use sekisho_model::Column;
use sekisho_sigma::Logsource;
use serde::Deserialize;

use crate::predicate::{Access, Field};

/// The product of rules that are written against the columns, for every source.
const OURS: &str = "sekisho";

/// Among the candidates of a field: each counts that has a value, instead of the first.
const ANY: &str = "any";

#[expect(
    clippy::expect_used,
    reason = "the table is part of the program, and a test reads it"
)]
static TABLES: LazyLock<Tables> =
    LazyLock::new(|| serde_json::from_str(include_str!("../../data/logsources.json")).expect("the table is readable"));

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Tables {
    /// The fields of the sources whose records are not JSON.
    sources: BTreeMap<String, Vec<String>>,
    /// How the paths into the records of a source begin, where that is known: all else does not exist.
    roots: BTreeMap<String, Vec<String>>,
    logsources: Vec<SourcesOf>,
    fields: Vec<FieldsOf>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct SourcesOf {
    product: Option<String>,
    service: Option<String>,
    category: Option<String>,
    sources: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct FieldsOf {
    product: Option<String>,
    service: Option<String>,
    category: Option<String>,
    fields: BTreeMap<String, Vec<String>>,
}

/// The logs a rule is about.
#[derive(Clone, Debug)]
pub struct Scope {
    sources: Option<Vec<String>>,
    aliases: Vec<&'static BTreeMap<String, Vec<String>>>,
}

impl Scope {
    /// The scope of a log source, as far as it is among `known`.
    pub fn of(logsource: &Logsource, known: &[&str]) -> Result<Self, String> {
        let parts = [&logsource.product, &logsource.service, &logsource.category];
        let product = logsource.product.as_deref();
        if product == Some(OURS) || parts.iter().all(|part| part.is_none()) {
            return match &logsource.service {
                None => Ok(Self {
                    sources: None,
                    aliases: Vec::new(),
                }),
                Some(source) if known.contains(&source.as_str()) => Ok(Self {
                    sources: Some(vec![source.clone()]),
                    aliases: Vec::new(),
                }),
                Some(source) => Err(format!(
                    "no source `{source}` arrives, expected one of {}",
                    known.join(", ")
                )),
            };
        }
        let mut sources: Vec<String> = TABLES
            .logsources
            .iter()
            .filter(|entry| covers([&entry.product, &entry.service, &entry.category], parts))
            .flat_map(|entry| entry.sources.iter())
            .filter(|source| known.contains(&source.as_str()))
            .cloned()
            .collect();
        sources.sort();
        sources.dedup();
        if sources.is_empty() {
            let name: Vec<&str> = parts.into_iter().flatten().map(String::as_str).collect();
            return Err(format!(
                "no source that arrives is of the log source {}",
                name.join("/")
            ));
        }
        let aliases = TABLES
            .fields
            .iter()
            .filter(|entry| covers([&entry.product, &entry.service, &entry.category], parts))
            .map(|entry| &entry.fields)
            .collect();
        Ok(Self {
            sources: Some(sources),
            aliases,
        })
    }

    /// The parser ids; `None` means every source.
    pub fn sources(&self) -> Option<&[String]> {
        self.sources.as_deref()
    }

    /// What a field of a rule means: an alias, else a column, else a field of the source's own.
    pub fn field(&self, name: &str) -> Result<Field, String> {
        let aliases = self.aliases.iter().flat_map(|table| table.iter());
        let candidates: Vec<&String> = aliases
            .filter(|(alias, _)| alias.eq_ignore_ascii_case(name))
            .flat_map(|(_, all)| all)
            .collect();
        let any = candidates.iter().any(|candidate| *candidate == ANY);
        let mut accesses: Vec<Access> = Vec::new();
        for access in candidates.into_iter().filter_map(|candidate| access(candidate)) {
            if !accesses.contains(&access) {
                accesses.push(access);
            }
        }
        if !accesses.is_empty() {
            return Ok(if any {
                Field::any(accesses)
            } else {
                Field::new(accesses)
            });
        }
        if let Some(column) = Column::by_name(name) {
            return Ok(Field::new(vec![Access::Column(column)]));
        }
        let Some(sources) = &self.sources else {
            return Err(format!(
                "`{name}` is not a column, and a rule for every source can use columns only"
            ));
        };
        if sources.iter().any(|source| has(source, name)) {
            return Ok(Field::new(vec![native(name)]));
        }
        let own: Vec<&str> = sources
            .iter()
            .filter_map(|source| TABLES.sources.get(source).or_else(|| TABLES.roots.get(source)))
            .flatten()
            .map(String::as_str)
            .collect();
        Err(format!(
            "`{name}` is neither a column nor a field of {}, expected a column or one of {}",
            sources.join(", "),
            own.join(", ")
        ))
    }
}

/// Whether the records of a source may have a field of that name. Paths for Azure begin with
/// `properties.` or not, whichever way the records come.
fn has(source: &str, name: &str) -> bool {
    if let Some(own) = TABLES.sources.get(source) {
        return own.iter().any(|own| own.eq_ignore_ascii_case(name));
    }
    let Some(roots) = TABLES.roots.get(source) else {
        return true;
    };
    let mut steps = name.split('.');
    let first = steps.next().unwrap_or_default();
    let second = if first.eq_ignore_ascii_case("properties") {
        steps.next()
    } else {
        None
    };
    let first = second.unwrap_or(first);
    roots.iter().any(|root| root.eq_ignore_ascii_case(first))
}

/// Whether the parts that the entry names are those of the rule; or, if the rule names fewer, those
/// of the rule are the entry's.
fn covers(entry: [&Option<String>; 3], rule: [&Option<String>; 3]) -> bool {
    let within = |inner: [&Option<String>; 3], outer: [&Option<String>; 3]| {
        inner
            .into_iter()
            .zip(outer)
            .all(|(inner, outer)| inner.is_none() || inner == outer)
    };
    within(entry, rule) || within(rule, entry)
}

fn native(path: &str) -> Access {
    // Paths are looked up without case: one spelling is one side column.
    Access::Native(Arc::from(path.to_ascii_lowercase()))
}

/// Reads `column:name`, `native:path`, `words:column:1=word,…`, `names:column:value=name,…` or
/// `always:value`.
fn access(candidate: &str) -> Option<Access> {
    let (kind, rest) = candidate.split_once(':')?;
    match kind {
        "column" => Column::by_name(rest).map(Access::Column),
        "native" => Some(native(rest)),
        "always" => Some(Access::Always(Arc::from(rest))),
        "names" => {
            let (column, names) = rest.split_once(':')?;
            let names = names.split(',').map(|name| {
                let (value, name) = name.split_once('=')?;
                Some((Arc::from(value), Arc::from(name)))
            });
            let column = Column::by_name(column)?;
            Some(Access::Names(column, names.collect::<Option<Arc<[_]>>>()?))
        }
        "words" => {
            let (column, words) = rest.split_once(':')?;
            let words = words.split(',').map(|word| {
                let (number, word) = word.split_once('=')?;
                Some((number.parse().ok()?, Arc::from(word)))
            });
            Some(Access::Words(
                Column::by_name(column)?,
                words.collect::<Option<Arc<[_]>>>()?,
            ))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: [&str; 4] = ["entra.signin", "linux.sshd", "m365.audit", "web.combined"];

    fn logsource(text: &str) -> Logsource {
        let part = |key: &str| {
            text.split(' ')
                .find_map(|part| part.strip_prefix(key))
                .map(str::to_owned)
        };
        Logsource {
            product: part("p="),
            service: part("s="),
            category: part("c="),
        }
    }

    #[test]
    fn every_candidate_of_the_table_is_readable() {
        for candidates in TABLES.fields.iter().flat_map(|entry| entry.fields.values()) {
            for candidate in candidates {
                assert!(candidate == ANY || access(candidate).is_some(), "{candidate}");
            }
        }
    }

    #[test]
    fn a_log_source_stands_for_the_sources_that_arrive() {
        let cases: &[(&str, Option<&[&str]>)] = &[
            ("p=azure s=signinlogs", Some(&["entra.signin"])),
            ("p=azure", Some(&["entra.signin"])),
            ("p=linux s=auth", Some(&["linux.sshd"])),
            ("c=webserver", Some(&["web.combined"])),
            ("p=apache c=webserver", Some(&["web.combined"])),
            ("p=sekisho s=m365.audit", Some(&["m365.audit"])),
            ("p=sekisho", None),
            ("", None),
        ];
        for (text, expected) in cases {
            let scope = Scope::of(&logsource(text), &KNOWN).unwrap();
            let sources: Option<Vec<&str>> = scope.sources().map(|all| all.iter().map(String::as_str).collect());
            assert_eq!(sources.as_deref(), *expected, "{text}");
        }
        for text in [
            "p=windows c=process_creation",
            "p=linux c=process_creation",
            "p=sekisho s=okta.system",
            "p=okta s=okta",
        ] {
            assert!(Scope::of(&logsource(text), &KNOWN).is_err(), "{text}");
        }
    }

    #[test]
    fn fields_are_aliases_then_columns_then_the_sources_own() {
        let web = Scope::of(&logsource("c=webserver"), &KNOWN).unwrap();
        let every = Scope::of(&logsource("p=sekisho"), &KNOWN).unwrap();
        let azure = Scope::of(&logsource("p=azure s=signinlogs"), &KNOWN).unwrap();

        let method = vec![native("method"), Access::Column(Column::Action)];
        assert_eq!(web.field("CS-METHOD").unwrap(), Field::new(method));
        assert_eq!(
            web.field("c-ip").unwrap(),
            Field::new(vec![Access::Column(Column::SrcIp)])
        );
        assert_eq!(
            web.field("Status_Id").unwrap(),
            Field::new(vec![Access::Column(Column::StatusId)])
        );
        assert_eq!(web.field("referer").unwrap(), Field::new(vec![native("referer")]));
        assert!(
            web.field("cs-cookie")
                .unwrap_err()
                .contains("neither a column nor a field of web.combined")
        );
        assert!(every.field("c-ip").unwrap_err().contains("columns only"));
        assert_eq!(
            azure.field("DeviceDetail.trustType").unwrap(),
            Field::new(vec![native("devicedetail.trusttype")])
        );
    }
}
