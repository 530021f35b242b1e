//! What the operations of the audit log are. The table is in `operations.csv`.

use std::collections::BTreeMap;
use std::sync::LazyLock;

/// What an operation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Operation {
    /// The word of `activity`.
    pub(super) activity: &'static str,
    /// The word of `resource_type`, or empty.
    pub(super) resource_type: &'static str,
}

static TABLE: LazyLock<BTreeMap<String, Operation>> = LazyLock::new(|| lines().collect());

fn lines() -> impl Iterator<Item = (String, Operation)> {
    include_str!("operations.csv").lines().skip(1).filter_map(|line| {
        let mut cells = line.split(',').map(str::trim);
        let (name, activity, resource_type) = (cells.next()?, cells.next()?, cells.next()?);
        Some((
            name.to_ascii_lowercase(),
            Operation {
                activity,
                resource_type,
            },
        ))
    })
}

/// The operation of that name; the directory writes a full stop after its names. An unlisted verb and
/// noun of `PowerShell` (`Set-CASMailbox`) is a command of an administrator.
pub(super) fn operation(name: &str) -> Operation {
    let name = name.trim().trim_end_matches('.');
    let is_command = name.starts_with(|c: char| c.is_ascii_uppercase()) && name.contains('-') && !name.contains(' ');
    let otherwise = if is_command { "admin_command" } else { "other" };
    let unlisted = Operation {
        activity: otherwise,
        resource_type: "",
    };
    TABLE.get(&name.to_ascii_lowercase()).copied().unwrap_or(unlisted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_of_the_table_is_well_formed() {
        const TYPES: [&str; 10] = [
            "",
            "file",
            "mailbox",
            "role",
            "group",
            "policy",
            "app",
            "inbox_rule",
            "url",
            "device",
        ];
        let text = include_str!("operations.csv");
        for line in text.lines().skip(1) {
            let cells: Vec<&str> = line.split(',').collect();
            assert_eq!(cells.len(), 3, "{line}");
            assert!(sekisho_model::words::class_of(cells[1]).is_some(), "{line}");
            assert!(TYPES.contains(&cells[2]), "{line}");
        }
        assert_eq!(TABLE.len(), text.lines().count() - 1, "an operation is listed twice");
    }

    #[test]
    fn an_operation_is_known_with_or_without_its_full_stop() {
        assert_eq!(operation("Add member to role."), operation("add member to role"));
        assert_eq!(operation("Add member to role.").activity, "role_assign");
        assert_eq!(operation("Set-CASMailbox").activity, "admin_command");
        assert_eq!(operation("SomethingNew").activity, "other");
    }
}
