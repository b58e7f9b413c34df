//! Jobs that are scheduled to run Apex.
//!
//! Source: SOAP API Developer Guide, `AsyncApexJob`, `CronTrigger`, `CronJobDetail`.

use serde_json::Value;

use super::{
    Api, Definition, View,
    define::{id, object},
};
use crate::{
    model::{ComponentKey, RecordId},
    simorg::{soql::Row, state::made_id},
};

pub(super) const DEFINITIONS: &[Definition] = &[
    Definition {
        name: "AsyncApexJob",
        api: Api::Both,
        object: |_| {
            object(
                "AsyncApexJob",
                "707",
                "Id JobType| Status| ApexClassId>ApexClass CronTriggerId>CronTrigger",
            )
        },
        rows: |view| {
            rows(view, |name, class, view| {
                vec![
                    Value::from(made_id("707", name).as_str()),
                    Value::from("ScheduledApex"),
                    Value::from("Queued"),
                    id(id_of_class(view, class)),
                    Value::from(made_id("08e", name).as_str()),
                ]
            })
        },
    },
    Definition {
        name: "CronTrigger",
        api: Api::Both,
        object: |_| {
            object(
                "CronTrigger",
                "08e",
                "Id State| CronExpression CronJobDetailId>CronJobDetail",
            )
        },
        rows: |view| {
            rows(view, |name, _, _| {
                vec![
                    Value::from(made_id("08e", name).as_str()),
                    Value::from("WAITING"),
                    Value::from("0 0 3 * * ?"),
                    Value::from(made_id("08a", name).as_str()),
                ]
            })
        },
    },
    Definition {
        name: "CronJobDetail",
        api: Api::Both,
        object: |_| object("CronJobDetail", "08a", "Id Name JobType|"),
        rows: |view| {
            rows(view, |name, _, _| {
                vec![
                    Value::from(made_id("08a", name).as_str()),
                    Value::from(name),
                    Value::from("7"),
                ]
            })
        },
    },
];

fn rows(view: &View<'_>, row: impl Fn(&str, &str, &View<'_>) -> Row) -> Vec<Row> {
    let jobs = view.org.scheduled.iter();
    jobs.map(|(name, class)| row(name, class, view)).collect()
}

fn id_of_class(view: &View<'_>, class: &str) -> Option<RecordId> {
    let key = ComponentKey::parse("ApexClass", class).ok()?;
    view.org.metadata().get(&key)?.id
}
