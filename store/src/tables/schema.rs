//! The columns of each table.

use std::sync::{Arc, LazyLock};

use arrow_schema::{DataType, Field, Schema, SchemaRef};
use sekisho_model::Kind;
use sekisho_model::schema::STORED_SCHEMA;

/// What is fixed about a table.
#[derive(Debug)]
pub(crate) struct TableSpec {
    /// Its name in SQL, and of its folder.
    pub(crate) name: &'static str,
    /// What it holds.
    pub(crate) comment: &'static str,
    /// Its columns; `date` is the partition.
    pub(crate) schema: &'static LazyLock<SchemaRef>,
    /// The columns of which each file keeps its least and greatest value: what questions filter by. Fewer
    /// columns make smaller commits.
    pub(crate) statistics: &'static str,
}

/// The partition column of every table.
pub(crate) const PARTITION: &str = "date";

/// Normalised events.
pub(crate) static EVENTS: TableSpec = TableSpec {
    name: "events",
    comment: "Normalised events, one row each.",
    schema: &STORED_SCHEMA,
    statistics: "time,ingest_time,event_uid,tenant,source,activity,status_id,user_name,person,src_ip,src_country,app_name",
};

/// Records that could not be read.
pub(crate) static REJECTS: TableSpec = TableSpec {
    name: "rejects",
    comment: "Records that could not be read.",
    schema: &REJECTS_SCHEMA,
    statistics: "observed,tenant,source,offset",
};

/// Changes of alerts.
pub(crate) static ALERTS: TableSpec = TableSpec {
    name: "alerts",
    comment: "Alerts, one row a change.",
    schema: &ALERTS_SCHEMA,
    statistics: "change_time,alert_id,incident_id,tenant,rule_id,severity,user_name,src_ip,entity,first_time,last_time",
};

/// Every table, in the order in which an epoch is committed to them.
pub(crate) static SPECS: [&TableSpec; 3] = [&EVENTS, &REJECTS, &ALERTS];

static REJECTS_SCHEMA: LazyLock<SchemaRef> = LazyLock::new(|| {
    schema(&[
        ("date", Kind::Date, true),
        ("observed", Kind::Time, true),
        ("tenant", Kind::Text, true),
        ("source", Kind::Text, true),
        ("origin", Kind::Text, true),
        ("log", Kind::Text, true),
        ("offset", Kind::Int64, true),
        ("reason", Kind::Text, true),
        ("raw", Kind::Text, true),
        ("raw_bytes", Kind::Int64, true),
    ])
});

static ALERTS_SCHEMA: LazyLock<SchemaRef> = LazyLock::new(|| {
    schema(&[
        ("date", Kind::Date, true),
        ("change_time", Kind::Time, true),
        ("position", Kind::Int64, true),
        ("alert_id", Kind::Text, true),
        ("incident_id", Kind::Text, true),
        ("tenant", Kind::Text, true),
        ("rule_id", Kind::Text, true),
        ("title_en", Kind::Text, true),
        ("title_ja", Kind::Text, true),
        ("severity", Kind::Text, true),
        ("score", Kind::Float64, true),
        ("first_time", Kind::Time, true),
        ("last_time", Kind::Time, true),
        ("found_late_secs", Kind::Int64, false),
        ("user_name", Kind::Text, false),
        ("src_ip", Kind::Text, false),
        ("entity", Kind::Text, true),
        ("entity_kind", Kind::Text, true),
        ("evidence_count", Kind::Int64, true),
        ("evidence", Kind::Text, true),
        ("facts", Kind::Text, true),
        ("attack", Kind::Text, true),
        ("incident_severity", Kind::Text, false),
        ("incident_score", Kind::Float64, false),
        ("merged_into", Kind::Text, false),
    ])
});

fn schema(columns: &[(&str, Kind, bool)]) -> SchemaRef {
    let field = |&(name, kind, required): &(&str, Kind, bool)| Field::new(name, kind.stored_type(), !required);
    Arc::new(Schema::new(columns.iter().map(field).collect::<Vec<_>>()))
}

impl TableSpec {
    /// What has changed between the columns of this version and those of a stored table: the columns to be
    /// added, or what cannot be reconciled.
    pub(crate) fn missing_from(&self, stored: &Schema) -> Result<Vec<Field>, String> {
        let mut missing = Vec::new();
        for field in self.schema.fields() {
            match stored.field_with_name(field.name()) {
                Ok(found) if plain(found.data_type()) == *field.data_type() => {}
                Ok(found) => {
                    let (name, expected, found) = (field.name(), field.data_type(), found.data_type());
                    return Err(format!("column {name} is of type {found}, expected {expected}"));
                }
                Err(_) if field.is_nullable() => missing.push(field.as_ref().clone()),
                Err(_) => return Err(format!("column {} is missing", field.name())),
            }
        }
        let unknown = stored
            .fields()
            .iter()
            .find(|field| self.schema.index_of(field.name()).is_err());
        match unknown {
            Some(field) if !field.is_nullable() => {
                Err(format!("column {} is unknown, and must have a value", field.name()))
            }
            _ => Ok(missing),
        }
    }
}

/// The type without regard to how text is laid out in memory.
fn plain(kind: &DataType) -> DataType {
    match kind {
        DataType::Utf8View | DataType::LargeUtf8 => DataType::Utf8,
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_table_is_partitioned_by_date_and_names_columns_it_has() {
        for spec in SPECS {
            assert_eq!(spec.schema.field(0).name(), PARTITION, "{}", spec.name);
            for column in spec.statistics.split(',') {
                assert!(spec.schema.index_of(column).is_ok(), "{}: {column}", spec.name);
            }
        }
    }

    #[test]
    fn a_new_column_may_be_added_if_it_may_be_null() {
        let without = |name: &str| {
            let fields: Vec<_> = EVENTS
                .schema
                .fields()
                .iter()
                .filter(|field| field.name() != name)
                .cloned()
                .collect();
            EVENTS.missing_from(&Schema::new(fields))
        };
        assert_eq!(without("nothing of that name"), Ok(Vec::new()));
        assert_eq!(without("person").unwrap().len(), 1);
        assert_eq!(without("event_uid"), Err("column event_uid is missing".to_owned()));
        let other = Schema::new(vec![Field::new("date", DataType::Utf8, false)]);
        assert!(
            EVENTS
                .missing_from(&other)
                .unwrap_err()
                .contains("date is of type Utf8")
        );
    }
}
