//! Rows refused on request: validation rules, triggers, flows, duplicate rules
//! and locks that are marked to fail.
//!
//! A trap that names a component holds only while the component is in the org
//! and active, so that who switches the rule off gets through.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Bench, Cell, RowError};
use crate::{
    model::{ComponentKey, RecordId},
    simorg::soql::Object,
};

/// What kind of thing refuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TrapKind {
    /// A validation rule.
    Validation,
    /// An Apex trigger.
    Trigger,
    /// A record-triggered flow.
    Flow,
    /// A duplicate rule that `allowSave` passes.
    Duplicate,
    /// A row that somebody else is changing.
    Lock,
}

/// What is done to a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Act {
    /// It is made.
    Insert,
    /// It is changed.
    Update,
    /// It is deleted.
    Delete,
    /// It comes back.
    Undelete,
}

/// A rule by which rows are refused.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Trap {
    /// Object that it is about.
    pub object: String,
    /// What refuses.
    pub kind: TrapKind,
    /// When; always where empty.
    #[serde(default)]
    pub on: Vec<Act>,
    /// Values that a row must have to be refused; any row where empty.
    #[serde(default, rename = "where")]
    pub condition: Map<String, Value>,
    /// Ids of the rows; any row where empty.
    #[serde(default)]
    pub ids: Vec<String>,
    /// What is said.
    #[serde(default)]
    pub message: Option<String>,
    /// Fields that are named.
    #[serde(default)]
    pub fields: Vec<String>,
    /// `Type:FullName` of what refuses; the trap holds while that is active.
    #[serde(default)]
    pub component: Option<String>,
    /// How often; 0, the default, is for ever.
    #[serde(default)]
    pub times: u32,
}

/// All rules by which rows are refused.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Traps(pub Vec<Trap>);

impl Bench<'_> {
    /// Whether a row may pass; `cells` are its values as they would be.
    pub(super) fn spring(
        &self,
        object: &Object,
        act: Act,
        id: Option<RecordId>,
        cells: &[Cell],
        allow_duplicates: bool,
    ) -> Result<(), RowError> {
        if self.traps.borrow().0.is_empty() {
            return Ok(());
        }
        let mut traps = self.traps.borrow_mut();
        let found = traps.0.iter().position(|trap| {
            trap.object.eq_ignore_ascii_case(&object.name)
                && (trap.on.is_empty() || trap.on.contains(&act))
                && !(trap.kind == TrapKind::Duplicate && allow_duplicates)
                && !(trap.kind == TrapKind::Validation && act == Act::Delete)
                && trap.is_about(id)
                && trap.matches(object, cells)
                && self.is_active(trap)
        });
        let Some(at) = found else {
            return Ok(());
        };
        let error = self.refusal(&traps.0[at], object, act, id);
        if traps.0[at].times > 0 {
            traps.0[at].times -= 1;
            if traps.0[at].times == 0 {
                traps.0.remove(at);
            }
        }
        Err(error)
    }

    /// Whether what refuses is in the org and switched on.
    fn is_active(&self, trap: &Trap) -> bool {
        let Some(text) = &trap.component else {
            return true;
        };
        let Ok(key) = text.parse::<ComponentKey>() else {
            return false;
        };
        if key.type_name.as_str() == "Flow" {
            let flow = self
                .org
                .metadata()
                .get(&key)
                .and_then(|it| it.flow.as_ref());
            return flow.is_some_and(|it| it.active.is_some());
        }
        let Some(element) = self.org.metadata().element(&key) else {
            return false;
        };
        let says = |name: &str, value: &str| {
            element
                .child_text(name)
                .is_some_and(|it| it.trim() == value)
        };
        match key.type_name.as_str() {
            "ApexTrigger" => !says("status", "Inactive"),
            "DuplicateRule" => says("isActive", "true"),
            _ => says("active", "true"),
        }
    }

    fn refusal(&self, trap: &Trap, object: &Object, act: Act, id: Option<RecordId>) -> RowError {
        let key = trap
            .component
            .as_ref()
            .and_then(|it| it.parse::<ComponentKey>().ok());
        let element = key.as_ref().and_then(|it| self.org.metadata().element(it));
        let from_rule = |name: &str| Some(element.as_ref()?.child_text(name)?.trim().to_owned());
        let name = key.as_ref().map_or("Guard", |it| it.name.as_str());
        let message = trap.message.clone();
        let (code, message) = match trap.kind {
            TrapKind::Validation => (
                "FIELD_CUSTOM_VALIDATION_EXCEPTION",
                message
                    .or_else(|| from_rule("errorMessage"))
                    .unwrap_or_else(|| "The record breaks a rule".to_owned()),
            ),
            TrapKind::Trigger => {
                let moment = match act {
                    Act::Insert => "BeforeInsert",
                    Act::Update => "BeforeUpdate",
                    Act::Delete => "BeforeDelete",
                    Act::Undelete => "AfterUndelete",
                };
                let said = message.unwrap_or_else(|| "Attempt to de-reference a null object".to_owned());
                (
                    "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY",
                    format!(
                        "{name}: execution of {moment}\n\ncaused by: System.NullPointerException: {said}\n\n\
                         Trigger.{name}: line 3, column 1"
                    ),
                )
            }
            TrapKind::Flow => (
                "CANNOT_EXECUTE_FLOW_TRIGGER",
                message.unwrap_or_else(|| {
                    format!(
                        "We can't save this record because the \u{201c}{name}\u{201d} process failed. Give \
                         your Salesforce admin these details. This error occurred when the flow tried to \
                         update records. Error ID: 1652385436-48211 (-1287463392)"
                    )
                }),
            ),
            TrapKind::Duplicate => (
                "DUPLICATES_DETECTED",
                message.unwrap_or_else(|| "Use one of these records?".to_owned()),
            ),
            TrapKind::Lock => {
                let id = id.map_or_else(|| object.name.clone(), |it| it.to_string());
                (
                    "UNABLE_TO_LOCK_ROW",
                    message.unwrap_or_else(|| {
                        format!("unable to obtain exclusive access to this record or 1 records: {id}")
                    }),
                )
            }
        };
        let mut error = RowError::new(code, message);
        error.fields.clone_from(&trap.fields);
        if error.fields.is_empty() && trap.kind == TrapKind::Validation {
            error.fields.extend(from_rule("errorDisplayField"));
        }
        error
    }
}

impl Trap {
    fn is_about(&self, id: Option<RecordId>) -> bool {
        self.ids.is_empty()
            || id.is_some_and(|id| {
                let mut ids = self.ids.iter().filter_map(|it| it.parse::<RecordId>().ok());
                ids.any(|it| it == id)
            })
    }

    fn matches(&self, object: &Object, cells: &[Cell]) -> bool {
        self.condition.iter().all(|(name, wanted)| {
            object.field(name).is_some_and(|(at, field)| {
                let value = cells[at].to_json(field.kind);
                match (value.as_f64(), wanted.as_f64()) {
                    (Some(a), Some(b)) => (a - b).abs() < f64::EPSILON,
                    _ => value == *wanted,
                }
            })
        })
    }
}
