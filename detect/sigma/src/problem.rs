//! What is wrong with a rule.

use std::fmt;

/// A rule, or a part of it, that cannot be read or run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The file it is in.
    pub path: String,
    /// The line it is at, counted from 1, when known.
    pub line: Option<u32>,
    /// The rule's id or name, when it has one.
    pub rule: Option<String>,
    /// What kind of mistake it is.
    pub kind: ProblemKind,
    /// What was found and what was expected.
    pub message: String,
}

/// Kinds of mistakes in rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ProblemKind {
    /// The text or a part of it exceeds a limit.
    Limit,
    /// The text is not YAML.
    Yaml,
    /// Something required is missing.
    Missing,
    /// A value is not of the expected form.
    Value,
    /// A key under `x-sekisho` that does not exist.
    UnknownKey,
    /// The id is neither `SK-nnn` nor a UUID.
    Id,
    /// Two rules have the same id or name.
    Duplicate,
    /// A modifier that does not exist, or does not go with the others.
    Modifier,
    /// The condition cannot be read, or names a search that does not exist.
    Condition,
    /// A regular expression that cannot be compiled.
    Regex,
    /// Not an address range.
    Cidr,
    /// Correct Sigma that cannot be run here.
    Unsupported,
    /// A placeholder without a list.
    Placeholder,
    /// A correlation or filter refers to a rule that does not exist.
    UnknownRule,
    /// No log that arrives is of this log source.
    Logsource,
    /// The log source has no such field.
    Field,
    /// A native detector that does not exist, or its parameters.
    Native,
}

impl ProblemKind {
    /// Its name, as `sekisho rules check` counts it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Limit => "limit",
            Self::Yaml => "yaml",
            Self::Missing => "missing",
            Self::Value => "value",
            Self::UnknownKey => "unknown_key",
            Self::Id => "id",
            Self::Duplicate => "duplicate",
            Self::Modifier => "modifier",
            Self::Condition => "condition",
            Self::Regex => "regex",
            Self::Cidr => "cidr",
            Self::Unsupported => "unsupported",
            Self::Placeholder => "placeholder",
            Self::UnknownRule => "unknown_rule",
            Self::Logsource => "logsource",
            Self::Field => "field",
            Self::Native => "native",
        }
    }
}

/// `path:line: rule: message`, the parts that are known.
impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.path)?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        if let Some(rule) = &self.rule {
            write!(f, ": {rule}")?;
        }
        write!(f, ": {}", self.message)
    }
}

/// A problem whose file and rule are added by the caller.
#[derive(Debug)]
pub(crate) struct Fault {
    pub(crate) line: Option<u32>,
    pub(crate) kind: ProblemKind,
    pub(crate) message: String,
}

impl Fault {
    pub(crate) fn new(line: u32, kind: ProblemKind, message: impl Into<String>) -> Self {
        Self {
            line: (line > 0).then_some(line),
            kind,
            message: message.into(),
        }
    }

    pub(crate) fn at(self, path: &str, rule: Option<&str>) -> Problem {
        Problem {
            path: path.to_owned(),
            line: self.line,
            rule: rule.map(str::to_owned),
            kind: self.kind,
            message: self.message,
        }
    }
}
