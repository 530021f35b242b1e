//! What a rule says about itself.

use crate::extension::Extension;
use crate::problem::{Fault, ProblemKind};
use crate::yaml::{Node, Yaml};

/// How bad a match is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Worth keeping, not worth a look.
    Informational,
    /// Worth a look in the weekly review.
    Low,
    /// Worth a look today.
    #[default]
    Medium,
    /// Look now.
    High,
    /// Act now.
    Critical,
}

/// How a match reaches people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Route {
    /// It is seen where somebody looks.
    Dashboard,
    /// It is told in the digest of the next business morning.
    Digest,
    /// It adds to the risk of its incident.
    Incident,
    /// It is told at once.
    Page,
}

/// Which logs a rule is about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Logsource {
    /// Who makes the software.
    pub product: Option<String>,
    /// Which part of it writes the log.
    pub service: Option<String>,
    /// What kind of events, whoever writes them.
    pub category: Option<String>,
}

/// What a rule says about itself.
#[derive(Clone, Debug, PartialEq)]
pub struct Meta {
    /// `SK-nnn` or a UUID.
    pub id: Option<String>,
    /// A name by which correlations and filters may refer to it.
    pub name: Option<String>,
    /// Its title.
    pub title: String,
    /// Its title in Japanese.
    pub title_ja: Option<String>,
    /// What it finds.
    pub description: Option<String>,
    /// How well it is tested.
    pub status: Option<String>,
    /// Who wrote it.
    pub author: Option<String>,
    /// How bad a match is.
    pub level: Level,
    /// Its tags.
    pub tags: Vec<String>,
    /// Where it comes from.
    pub references: Vec<String>,
    /// What else looks like this.
    pub falsepositives: Vec<String>,
    /// Which logs it is about.
    pub logsource: Logsource,
    /// The family of signals it belongs to.
    pub family: Option<String>,
    /// The base probability that a match is real, 0 to 1.
    pub probability: Option<f64>,
    /// Raised when its meaning changes.
    pub major: u32,
    /// The column that names who is suspected.
    pub entity: Option<String>,
    /// How a match reaches people.
    pub route: Option<Route>,
    /// What Sigma has no word for.
    pub extension: Extension,
    /// The line its document begins at.
    pub line: u32,
}

impl Meta {
    /// By what it is referred to in messages: its id, else its name.
    pub fn key(&self) -> &str {
        self.id.as_deref().or(self.name.as_deref()).unwrap_or(&self.title)
    }

    /// The ATT&CK techniques among its tags, such as `T1078.004`.
    pub fn attack(&self) -> Vec<String> {
        self.tags
            .iter()
            .filter_map(|tag| tag.to_ascii_lowercase().strip_prefix("attack.t").map(str::to_owned))
            .filter(|technique| technique.starts_with(|first: char| first.is_ascii_digit()))
            .map(|technique| format!("T{technique}"))
            .collect()
    }

    /// Reads them. What is under `x-sekisho` and does not exist is added to `unknown`.
    pub(crate) fn parse(node: &Node, unknown: &mut Vec<Fault>) -> Result<Self, Fault> {
        let id = node.get("id").map(rule_id).transpose()?;
        let name = node.text_opt("name")?;
        if id.is_none() && name.is_none() {
            let message = "the rule has neither `id` nor `name`, expected `SK-nnn` or a UUID";
            return Err(Fault::new(node.line, ProblemKind::Missing, message));
        }
        let title = match (node.text_opt("title")?, &name) {
            (Some(title), _) => title,
            (None, Some(name)) => name.clone(),
            (None, None) => return Err(Fault::new(node.line, ProblemKind::Missing, "`title` is missing")),
        };
        let mut meta = Self {
            id,
            name,
            title,
            title_ja: None,
            description: node.text_opt("description")?,
            status: node.text_opt("status")?,
            author: node.get("author").map(|author| author.text("author")).transpose()?,
            level: node.get("level").map_or(Ok(Level::default()), level)?,
            tags: node.texts("tags")?,
            references: node.texts("references")?,
            falsepositives: node.texts("falsepositives")?,
            logsource: node.get("logsource").map_or(Ok(Logsource::default()), logsource)?,
            family: None,
            probability: None,
            major: 1,
            entity: None,
            route: None,
            extension: Extension::default(),
            line: node.line,
        };
        if let Some(extension) = node.get("x-sekisho") {
            meta.extend(extension, unknown)?;
        }
        Ok(meta)
    }

