//! The one table of columns, from which the Arrow schema, the Delta table, the column
//! documentation and the list of rule fields derive.

use std::sync::{Arc, LazyLock};

use arrow_schema::{DataType, Field, Schema, SchemaRef, TimeUnit};

/// The type of a column in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Text with few distinct values, dictionary-encoded.
    Dict,
    /// Text with many distinct values.
    Text,
    /// Microseconds since the epoch, UTC.
    Time,
    /// Days since the epoch.
    Date,
    /// A truth value.
    Bool,
    /// A small signed integer.
    Int8,
    /// A signed integer.
    Int16,
    /// A signed integer.
    Int32,
    /// A signed integer. Delta Lake has no unsigned types, so neither has this table.
    Int64,
    /// A floating-point number.
    Float64,
}

impl Kind {
    /// The Arrow type of a batch in memory.
    pub fn data_type(self) -> DataType {
        match self {
            Self::Dict => DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8)),
            Self::Text => DataType::Utf8,
            Self::Time => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
            Self::Date => DataType::Date32,
            Self::Bool => DataType::Boolean,
            Self::Int8 => DataType::Int8,
            Self::Int16 => DataType::Int16,
            Self::Int32 => DataType::Int32,
            Self::Int64 => DataType::Int64,
            Self::Float64 => DataType::Float64,
        }
    }

    /// The Arrow type in the stored table, where a dictionary is plain text.
    pub fn stored_type(self) -> DataType {
        match self {
            Self::Dict => DataType::Utf8,
            Self::Text
            | Self::Time
            | Self::Date
            | Self::Bool
            | Self::Int8
            | Self::Int16
            | Self::Int32
            | Self::Int64
            | Self::Float64 => self.data_type(),
        }
    }
}

/// Where a column lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// In the batch and in the `events` table.
    Stored,
    /// In the batch only: it can be computed again, or means nothing later.
    Batch,
}

/// What is known about a column.
#[derive(Clone, Copy, Debug)]
pub struct ColumnSpec {
    /// Its identity in code.
    pub column: Column,
    /// Its name in rules, SQL and NDJSON.
    pub name: &'static str,
    /// Its type.
    pub kind: Kind,
    /// Whether it always has a value.
    pub required: bool,
    /// Whether it is stored.
    pub place: Place,
    /// The OCSF attribute it corresponds to, or empty.
    pub ocsf: &'static str,
    /// The ECS field it corresponds to, or empty.
    pub ecs: &'static str,
    /// What it means.
    pub doc: &'static str,
}

