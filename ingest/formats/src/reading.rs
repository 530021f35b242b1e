//! What a line of text says, before it becomes a row.

use std::borrow::Cow;

use sekisho_model::{Column, EventBuilder};
use serde::ser::{SerializeMap, Serializer};

use crate::{address, names};

/// The classes of OCSF that lines of text belong to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Class {
    /// Of none.
    #[default]
    Unclassified = 0,
    /// A process was started.
    Process = 1007,
    /// An account was changed.
    Account = 3001,
    /// Somebody signs in or out.
    Authentication = 3002,
    /// Membership of a group.
    Group = 3006,
    /// A request to a web server.
    Http = 4002,
    /// An SSH connection.
    Ssh = 4007,
    /// A mail on its way.
    Email = 4009,
}

/// How it ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Status {
    /// Not said.
    #[default]
    Unknown = 0,
    /// Well.
    Success = 1,
    /// Not well.
    Failure = 2,
    /// One step of a sign-in that went on.
    Interrupted = 3,
}

/// What a line says. Texts are as the line has them; [`write`](Self::write) brings them into form.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Reading<'a> {
    pub(crate) class: Class,
    /// A word of the closed list; empty means `other`.
    pub(crate) activity: &'static str,
    pub(crate) action: &'a str,
    pub(crate) status: Status,
    pub(crate) status_code: Option<&'a str>,
    /// A word of the closed list.
    pub(crate) reason: Option<&'static str>,
    pub(crate) user: Option<&'a str>,
    pub(crate) user_type: Option<&'static str>,
    pub(crate) actor: Option<&'a str>,
    /// The address it came from; a host name is kept in `native` only.
    pub(crate) source: Option<&'a str>,
    pub(crate) protocol: Option<&'static str>,
    pub(crate) method: Option<&'static str>,
    pub(crate) mfa: Option<&'static str>,
    pub(crate) session: Option<&'a str>,
    pub(crate) resource: Option<&'a str>,
    pub(crate) resource_type: Option<&'static str>,
    pub(crate) count: Option<i64>,
    pub(crate) bytes_out: Option<i64>,
    pub(crate) native: Vec<(&'static str, Cow<'a, str>)>,
    /// Whether it is of no known kind.
    pub(crate) unknown: bool,
}

impl<'a> Reading<'a> {
    /// A line of no known kind.
    pub(crate) fn unknown() -> Self {
        Self {
            unknown: true,
            ..Self::default()
        }
    }

    /// Keeps a field of the source's own, unless it is missing or empty.
    pub(crate) fn keep(&mut self, name: &'static str, value: Option<&'a str>) {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            self.native.push((name, Cow::Borrowed(value)));
        }
    }

    /// Writes it into the row in hand.
    pub(crate) fn write(&self, rows: &mut EventBuilder) {
        rows.int(Column::ClassUid, class_uid(self.class));
        if !self.activity.is_empty() {
            rows.verbatim(Column::Activity, self.activity);
        }
        rows.int(Column::StatusId, status_id(self.status));
        rows.text(Column::Action, self.action);
        rows.text_opt(Column::StatusCode, self.status_code);
        rows.text_opt(Column::StatusReason, self.reason);
        rows.text_opt(Column::UserType, self.user_type);
        rows.text_opt(Column::AuthProtocol, self.protocol);
        rows.text_opt(Column::AuthMethod, self.method);
        rows.text_opt(Column::MfaResult, self.mfa);
        rows.text_opt(Column::SessionUid, self.session);
        rows.text_opt(Column::Resource, self.resource);
        rows.text_opt(Column::ResourceType, self.resource_type);
        rows.int_opt(Column::ItemCount, self.count);
        rows.int_opt(Column::BytesOut, self.bytes_out);
        if let Some(user) = self.user {
            names::set_user(rows, user);
        }
        if let Some(actor) = self.actor {
            names::set_actor(rows, actor);
        }
        if let Some(source) = self.source {
            address::set_source(rows, source);
        }
        if self.unknown {
            rows.verbatim(Column::ParseStatus, "unparsed");
        }
        self.write_native(rows);
    }

    fn write_native(&self, rows: &mut EventBuilder) {
        if self.native.is_empty() {
            return;
        }
        if let Ok(json) = to_json(&self.native) {
            rows.verbatim(Column::Native, &json);
        }
        for (name, value) in &self.native {
            let place = rows.side_paths().position(|path| path.eq_ignore_ascii_case(name));
            if let Some(place) = place {
                rows.side(place, value);
            }
        }
    }
}

fn to_json(fields: &[(&'static str, Cow<'_, str>)]) -> Result<String, serde_json::Error> {
    let mut bytes = Vec::new();
    let mut json = serde_json::Serializer::new(&mut bytes);
    let mut map = json.serialize_map(Some(fields.len()))?;
    fields
        .iter()
        .try_for_each(|(name, value)| map.serialize_entry(name, value))?;
    map.end()?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

#[expect(clippy::as_conversions, reason = "the discriminant of a field-less enum")]
const fn class_uid(class: Class) -> i64 {
    class as i64
}

#[expect(clippy::as_conversions, reason = "the discriminant of a field-less enum")]
const fn status_id(status: Status) -> i64 {
    status as i64
}
