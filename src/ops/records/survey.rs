//! What an org has of records, for choosing: rows, size, fields that look personal.

use serde::Serialize;

use super::scope;
use crate::{
    client::Org,
    config::Records,
    model::{FieldName, ObjectName},
    ops::error::{During, Error},
    plan::select::Glob,
    progress::{Event, Monitor, Phase},
    records::{Field, FieldType},
};

/// What the platform counts for most rows, in bytes.
///
/// Source: Salesforce Help, "Data and File Storage": most records take 2 KB.
const BYTES_PER_ROW: u64 = 2 << 10;

/// One object with rows.
#[derive(Clone, Debug, Serialize)]
pub struct Surveyed {
    /// The object.
    pub object: ObjectName,
    /// Rows, as the org counts now and then.
    pub rows: u64,
    /// What the platform counts for them.
    pub bytes: u64,
    /// Fields that look personal.
    pub personal: Vec<FieldName>,
}

/// Lists the objects that have rows, the largest first; `objects` narrows it.
///
/// # Errors
///
/// Of the calls: the list, the counts, and a describe for each object with rows.
pub async fn survey(
    org: &Org,
    objects: &[Glob],
    monitor: &dyn Monitor,
) -> Result<Vec<Surveyed>, Error> {
    let listed = org
        .describe_objects()
        .await
        .during("listing the objects of the org")?;
    let everything = [Glob::new("*")];
    let asked = if objects.is_empty() {
        &everything[..]
    } else {
        objects
    };
    let targets = scope::targets(&listed, &Records::default(), asked, &|_| false)?;
    let names: Vec<_> = targets.into_iter().map(|it| it.name).collect();
    let counts = org.count_records(&names).await.during("counting rows")?;
    let mut found: Vec<(ObjectName, u64)> = counts.into_iter().filter(|it| it.1 > 0).collect();
    found.retain(|it| names.contains(&it.0));
    found.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    monitor.event(Event::Started(Phase::List, Some(found.len() as u64)));
    let mut surveyed = Vec::with_capacity(found.len());
    for (n, (object, rows)) in found.into_iter().enumerate() {
        let schema = org.describe_object(&object).await?;
        let personal = schema.fields.iter().filter(|it| looks_personal(it));
        surveyed.push(Surveyed {
            personal: personal.map(|it| it.name.clone()).collect(),
            bytes: rows * BYTES_PER_ROW,
            object,
            rows,
        });
        monitor.event(Event::Advanced(Phase::List, n as u64 + 1));
    }
    monitor.event(Event::Finished(Phase::List));
    Ok(surveyed)
}

/// Whether a field looks as if it said something of a person, by its type and its name.
///
/// A hint for people, never a rule: it knows English words only.
fn looks_personal(field: &Field) -> bool {
    const WORDS: [&str; 17] = [
        "birth",
        "ssn",
        "socialsecurity",
        "passport",
        "iban",
        "salary",
        "gender",
        "religion",
        "taxid",
        "nationalid",
        "firstname",
        "lastname",
        "mobile",
        "street",
        "maiden",
        "license",
        "health",
    ];
    let name = field.name.as_str().to_ascii_lowercase().replace('_', "");
    matches!(
        field.kind,
        FieldType::Email | FieldType::Phone | FieldType::Encryptedstring
    ) || WORDS.iter().any(|it| name.contains(it))
}