macro_rules! columns {
    ($( $column:ident $name:literal $kind:ident $need:ident $place:ident $ocsf:literal $ecs:literal $doc:literal; )*) => {
        /// A column of the normal form.
        #[expect(clippy::doc_markdown, reason = "the words are data of the table, some of them values")]
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Column { $( #[doc = $doc] $column, )* }

        /// Every column, in the order of the batch.
        pub static COLUMNS: &[ColumnSpec] = &[ $( ColumnSpec {
            column: Column::$column,
            name: $name,
            kind: Kind::$kind,
            required: columns!(@need $need),
            place: Place::$place,
            ocsf: $ocsf,
            ecs: $ecs,
            doc: $doc,
        }, )* ];
    };
    (@need need) => { true };
    (@need may) => { false };
}

columns! {
    Date "date" Date need Stored "" "" "UTC date of `time`; the tables are partitioned by it.";
    Time "time" Time need Stored "time" "@timestamp" "When it happened at the source; if that is unreadable, `ingest_time`, and `parse_status` is `partial`.";
    IngestTime "ingest_time" Time need Stored "metadata.logged_time" "event.ingested" "When Sekisho received it.";
    EventUid "event_uid" Text need Stored "metadata.uid" "event.id" "Identity of the event: hash of tenant, source and the vendor's own id, or of the position.";
    Tenant "tenant" Dict need Stored "metadata.tenant_uid" "organization.id" "Whose event it is.";
    Source "source" Dict need Stored "metadata.log_name" "event.dataset" "The parser that read it, such as `linux.sshd`.";
    ClassUid "class_uid" Int32 need Stored "class_uid" "event.category" "OCSF class; 0 when unclassified.";
    Activity "activity" Dict need Stored "activity_id" "event.type" "What was done, from a closed list of words such as `logon` or `mail_send`.";
    Action "action" Dict may Stored "metadata.event_code" "event.action" "The source's own name of the operation, verbatim.";
    StatusId "status_id" Int8 need Stored "status_id" "event.outcome" "0 unknown, 1 success, 2 failure, 3 interrupted (one step of a sign-in that went on).";
    StatusCode "status_code" Dict may Stored "status_code" "error.code" "The source's own code, as text.";
    StatusReason "status_reason" Dict may Stored "status_detail" "event.reason" "Why it failed, from a closed list of words such as `bad_password`.";
    UserName "user_name" Dict may Stored "user.email_addr" "user.email" "Whose account it is: lower case, mail address or UPN where known.";
    UserUid "user_uid" Dict may Stored "user.uid" "user.id" "The account's immutable id.";
    UserType "user_type" Dict may Stored "user.type_id" "user.roles" "member, guest, admin, service, system or anonymous.";
    ActorName "actor_name" Dict may Stored "actor.user.name" "user.name" "Who did it, when that is not the account itself.";
    SrcIp "src_ip" Text may Stored "src_endpoint.ip" "source.ip" "Address it came from, in canonical text.";
    SrcIpType "src_ip_type" Dict may Stored "src_endpoint.network_scope" "" "public, private, cgnat, loopback, link_local, redacted or service.";
    SrcCountry "src_country" Dict may Stored "src_endpoint.location.country" "source.geo.country_iso_code" "ISO 3166-1 alpha-2 code, from the geo database.";
    SrcCity "src_city" Dict may Stored "src_endpoint.location.city" "source.geo.city_name" "English name of the city; null means the place is known to the country only.";
    SrcLat "src_lat" Float64 may Stored "src_endpoint.location.lat" "source.geo.location.lat" "Latitude in degrees.";
    SrcLon "src_lon" Float64 may Stored "src_endpoint.location.long" "source.geo.location.lon" "Longitude in degrees.";
    SrcAccuracyKm "src_accuracy_km" Int32 may Stored "src_endpoint.location.horizontal_accuracy" "" "Radius in kilometres within which the place lies in 67 % of cases.";
    SrcAsn "src_asn" Int64 may Stored "src_endpoint.autonomous_system.number" "source.as.number" "Autonomous system number of the address.";
    SrcAsOrg "src_as_org" Dict may Stored "src_endpoint.autonomous_system.name" "source.as.organization.name" "Operator of the autonomous system.";
    AppName "app_name" Dict may Stored "service.name" "service.name" "Application or gateway that was signed in to.";
    AppUid "app_uid" Dict may Stored "service.uid" "service.id" "The application's id.";
    DstHost "dst_host" Dict may Stored "dst_endpoint.hostname" "host.name" "Server, firewall, gateway or virtual host.";
    Resource "resource" Text may Stored "resources.name" "file.path" "What was acted on: file, mailbox, role, group, rule.";
    ResourceType "resource_type" Dict may Stored "resources.type" "" "file, mailbox, role, group, policy, app, inbox_rule, url or device.";
    AuthProtocol "auth_protocol" Dict may Stored "auth_protocol" "network.protocol" "oidc, saml, oauth2, ropc, device_code, imap, pop3, smtp, ssh, basic and the like.";
    AuthMethod "auth_method" Dict may Stored "auth_factors.factor_type" "" "password, password+push, fido2, ssh_key, cert, otp and the like.";
    MfaResult "mfa_result" Dict may Stored "is_mfa" "" "none, not_required, required, satisfied, satisfied_by_token, denied or failed.";
    IsInteractive "is_interactive" Bool may Stored "logon_type_id" "" "Whether a person was present; null when unknown.";
    SessionUid "session_uid" Text may Stored "session.uid" "session.id" "Session, tunnel or logon id.";
    DeviceUid "device_uid" Dict may Stored "device.uid" "device.id" "Id or name of the device.";
    DeviceTrust "device_trust" Dict may Stored "device.is_managed" "" "compliant, managed, registered, unmanaged or unknown.";
    UserAgent "user_agent" Dict may Stored "http_request.user_agent" "user_agent.original" "The client's own description of itself.";
    ClientFamily "client_family" Dict may Stored "" "user_agent.name" "Coarse client such as `Chrome/Windows`.";
    RiskLevel "risk_level" Int8 may Stored "risk_level_id" "event.risk_score" "The vendor's risk: 0 none, 1 low, 2 medium, 3 high, 4 critical.";
    Url "url" Text may Stored "http_request.url" "url.original" "Path and query; the host is in `dst_host`.";
    HttpStatus "http_status" Int16 may Stored "http_response.code" "http.response.status_code" "HTTP status code.";
    BytesOut "bytes_out" Int64 may Stored "traffic.bytes_out" "source.bytes" "Bytes that left us.";
    ItemCount "item_count" Int64 may Stored "count" "" "Files, mailbox items, mail recipients or repetitions that this record stands for; null means 1.";
    Origin "origin" Text need Stored "metadata.loggers" "log.file.path" "How it came: `http:token`, `syslog-tcp:192.0.2.1`, `file:/var/log/auth.log#4096`.";
    ParseStatus "parse_status" Dict need Stored "" "error.message" "ok, partial (a part is missing or unreadable, or its time lies over 5 minutes after its receipt) or unparsed (of no known kind).";
    Native "native" Text may Stored "unmapped" "" "JSON object of the source's own fields, only when `raw` is not JSON.";
    Raw "raw" Text need Stored "raw_data" "event.original" "The record as it came, in UTF-8.";
    Person "person" Dict may Stored "" "related.user" "The person behind all aliases of the account.";
    SrcNetKind "src_net_kind" Dict may Stored "" "" "office, egress, sase, mobile, hosting, vpn, tor, relay, inflight, fixed or unknown.";
    PersonKind "person_kind" Dict may Batch "" "" "member, service, shared, vip or break_glass, from the people list.";
    Privileged "privileged" Bool may Batch "" "" "Whether the people list says the account has administrator rights.";
    Joined "joined" Date may Batch "" "" "First day in the company, from the people list.";
    Left "left" Date may Batch "" "" "Last day in the company, from the people list.";
    OfficeState "office_state" Dict may Batch "" "" "open, closed or holiday at `time`, in the tenant's zone.";
    Unfamiliarity "unfamiliarity" Float64 may Batch "" "" "How unlike the person's own history a success is, in nats of a log-likelihood ratio: 3 is odd, 8 calls for a question.";
    ActivePeople "active_people" Int32 may Batch "" "" "How many people were active in the 30 days before.";
    Noticed "noticed" Bool may Batch "" "" "Whether the person gave notice of a journey to the country at `time`; null where there are no notices.";
    OwnDomains "own_domains" Dict may Batch "" "" "How addresses of the firm's own domains end, as far as they are known: those of the account, of who did it, and of the people list.";
    Log "log" Dict need Batch "" "" "The log the record was read from: `spool`, or a file in `replay`.";
    Offset "offset" Int64 need Batch "" "" "Position of the record in its log.";
    Backfill "backfill" Bool may Batch "" "" "Whether the source sends old records, which are judged as if they were new.";
    HasNativeId "has_native_id" Bool may Batch "" "" "Whether `event_uid` is made of the vendor's own id, so that the same event sent twice is known by it.";
}

impl Column {
    /// Its place in [`COLUMNS`] and in every batch.
    #[expect(clippy::as_conversions, reason = "the discriminant of a field-less enum")]
    pub const fn index(self) -> usize {
        self as usize
    }

    /// What is known about it.
    #[expect(clippy::indexing_slicing, reason = "COLUMNS has one entry per variant, by macro")]
    pub fn spec(self) -> &'static ColumnSpec {
        &COLUMNS[self.index()]
    }

    /// Its name in rules, SQL and NDJSON.
    pub fn name(self) -> &'static str {
        self.spec().name
    }

    /// The column of that name; names are compared without case.
    pub fn by_name(name: &str) -> Option<Self> {
        COLUMNS
            .iter()
            .find(|spec| spec.name.eq_ignore_ascii_case(name))
            .map(|spec| spec.column)
    }
}

