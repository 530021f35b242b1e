//! How the searches of a rule are joined: `selection and not 1 of filter_*`.

use crate::problem::{Fault, ProblemKind};
use crate::yaml::{Node, Yaml};

/// The deepest nesting of brackets and `not`.
const DEPTH_MAX: usize = 64;
/// The most words of a condition. The longest public one has about 120.
const WORDS_MAX: usize = 2_000;

/// A condition over the searches of a rule, which it names by their place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    /// A search matches.
    Search(usize),
    /// Every part holds.
    All(Vec<Self>),
    /// One part holds.
    Any(Vec<Self>),
    /// The part does not hold.
    Not(Box<Self>),
    /// At least so many of these searches match.
    AtLeast(usize, Vec<usize>),
}

impl Condition {
    /// Reads a condition, or a list of them of which one must hold.
    pub(crate) fn parse_node(node: &Node, names: &[&str]) -> Result<Self, Fault> {
        let mut alternatives = Vec::new();
        for item in node.items() {
            let Yaml::Text(text) = &item.value else {
                return Err(item.expected("condition", "a text"));
            };
            alternatives.push(Self::parse(text, names).map_err(|message| {
                Fault::new(
                    item.line,
                    ProblemKind::Condition,
                    format!("the condition `{text}` {message}"),
                )
            })?);
        }
        match alternatives.len() {
            0 => Err(Fault::new(
                node.line,
                ProblemKind::Condition,
                "the condition is an empty list",
            )),
            1 => Ok(alternatives.swap_remove(0)),
            _ => Ok(Self::Any(alternatives)),
        }
    }

    /// Reads a condition over the searches `names`.
    fn parse(text: &str, names: &[&str]) -> Result<Self, String> {
        let words = words(text);
        if words.len() > WORDS_MAX {
            return Err(format!("has more than {WORDS_MAX} words"));
        }
        let mut parser = Parser {
            words: &words,
            names,
            place: 0,
            depth: 0,
        };
        let condition = parser.any()?;
        match parser.peek() {
            None => Ok(condition),
            Some("|") => Err("has an aggregation, expected a correlation rule instead".to_owned()),
            Some(word) => Err(format!("has `{word}` where `and`, `or` or its end is expected")),
        }
    }
}

/// Splits at blanks; brackets and bars are words of their own.
fn words(text: &str) -> Vec<&str> {
    let mut words = Vec::new();
    for part in text.split_whitespace() {
        let mut rest = part;
        while let Some(at) = rest.find(['(', ')', '|']) {
            let (before, from) = rest.split_at(at);
            let (bracket, after) = from.split_at(1);
            words.extend([before, bracket].into_iter().filter(|word| !word.is_empty()));
            rest = after;
        }
        if !rest.is_empty() {
            words.push(rest);
        }
    }
    words
}

struct Parser<'a> {
    words: &'a [&'a str],
    names: &'a [&'a str],
    place: usize,
    depth: usize,
}

impl<'a> Parser<'a> {
    fn peek(&self) -> Option<&'a str> {
        self.words.get(self.place).copied()
    }

    fn next_if(&mut self, keyword: &str) -> bool {
        let is = self.peek().is_some_and(|word| word.eq_ignore_ascii_case(keyword));
        self.place += usize::from(is);
        is
    }

    fn any(&mut self) -> Result<Condition, String> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(format!("is nested deeper than {DEPTH_MAX}"));
        }
        let mut parts = vec![self.all()?];
        while self.next_if("or") {
            parts.push(self.all()?);
        }
        self.depth -= 1;
        Ok(if parts.len() == 1 {
            parts.swap_remove(0)
        } else {
            Condition::Any(parts)
        })
    }

    fn all(&mut self) -> Result<Condition, String> {
        let mut parts = vec![self.not()?];
        while self.next_if("and") {
            parts.push(self.not()?);
        }
        Ok(if parts.len() == 1 {
            parts.swap_remove(0)
        } else {
            Condition::All(parts)
        })
    }

    fn not(&mut self) -> Result<Condition, String> {
        let mut negated = false;
        while self.next_if("not") {
            negated = !negated;
        }
        let part = self.term()?;
        Ok(if negated { Condition::Not(Box::new(part)) } else { part })
    }

    fn term(&mut self) -> Result<Condition, String> {
        if self.next_if("(") {
            let inner = self.any()?;
            return if self.next_if(")") {
                Ok(inner)
            } else {
                Err("lacks a closing bracket".to_owned())
            };
        }
        let Some(word) = self.peek() else {
            return Err("ends where the name of a search is expected".to_owned());
        };
        self.place += 1;
        if self.peek().is_some_and(|next| next.eq_ignore_ascii_case("of")) && !self.names.contains(&word) {
            self.place += 1;
            return self.of(word);
        }
        self.names
            .iter()
            .position(|name| *name == word)
            .map(Condition::Search)
            .ok_or_else(|| format!("has `{word}`, expected one of {}", self.names.join(", ")))
    }

    fn of(&mut self, quantity: &str) -> Result<Condition, String> {
        let Some(pattern) = self.peek() else {
            return Err("ends after `of`, expected `them` or a pattern such as `selection_*`".to_owned());
        };
        self.place += 1;
        let them = pattern.eq_ignore_ascii_case("them");
        let chosen: Vec<usize> = self
            .names
            .iter()
            .enumerate()
            .filter(|(_, name)| {
                if them {
                    !name.starts_with('_')
                } else {
                    fits(pattern, name)
                }
            })
            .map(|(place, _)| place)
            .collect();
        if chosen.is_empty() {
            return Err(format!(
                "has `of {pattern}`, which none of {} fits",
                self.names.join(", ")
            ));
        }
        let least = match quantity.to_ascii_lowercase().as_str() {
            "all" => chosen.len(),
            "any" => 1,
            number => number
                .parse()
                .map_err(|_| format!("has `{quantity} of`, expected a number, `any` or `all`"))?,
        };
        if least == 0 || least > chosen.len() {
            return Err(format!("asks for {least} of {} searches", chosen.len()));
        }
        Ok(Condition::AtLeast(least, chosen))
    }
}

