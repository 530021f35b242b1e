//! What the events of the Security channel mean, by their number; the table is in `events.csv`, after
//! Microsoft's description of each event.

use std::collections::BTreeMap;
use std::sync::LazyLock;

/// What an event means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Meaning {
    /// A word of the closed list.
    pub(super) activity: &'static str,
    pub(super) outcome: Outcome,
    pub(super) user: Whose,
    /// The word of `auth_protocol`, where the event alone tells it; or empty.
    pub(super) protocol: &'static str,
}

/// What says how it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// The event itself, unless its keyword says that it failed.
    Success,
    /// The event itself.
    Failure,
    /// Nothing.
    Unknown,
    /// Its keyword: an audited success or failure.
    Audit,
    /// Its `Status`: 0 is success.
    Code,
}

/// Which fields name the account that the event is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Whose {
    /// `TargetUserName`
    Target,
    /// `SubjectUserName`
    Subject,
    /// `MemberName`; `TargetUserName` is the group.
    Member,
    /// `AccountName`
    Account,
}

/// What an event means that is not in the table: that it happened.
const UNLISTED: Meaning = Meaning {
    activity: "other",
    outcome: Outcome::Audit,
    user: Whose::Subject,
    protocol: "",
};

static TABLE: LazyLock<BTreeMap<u16, Meaning>> =
    LazyLock::new(|| include_str!("events.csv").lines().skip(1).filter_map(line).collect());

fn line(line: &'static str) -> Option<(u16, Meaning)> {
    let mut cells = line.split(',');
    let id = cells.next()?.parse().ok()?;
    let activity = cells.next()?;
    let outcome = match cells.next()? {
        "success" => Outcome::Success,
        "failure" => Outcome::Failure,
        "unknown" => Outcome::Unknown,
        "audit" => Outcome::Audit,
        "code" => Outcome::Code,
        _ => return None,
    };
    let user = match cells.next()? {
        "target" => Whose::Target,
        "subject" => Whose::Subject,
        "member" => Whose::Member,
        "account" => Whose::Account,
        _ => return None,
    };
    let meaning = Meaning {
        activity,
        outcome,
        user,
        protocol: cells.next()?,
    };
    Some((id, meaning))
}

/// What the event of this number means.
pub(super) fn meaning(id: u16) -> Meaning {
    TABLE.get(&id).copied().unwrap_or(UNLISTED)
}

/// The names of the values that some shippers send as a bare list.
static INSERTS: LazyLock<BTreeMap<u16, &'static str>> = LazyLock::new(|| {
    let lines = include_str!("inserts.csv").lines().skip(1);
    lines
        .filter_map(|line| line.split_once(','))
        .filter_map(|(id, names)| Some((id.parse().ok()?, names)))
        .collect()
});

/// The names of an event's values, in the order in which the event has them.
pub(super) fn insert_names(id: u16) -> impl Iterator<Item = &'static str> {
    INSERTS.get(&id).copied().unwrap_or_default().split_ascii_whitespace()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_of_the_tables_is_well_formed() {
        let lines = include_str!("events.csv").lines().skip(1).count();
        assert_eq!(TABLE.len(), lines, "a line is wrong, or a number is listed twice");
        for (id, meaning) in &*TABLE {
            assert!(
                sekisho_model::words::class_of(meaning.activity).is_some(),
                "{id}: {}",
                meaning.activity
            );
        }
        assert_eq!(INSERTS.len(), include_str!("inserts.csv").lines().skip(1).count());
        assert_eq!(insert_names(4776).last(), Some("Status"));
    }
}
