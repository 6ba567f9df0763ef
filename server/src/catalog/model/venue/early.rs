//! Venues that were kept before a venue had a language of its own: their texts were maps by language.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::Venue;
use crate::catalog::model::texts::{Language, Texts};

/// What differs of a venue that was kept so.
#[derive(Deserialize)]
struct Early {
    name: Texts,
    #[serde(default)]
    access: EarlyAccess,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct EarlyAccess {
    notes: Texts,
}

/// Reads a venue as it is kept, or as it was.
pub(super) fn read(mut kept: Value) -> Result<Venue, serde_json::Error> {
    // The name of a venue of today is no map.
    if let Ok(early) = Early::deserialize(&kept)
        && let Some(fields) = kept.as_object_mut()
    {
        settle(fields, early);
    }
    serde_json::from_value(kept)
}

/// Gives it the language that its name had in lists.
fn settle(fields: &mut Map<String, Value>, early: Early) {
    let (mut names, mut notes) = (early.name, early.access.notes);
    let language = names.pick(&[], &Language::default());
    let language = language.map_or_else(Language::default, |picked| picked.language.clone());
    let name = names.take(&language).unwrap_or_default();
    let note = notes.take(&language).unwrap_or_default();
    if let Some(access) = fields.get_mut("access").and_then(Value::as_object_mut) {
        access.insert("notes".to_owned(), Value::String(note));
    }
    fields.insert("name".to_owned(), Value::String(name));
    fields.insert("language".to_owned(), json!(language));
    let translations = json!({"name": names, "access_notes": notes});
    fields.insert("translations".to_owned(), translations);
}