/// Whether a name fits a pattern in which `*` stands for anything.
fn fits(pattern: &str, name: &str) -> bool {
    let Some((start, after)) = pattern.split_once('*') else {
        return pattern == name;
    };
    let (middle, end) = after.rsplit_once('*').unwrap_or(("", after));
    let Some(mut rest) = name.strip_prefix(start).and_then(|rest| rest.strip_suffix(end)) else {
        return false;
    };
    middle.split('*').all(|part| {
        rest.split_once(part).is_some_and(|(_, after)| {
            rest = after;
            true
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use Condition::{All, Any, AtLeast, Not, Search};

    const NAMES: [&str; 6] = [
        "selection",
        "selection_a",
        "selection_b",
        "filter_main",
        "keywords",
        "_hidden",
    ];

    fn not(part: Condition) -> Condition {
        Not(Box::new(part))
    }

    #[test]
    fn conditions_bind_as_the_specification_says() {
        let cases = [
            ("selection", Search(0)),
            ("selection and not filter_main", All(vec![Search(0), not(Search(3))])),
            (
                "selection or keywords and filter_main",
                Any(vec![Search(0), All(vec![Search(4), Search(3)])]),
            ),
            (
                "(selection or keywords) and filter_main",
                All(vec![Any(vec![Search(0), Search(4)]), Search(3)]),
            ),
            ("(selection)and(keywords)", All(vec![Search(0), Search(4)])),
            ("1 of selection_*", AtLeast(1, vec![1, 2])),
            ("all of selection*", AtLeast(3, vec![0, 1, 2])),
            ("2 of them", AtLeast(2, vec![0, 1, 2, 3, 4])),
            ("any of *_a", AtLeast(1, vec![1])),
            ("1 of sel*_*", AtLeast(1, vec![1, 2])),
            (
                "not 1 of filter_* AND NOT keywords",
                All(vec![not(AtLeast(1, vec![3])), not(Search(4))]),
            ),
            ("not not selection", Search(0)),
            (
                "not (selection or not keywords)",
                not(Any(vec![Search(0), not(Search(4))])),
            ),
            ("_hidden", Search(5)),
        ];
        for (text, expected) in cases {
            assert_eq!(Condition::parse(text, &NAMES), Ok(expected), "{text}");
        }
    }

    #[test]
    fn a_mistake_says_what_was_expected() {
        let cases = [
            ("", "ends where the name of a search is expected"),
            ("selection and", "ends where the name of a search is expected"),
            ("selektion", "has `selektion`, expected one of selection"),
            ("(selection", "lacks a closing bracket"),
            ("selection)", "has `)` where `and`, `or` or its end is expected"),
            ("selection keywords", "has `keywords` where `and`, `or`"),
            ("1 of", "ends after `of`"),
            ("1 of nothing_*", "has `of nothing_*`, which none of"),
            ("many of them", "has `many of`, expected a number"),
            ("9 of selection_*", "asks for 9 of 2 searches"),
            (
                "selection | count() > 5",
                "has an aggregation, expected a correlation rule",
            ),
        ];
        for (text, expected) in cases {
            let message = Condition::parse(text, &NAMES).unwrap_err();
            assert!(message.starts_with(expected), "{text}: {message}");
        }
    }

    #[test]
    fn deep_nesting_is_refused() {
        let text = format!("{}selection{}", "(".repeat(500), ")".repeat(500));

        assert_eq!(
            Condition::parse(&text, &NAMES),
            Err("is nested deeper than 64".to_owned())
        );
    }
}
