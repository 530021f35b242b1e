//! A rule file.

use crate::correlation::Correlation;
use crate::detection::Detection;
use crate::expand::{Lists, expand};
use crate::extension::Place;
use crate::filter::Filter;
use crate::meta::{Meta, name_of};
use crate::native::NativeRule;
use crate::problem::{Fault, Problem, ProblemKind};
use crate::yaml::{self, Node};

/// The longest rule file, in bytes. The longest public rule has 60 KiB.
pub const TEXT_BYTES_MAX: usize = 512 * 1024;

/// A document of a rule file.
#[derive(Clone, Debug, PartialEq)]
pub enum Document {
    /// About single events.
    Rule(Rule),
    /// About several events.
    Correlation(Correlation),
    /// Added to other rules.
    Filter(Filter),
    /// For a native detector.
    Native(NativeRule),
}

/// A rule about single events.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    /// What it says about itself.
    pub meta: Meta,
    /// What an event must look like.
    pub detection: Detection,
}

impl Document {
    /// What it says about itself.
    pub fn meta(&self) -> &Meta {
        match self {
            Self::Rule(rule) => &rule.meta,
            Self::Correlation(correlation) => &correlation.meta,
            Self::Filter(filter) => &filter.meta,
            Self::Native(native) => &native.meta,
        }
    }
}

/// What became of a rule file.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Parsed {
    /// The documents that could be read.
    pub documents: Vec<Document>,
    /// What is wrong with it.
    pub problems: Vec<Problem>,
}

/// Reads the text of the rule file at `path`, which is only named, not opened. Placeholders have no
/// lists.
pub fn parse(path: &str, text: &str) -> Parsed {
    parse_with(path, text, &Lists::new())
}

/// As [`parse`], with lists of values for placeholders.
pub fn parse_with(path: &str, text: &str, lists: &Lists) -> Parsed {
    let mut parsed = Parsed::default();
    if text.len() > TEXT_BYTES_MAX {
        let message = format!("the file has {} bytes, expected at most {TEXT_BYTES_MAX}", text.len());
        parsed
            .problems
            .push(Fault::new(0, ProblemKind::Limit, message).at(path, None));
        return parsed;
    }
    let nodes = match yaml::documents(text) {
        Ok(nodes) => nodes,
        Err(fault) => {
            parsed.problems.push(fault.at(path, None));
            return parsed;
        }
    };
    if nodes.is_empty() {
        let fault = Fault::new(0, ProblemKind::Missing, "the file is empty, expected a rule");
        parsed.problems.push(fault.at(path, None));
    }
    for mut node in nodes {
        let name = name_of(&node);
        let mut faults = Vec::new();
        let expanded = expand(&mut node, lists);
        match expanded.and_then(|()| document(&node, &mut faults)) {
            Ok(document) => parsed.documents.push(document),
            Err(fault) => faults.push(fault),
        }
        parsed
            .problems
            .extend(faults.into_iter().map(|fault| fault.at(path, name.as_deref())));
    }
    parsed
}

/// Reads a document. What is wrong but leaves it usable is added to `faults`.
fn document(node: &Node, faults: &mut Vec<Fault>) -> Result<Document, Fault> {
    node.map("rule")?;
    if let Some(filter) = node.get("filter") {
        let meta = filter_meta(node, faults)?;
        meta.extension.check(Place::Other, meta.line)?;
        return Filter::parse(meta, filter).map(Document::Filter);
    }
    let meta = Meta::parse(node, faults)?;
    if let Some(kind) = node.text_opt("type")? {
        return if kind == "native" {
            meta.extension.check(Place::Other, meta.line)?;
            NativeRule::parse(meta, node).map(Document::Native)
        } else {
            let message = format!("`type` is `{kind}`, expected `native`, or no `type` in a Sigma rule");
            Err(Fault::new(node.line, ProblemKind::Value, message))
        };
    }
    if let Some(correlation) = node.get("correlation") {
        meta.extension.check(Place::Correlation, meta.line)?;
        return Correlation::parse(meta, node, correlation).map(Document::Correlation);
    }
    meta.extension.check(Place::Rule, meta.line)?;
    let detection = node.need("detection", "`detection`, `correlation`, `filter` or `type: native`")?;
    Ok(Document::Rule(Rule {
        meta,
        detection: Detection::parse(detection, &[])?,
    }))
}

/// A filter needs no id: nothing refers to it.
fn filter_meta(node: &Node, faults: &mut Vec<Fault>) -> Result<Meta, Fault> {
    let mut named = node.clone();
    if node.get("id").is_none() && node.get("name").is_none() {
        let title = node.need("title", "what is filtered")?.clone();
        if let yaml::Yaml::Map(entries) = &mut named.value {
            entries.push(yaml::Entry {
                key: "name".to_owned(),
                line: title.line,
                value: title,
            });
        }
    }
    Meta::parse(&named, faults)
}
