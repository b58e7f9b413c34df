//! Every component of the org with its last change.

use serde_json::{Value, json};

use super::{Reply, State};
use crate::model::{ComponentKey, RecordId, Stamp};

/// Answers `GET /simorg/state`.
pub(super) fn tell(state: &State) -> Reply {
    let org = &state.kept.org;
    let mut components = Vec::new();
    for (key, component) in org.metadata().iter() {
        components.push(entry(
            &key,
            component.id,
            &component.created,
            &component.modified,
        ));
        for (key, child) in &component.children {
            components.push(entry(key, child.id, &child.created, &child.modified));
        }
    }
    let resting: Vec<Value> = org
        .resting
        .iter()
        .map(|it| entry(&it.key, it.id, &it.deleted, &it.deleted))
        .collect();
    Reply::json(
        200,
        &json!({
            "now": org.now(),
            "components": components,
            "resting": resting,
            "records": records(state),
        }),
    )
}

/// How many rows each object has, and how many lie in the recycle bin.
fn records(state: &State) -> Value {
    let store = &state.kept.records;
    let schema = store.schema(&state.kept.org);
    let mut all = serde_json::Map::new();
    for object in schema.objects() {
        let rows = store.count(object).unwrap_or(0);
        let deleted = store.count_deleted(object).unwrap_or(0);
        if rows + deleted > 0 {
            let counts = json!({"rows": rows, "deleted": deleted});
            all.insert(object.name.clone(), counts);
        }
    }
    Value::Object(all)
}

fn entry(key: &ComponentKey, id: Option<RecordId>, created: &Stamp, modified: &Stamp) -> Value {
    json!({
        "type": key.type_name,
        "name": key.name,
        "id": id,
        "created": {"by": created.by.name, "at": created.at},
        "modified": {"by": modified.by.name, "at": modified.at},
    })
}
