//! The sentences, in each language: templates with `{names}` that are filled in one pass.

use sekisho_model::{Lang, Severity};

mod en;
mod ja;

/// Everything that is said in one language.
#[derive(Debug)]
pub(super) struct Words {
    pub(super) level: fn(Severity) -> &'static str,
    pub(super) title: &'static str,
    pub(super) title_more: &'static str,
    pub(super) got_worse: &'static str,
    pub(super) got_more: &'static str,
    pub(super) resent: &'static str,
    pub(super) no_alert: &'static str,
    pub(super) no_reason: &'static str,
    pub(super) who: &'static str,
    pub(super) users: &'static str,
    pub(super) users_and_more: &'static str,
    pub(super) comma: &'static str,
    pub(super) colon: &'static str,
    pub(super) when: &'static str,
    pub(super) places: &'static str,
    pub(super) before_and_now: &'static str,
    pub(super) now_only: &'static str,
    pub(super) why: &'static str,
    pub(super) titled: &'static str,
    pub(super) reasons_more: &'static str,
    pub(super) sure: &'static str,
    /// From 85, from 60, from 35, and below.
    pub(super) sure_bands: [&'static str; 4],
    /// Of what is told at once although the risk is small.
    pub(super) sure_page: &'static str,
    pub(super) steps: &'static str,
    pub(super) steps_default: [&'static str; 3],
    pub(super) late: &'static str,
    pub(super) reference: &'static str,
    pub(super) list_reference: &'static str,
    pub(super) incident_line: &'static str,
    pub(super) incidents_more: &'static str,
    pub(super) storm_title: &'static str,
    pub(super) storm_advice: &'static str,
    pub(super) more_title: &'static str,
    pub(super) more: &'static str,
    pub(super) digest_title: &'static str,
    pub(super) digest_quiet_title: &'static str,
    pub(super) digest_silent: &'static str,
    pub(super) digest_all_alive: &'static str,
    pub(super) digest_watched: &'static str,
    pub(super) digest_nothing_came: &'static str,
    /// The reason of an alert, by the kind of its rule: the first whose names are all known is told.
    pub(super) reasons: &'static [(&'static str, &'static str)],
    /// After the reason: that what should have followed did not.
    pub(super) not_followed: &'static str,
    /// What remains to be said of an alert of any kind.
    pub(super) reason_any: &'static str,
    /// Names of columns, as in "12 different …".
    pub(super) fields: &'static [(&'static str, &'static str)],
    /// What was done, and with what outcome: the activities of records.
    pub(super) activities: &'static [(&'static str, &'static str)],
    pub(super) failed: &'static str,
    /// Names of values: states of the office, kinds of network.
    pub(super) values: &'static [(&'static str, &'static str)],
    /// A difference to what is usual, and one where nothing is.
    pub(super) unlike_usual: &'static str,
    pub(super) unlike: &'static str,
    /// How many others in the firm have it.
    pub(super) nobody_else: &'static str,
    pub(super) one_other: &'static str,
    pub(super) others: &'static str,
    /// A network with its operator.
    pub(super) named_network: &'static str,
    /// A thing in a list of rules.
    pub(super) quoted: &'static str,
    pub(super) and: &'static str,
    pub(super) then: &'static str,
}

/// Everything that is said in that language.
pub(super) fn words(lang: Lang) -> &'static Words {
    match lang {
        Lang::En => &en::WORDS,
        Lang::Ja => &ja::WORDS,
    }
}

/// The template with its names replaced; a name without a value disappears.
pub(super) fn fill(template: &str, values: &[(&str, String)]) -> String {
    render(template, |name| Some(value(values, name).unwrap_or_default())).unwrap_or_default()
}

/// The template with its names replaced; `None` if a value is missing.
pub(super) fn try_fill(template: &str, values: &[(&str, String)]) -> Option<String> {
    render(template, |name| value(values, name))
}

fn value<'a>(values: &'a [(&str, String)], name: &str) -> Option<&'a str> {
    values
        .iter()
        .find(|(known, _)| *known == name)
        .map(|(_, value)| value.as_str())
}

/// One pass: a value that has braces in it is text, not a template.
fn render<'a>(template: &str, value: impl Fn(&str) -> Option<&'a str>) -> Option<String> {
    let mut text = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        let (name, after) = after.split_once('}')?;
        text.push_str(before);
        text.push_str(value(name)?);
        rest = after;
    }
    text.push_str(rest);
    Some(text)
}

/// The word for a key, in a table of [`Words`].
pub(super) fn word(table: &[(&'static str, &'static str)], key: &str) -> Option<&'static str> {
    table.iter().find(|(known, _)| *known == key).map(|(_, word)| *word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_not_a_template() {
        let values = [("user", "{password}".to_owned()), ("password", "no".to_owned())];

        assert_eq!(fill("{user} came", &values), "{password} came");
        assert_eq!(try_fill("{nobody} came", &values), None);
        assert_eq!(fill("{nobody}came", &values), "came");
    }

    /// A misspelt name would silently lose a sentence.
    #[test]
    fn both_languages_ask_for_the_same_facts() {
        let names = |lang| -> Vec<(&str, Vec<&str>)> {
            let reasons = words(lang).reasons.iter();
            reasons
                .map(|(kind, template)| {
                    let mut names: Vec<&str> = template
                        .split('{')
                        .skip(1)
                        .map(|rest| rest.split('}').next().unwrap())
                        .collect();
                    names.sort_unstable();
                    (*kind, names)
                })
                .collect()
        };

        assert_eq!(names(Lang::Ja), names(Lang::En));
    }
}