    fn extend(&mut self, node: &Node, unknown: &mut Vec<Fault>) -> Result<(), Fault> {
        for entry in node.map("x-sekisho")? {
            let value = &entry.value;
            match entry.key.as_str() {
                "title_ja" => self.title_ja = Some(value.text("title_ja")?),
                "family" => self.family = Some(value.text("family")?),
                "entity" => self.entity = Some(value.text("entity")?),
                "route" => self.route = Some(route(value)?),
                "probability" => self.probability = Some(probability(value, "probability")?),
                "major" => match value.value {
                    Yaml::Int(major) if major >= 1 => self.major = u32::try_from(major).unwrap_or(u32::MAX),
                    _ => return Err(value.expected("major", "a whole number from 1")),
                },
                _ if self.extension.take(entry)? => {}
                other => unknown.push(Fault::new(entry.line, ProblemKind::UnknownKey, unknown_key(other))),
            }
        }
        Ok(())
    }
}

/// What to write instead of a key that does not exist.
fn unknown_key(key: &str) -> String {
    let instead = match key {
        "runbook_ja" | "runbook" => "a file `response.ja.md` or `response.md` beside the rule",
        "llr_min" => "a search such as `unfamiliarity|gte: 3`",
        "calendar" => "a search such as `office_state: [closed, holiday]`",
        "list" => {
            "a search over a column such as `person_kind`, `privileged` or `src_net_kind`, or `|expand: '%list%'`"
        }
        "absent_within" => "`absent: {rule: NAME, within: 10m}`",
        "distinct_guard" => "a second correlation that is joined to this one",
        _ => {
            "absent, entity, escalate, family, first_seen, lateness, major, probability, route, threshold_rel or title_ja"
        }
    };
    format!("unknown key `x-sekisho.{key}`, expected {instead}")
}

/// The id of a document, as far as it can be read: for messages about the rest of it.
pub(crate) fn name_of(node: &Node) -> Option<String> {
    ["id", "name", "title"]
        .iter()
        .find_map(|key| node.get(key)?.text(key).ok())
}

fn rule_id(node: &Node) -> Result<String, Fault> {
    let id = node.text("id")?;
    let ours = id
        .strip_prefix("SK-")
        .is_some_and(|digits| (3..=6).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit()));
    let groups: Vec<usize> = id.split('-').map(str::len).collect();
    let uuid = groups == [8, 4, 4, 4, 12] && id.bytes().all(|byte| byte == b'-' || byte.is_ascii_hexdigit());
    if ours || uuid {
        Ok(id)
    } else {
        Err(Fault::new(
            node.line,
            ProblemKind::Id,
            format!("the id `{id}` is neither `SK-nnn` nor a UUID"),
        ))
    }
}

pub(crate) fn level(node: &Node) -> Result<Level, Fault> {
    let text = node.text("level")?;
    Ok(match text.as_str() {
        "informational" => Level::Informational,
        "low" => Level::Low,
        "medium" => Level::Medium,
        "high" => Level::High,
        "critical" => Level::Critical,
        _ => {
            let message = format!("the level is `{text}`, expected informational, low, medium, high or critical");
            return Err(Fault::new(node.line, ProblemKind::Value, message));
        }
    })
}

fn route(node: &Node) -> Result<Route, Fault> {
    let text = node.text("route")?;
    Ok(match text.as_str() {
        "dashboard" => Route::Dashboard,
        "digest" => Route::Digest,
        "incident" => Route::Incident,
        "page" => Route::Page,
        _ => {
            let message = format!("`x-sekisho.route` is `{text}`, expected page, incident, digest or dashboard");
            return Err(Fault::new(node.line, ProblemKind::Value, message));
        }
    })
}

fn logsource(node: &Node) -> Result<Logsource, Fault> {
    node.map("logsource")?;
    let lower = |key| Ok(node.text_opt(key)?.map(|text| text.to_ascii_lowercase()));
    Ok(Logsource {
        product: lower("product")?,
        service: lower("service")?,
        category: lower("category")?,
    })
}

/// A number from 0 to 1.
pub(crate) fn probability(node: &Node, what: &str) -> Result<f64, Fault> {
    let value = match node.value {
        Yaml::Float(value) => value,
        Yaml::Int(0) => 0.0,
        Yaml::Int(1) => 1.0,
        _ => return Err(node.expected(what, "a number from 0 to 1")),
    };
    if (0.0..=1.0).contains(&value) {
        Ok(value)
    } else {
        let message = format!("`{what}` is {value}, expected a number from 0 to 1");
        Err(Fault::new(node.line, ProblemKind::Value, message))
    }
}
