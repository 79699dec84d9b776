//! Values that name another order of the story: `"@leak"` becomes the id that it has for whoever acts.

use futures_util::future::LocalBoxFuture;
use serde_json::Value;

use super::stage::World;
use super::steps::StepError;
use crate::protocol::{Record, TEMPORARY_ID_PREFIX};
use crate::scenario::label_in;

impl World {
    /// `set` as `actor` writes it: a device's name, or none for the office. A temporary id means something only to the
    /// device that made the order.
    pub(super) async fn with_ids(&self, actor: Option<&str>, set: &Record) -> Result<Record, StepError> {
        let mut named = Record::new();
        for (field, value) in set {
            named.insert(field.clone(), self.named(actor, value).await?);
        }
        Ok(named)
    }

    fn named<'a>(&'a self, actor: Option<&'a str>, value: &'a Value) -> LocalBoxFuture<'a, Result<Value, StepError>> {
        Box::pin(async move {
            Ok(match value {
                Value::String(text) => match label_in(text) {
                    Some(label) => Value::String(self.id_for(actor, label).await?),
                    None => value.clone(),
                },
                Value::Array(items) => {
                    let mut named = Vec::with_capacity(items.len());
                    for item in items {
                        named.push(self.named(actor, item).await?);
                    }
                    Value::Array(named)
                }
                Value::Object(fields) => Value::Object(self.with_ids(actor, fields).await?),
                Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
            })
        })
    }

    async fn id_for(&self, actor: Option<&str>, label: &str) -> Result<String, StepError> {
        let id = self.order(label).await?;
        let maker = self.labels.borrow().get(label).and_then(|label| label.maker.clone());
        if id.starts_with(TEMPORARY_ID_PREFIX) && maker.as_deref() != actor {
            let who = actor.unwrap_or("the office");
            return Err(StepError::Impossible(format!("{who} cannot name `{label}` before it has been uploaded")));
        }
        Ok(id)
    }
}
