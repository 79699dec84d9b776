//! Assets and inventory: read-only caches (spec 2.2).

use std::collections::BTreeMap;

use rusqlite::types::{Value as SqlValue, ValueRef};
use rusqlite::{Connection, params_from_iter};
use serde_json::Value;

use super::StoreError;
use crate::protocol::Record;

/// A cached kind of record.
#[derive(Clone, Copy, Debug)]
pub(in crate::client) struct Kind {
    table: &'static str,
    /// The fields, the id first.
    fields: &'static [&'static str],
}

/// Assets of the user's work orders.
pub(in crate::client) const ASSETS: Kind = Kind {
    table: "assets",
    fields: &["assetId", "siteId", "type", "category", "manufacturer", "model", "status", "location"],
};

/// Parts at the user's sites.
pub(in crate::client) const INVENTORY: Kind =
    Kind { table: "inventory", fields: &["partId", "description", "quantityAvailable", "unit"] };

impl Kind {
    /// The name of the field that holds the id.
    pub(in crate::client) fn id_field(&self) -> &'static str {
        self.fields[0]
    }

    /// The table that holds it.
    pub(in crate::client) fn table(&self) -> &'static str {
        self.table
    }

    /// Whether there is a record with this id.
    pub(in crate::client) fn holds(&self, c: &Connection, id: &str) -> Result<bool, StoreError> {
        let sql = format!("SELECT 1 FROM {} WHERE {} = ?1", self.table, self.id_field());
        Ok(c.prepare_cached(&sql)?.exists([id])?)
    }

    /// Stores what the server says of a record; fields that it leaves out stay.
    pub(in crate::client) fn put(&self, c: &Connection, change: &Record, now: &str) -> Result<(), StoreError> {
        let present: Vec<&str> = self.fields.iter().copied().filter(|name| change.contains_key(*name)).collect();
        let known = present.iter().skip(1).map(|name| format!("{name} = excluded.{name}, ")).collect::<String>();
        // An asset's site is NOT NULL in the spec, and a partial record of a known asset may leave it out.
        let (site, empty) =
            if self.table == "assets" && !present.contains(&"siteId") { (", siteId", ", ''") } else { ("", "") };
        let sql = format!(
            "INSERT INTO {} ({}{site}, _synced, _lastSyncAt) VALUES ({}{empty}, 1, ?) ON CONFLICT({}) DO UPDATE SET {known}\
             _lastSyncAt = excluded._lastSyncAt",
            self.table,
            present.join(", "),
            vec!["?"; present.len()].join(", "),
            self.id_field(),
        );
        let mut values: Vec<SqlValue> = present.iter().map(|name| column(name, &change[*name])).collect();
        values.push(SqlValue::Text(now.to_owned()));
        c.prepare_cached(&sql)?.execute(params_from_iter(values))?;
        Ok(())
    }

    /// Removes a record; returns whether there was one.
    pub(in crate::client) fn remove(&self, c: &Connection, id: &str) -> Result<bool, StoreError> {
        let sql = format!("DELETE FROM {} WHERE {} = ?1", self.table, self.id_field());
        Ok(c.prepare_cached(&sql)?.execute([id])? > 0)
    }

    /// All records by id.
    pub(in crate::client) fn all(&self, c: &Connection) -> Result<BTreeMap<String, Record>, StoreError> {
        let mut statement = c.prepare_cached(&format!("SELECT {} FROM {}", self.fields.join(", "), self.table))?;
        let mut rows = statement.query([])?;
        let mut all = BTreeMap::new();
        while let Some(row) = rows.next()? {
            let mut record = Record::new();
            for (index, name) in self.fields.iter().enumerate() {
                let value = match row.get_ref(index)? {
                    ValueRef::Null => continue,
                    ValueRef::Integer(number) => Value::from(number),
                    ValueRef::Real(number) => Value::from(number),
                    ValueRef::Text(text) | ValueRef::Blob(text) => field(name, &String::from_utf8_lossy(text))?,
                };
                record.insert((*name).to_owned(), value);
            }
            all.insert(row.get(0)?, record);
        }
        Ok(all)
    }
}

/// The one field that holds a document.
const DOCUMENT: &str = "location";

fn column(name: &str, value: &Value) -> SqlValue {
    match value {
        Value::Null => SqlValue::Null,
        document if name == DOCUMENT => SqlValue::Text(document.to_string()),
        Value::String(text) => SqlValue::Text(text.clone()),
        Value::Number(number) => {
            number.as_i64().map_or(SqlValue::Real(number.as_f64().unwrap_or(0.0)), SqlValue::Integer)
        }
        Value::Bool(_) | Value::Array(_) | Value::Object(_) => SqlValue::Text(value.to_string()),
    }
}

fn field(name: &str, text: &str) -> Result<Value, StoreError> {
    if name == DOCUMENT { Ok(serde_json::from_str(text)?) } else { Ok(Value::String(text.to_owned())) }
}