/// The Arrow schema of a batch in memory: every column.
pub static BATCH_SCHEMA: LazyLock<SchemaRef> = LazyLock::new(|| {
    let fields: Vec<Field> = COLUMNS
        .iter()
        .map(|spec| Field::new(spec.name, spec.kind.data_type(), !spec.required))
        .collect();
    Arc::new(Schema::new(fields))
});

/// The Arrow schema of the `events` table: the stored columns, dictionaries as plain text.
pub static STORED_SCHEMA: LazyLock<SchemaRef> = LazyLock::new(|| {
    let fields: Vec<Field> = stored_columns()
        .map(|spec| Field::new(spec.name, spec.kind.stored_type(), !spec.required))
        .collect();
    Arc::new(Schema::new(fields))
});

/// The columns of the `events` table.
pub fn stored_columns() -> impl Iterator<Item = &'static ColumnSpec> {
    COLUMNS.iter().filter(|spec| spec.place == Place::Stored)
}

/// The table of columns as Markdown, for the documentation.
pub fn to_markdown() -> String {
    let mut text = String::from("| column | type | always | OCSF | ECS | meaning |\n|---|---|---|---|---|---|\n");
    for spec in stored_columns() {
        let always = if spec.required { "yes" } else { "" };
        let kind = match spec.kind {
            Kind::Dict | Kind::Text => "text",
            Kind::Time => "timestamp (µs, UTC)",
            Kind::Date => "date",
            Kind::Bool => "boolean",
            Kind::Int8 => "int8",
            Kind::Int16 => "int16",
            Kind::Int32 => "int32",
            Kind::Int64 => "int64",
            Kind::Float64 => "float64",
        };
        let cells = [&format!("`{}`", spec.name), kind, always, spec.ocsf, spec.ecs, spec.doc];
        text.push_str("| ");
        text.push_str(&cells.join(" | "));
        text.push_str(" |\n");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_index_of_a_column_is_its_place_in_the_table() {
        for (place, spec) in COLUMNS.iter().enumerate() {
            assert_eq!(spec.column.index(), place);
            assert_eq!(Column::by_name(spec.name), Some(spec.column));
        }
    }

    #[test]
    fn the_stored_table_has_no_dictionary_and_no_unsigned_column() {
        for field in STORED_SCHEMA.fields() {
            let kind = field.data_type();
            assert!(!matches!(kind, DataType::Dictionary(..)), "{field}");
            assert!(!kind.is_unsigned_integer(), "{field}");
        }
    }

    #[test]
    fn fifty_columns_are_stored() {
        assert_eq!(stored_columns().count(), 50);
    }
}
