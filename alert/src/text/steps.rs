//! What to do: the first steps of a rule's response, and the place to click in the product that the
//! records came from.

use sekisho_model::{Evidence, Lang};

use super::words::Words;
use super::{Case, CaseAlert};
use crate::untrusted::{cut, is_invisible};

/// The most steps in a message: in the first minute nobody reads more.
const STEPS_MAX: usize = 3;

/// The most places to click in a message: few incidents touch more than two products.
const PLACES_MAX: usize = 2;

/// The most characters of a step. It comes from a rule file, where a line may have any length.
const STEP_CHARS_MAX: usize = 300;

/// The products whose consoles people act in, by how the names of their sources begin.
const PRODUCTS: &[(&str, &str)] = &[
    ("aws.", "AWS"),
    ("cloudflare.", "Cloudflare"),
    ("entra.", "Microsoft 365"),
    ("github.", "GitHub"),
    ("google.", "Google Workspace"),
    ("m365.", "Microsoft 365"),
    ("okta.", "Okta"),
    ("slack.", "Slack"),
];

/// The first steps of the worst alert that has any.
pub(super) fn steps(case: &Case, lang: Lang, words: &Words) -> Vec<String> {
    let of = |found: &CaseAlert| chosen(found.alert.rule.response.get(lang), &found.evidence);
    let found = case.alerts.iter().map(of).find(|steps| !steps.is_empty());
    found.unwrap_or_else(|| words.steps_default.iter().map(|&step| step.to_owned()).collect())
}

/// Who uses one product need not read where to click in another: a line that begins with the name of a
/// product and a colon is told only if a record came from it, and does not count among the steps.
fn chosen(response: &str, evidence: &[Evidence]) -> Vec<String> {
    let lines = response.lines().map(step).filter(|line| !line.is_empty());
    let (places, mut steps): (Vec<String>, Vec<String>) = lines.partition(|line| product_of_line(line).is_some());
    steps.truncate(STEPS_MAX);
    let touched = |line: &String| {
        let product = product_of_line(line);
        evidence.iter().any(|event| product_of_source(&event.source) == product)
    };
    steps.extend(places.into_iter().filter(touched).take(PLACES_MAX));
    steps
}

fn product_of_line(line: &str) -> Option<&'static str> {
    let (name, _) = line.split_once([':', '：'])?;
    PRODUCTS
        .iter()
        .map(|(_, product)| *product)
        .find(|product| *product == name)
}

fn product_of_source(source: &str) -> Option<&'static str> {
    let found = PRODUCTS.iter().find(|(prefix, _)| source.starts_with(prefix));
    found.map(|(_, product)| *product)
}

/// A line without its number or bullet: the channel counts by itself.
fn step(line: &str) -> String {
    let line = line.trim();
    let digits = line.trim_start_matches(|c: char| c.is_ascii_digit());
    let unnumbered = digits
        .strip_prefix(['.', ')', '．'])
        .filter(|_| digits.len() < line.len());
    let bare = unnumbered
        .unwrap_or_else(|| line.trim_start_matches(['-', '*', '・', '#']))
        .trim();
    // From a rule file, not from a log: its links are for clicking, but nothing in it may hide.
    let visible: String = bare.chars().filter(|c| !is_invisible(*c)).collect();
    cut(&visible, STEP_CHARS_MAX)
}

#[cfg(test)]
mod tests {
    use super::super::samples::event;
    use super::*;

    const RESPONSE: &str = "1. 電話する。\nMicrosoft 365：Entra 管理センター\n2. 止める。\n3. 調べる。\n4. 休む。\nGoogle Workspace：管理コンソール\nAWS: IAM";

    fn check(sources: &[&str], expected: &[&str]) {
        let evidence: Vec<Evidence> = sources
            .iter()
            .map(|source| Evidence {
                source: (*source).to_owned(),
                ..event("e1", 0, ("Tokyo", "JP", "203.0.113.7"))
            })
            .collect();

        assert_eq!(chosen(RESPONSE, &evidence), expected, "{sources:?}");
    }

    #[test]
    fn the_place_to_click_is_that_of_the_product_of_the_records() {
        let steps = ["電話する。", "止める。", "調べる。"];
        let with = |places: &[&'static str]| [&steps[..], places].concat();

        check(&[], &steps);
        check(&["linux.sshd", "unknown"], &steps);
        check(&["entra.signin"], &with(&["Microsoft 365：Entra 管理センター"]));
        check(
            &["m365.audit", "entra.audit"],
            &with(&["Microsoft 365：Entra 管理センター"]),
        );
        check(
            &["aws.cloudtrail", "google.login"],
            &with(&["Google Workspace：管理コンソール", "AWS: IAM"]),
        );
        check(
            &["aws.cloudtrail", "google.login", "m365.audit"],
            &with(&["Microsoft 365：Entra 管理センター", "Google Workspace：管理コンソール"]),
        );
    }

    #[test]
    fn a_step_is_told_without_its_number_or_bullet() {
        assert_eq!(step(" 1. Call."), "Call.");
        assert_eq!(step("・電話する。"), "電話する。");
        assert_eq!(step("200 is an answer."), "200 is an answer.");
    }
}
