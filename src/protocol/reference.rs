//! References: a record names another by its id, and until that is known, by its temporary one (decision b).

use serde_json::Value;

use super::TEMPORARY_ID_PREFIX;

/// Length of a `_localId`, a UUID in its usual form.
const LOCAL_ID: usize = 36;

/// The temporary ids in `text`, in their order.
pub fn temporary_ids(text: &str) -> impl Iterator<Item = &str> {
    text.match_indices(TEMPORARY_ID_PREFIX).filter_map(|(at, _)| {
        let id = text.get(at..at + TEMPORARY_ID_PREFIX.len() + LOCAL_ID)?;
        is_local_id(&id[TEMPORARY_ID_PREFIX.len()..]).then_some(id)
    })
}

fn is_local_id(text: &str) -> bool {
    let hyphen = |place: usize| matches!(place, 8 | 13 | 18 | 23);
    text.bytes().enumerate().all(|(place, byte)| if hyphen(place) { byte == b'-' } else { byte.is_ascii_hexdigit() })
}

/// Gives every text in `value` a temporary id of which `real` knows the real one by that.
///
/// # Errors
/// Whatever `real` finds wrong with one.
pub fn replace_temporary_ids<E>(
    value: &mut Value,
    real: &mut impl FnMut(&str) -> Result<Option<String>, E>,
) -> Result<(), E> {
    match value {
        Value::String(text) => {
            let found: Vec<String> = temporary_ids(text).map(str::to_owned).collect();
            for temporary in found {
                if let Some(id) = real(&temporary)? {
                    *text = text.replace(&temporary, &id);
                }
            }
            Ok(())
        }
        Value::Array(items) => items.iter_mut().try_for_each(|item| replace_temporary_ids(item, real)),
        Value::Object(fields) => fields.values_mut().try_for_each(|inner| replace_temporary_ids(inner, real)),
        Value::Null | Value::Bool(_) | Value::Number(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use serde_json::json;

    use super::*;

    const ID: &str = "tmp-0199aaaa-bbbb-7ccc-8ddd-eeeeeeeeeeee";

    #[test]
    fn a_temporary_id_is_found_wherever_it_stands_and_nothing_else_is() {
        let text = format!("tmp-file {ID}, tmp-0199aaaa-bbbb-7ccc-8ddd ({ID})é tmp-");
        assert_eq!(temporary_ids(&text).collect::<Vec<_>>(), [ID, ID]);
    }

    #[test]
    fn known_ids_are_replaced_and_others_stay() {
        let other = ID.replace("0199", "0200");
        let mut value = json!({"a": [ID, 1, {"b": format!("see {ID} and {other}")}], "c": null});
        let mut real = |id: &str| Ok::<_, Infallible>((id == ID).then(|| "WO-9".to_owned()));
        replace_temporary_ids(&mut value, &mut real).unwrap();
        assert_eq!(value, json!({"a": ["WO-9", 1, {"b": format!("see WO-9 and {other}")}], "c": null}));
    }
}
