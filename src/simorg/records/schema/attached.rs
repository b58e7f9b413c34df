//! Histories and shares of objects.

use super::super::standard;
use crate::simorg::soql::{Abilities, Field, Kind, Object};

/// The history of an object.
pub(super) fn history(object: &Object, name: &str, key: &str, prefix: &str) -> Object {
    let lines = [
        "IsDeleted boolean ro req".to_owned(),
        format!(
            "{key} ref({}) req ro as={} kids=Histories cascade",
            object.name,
            key.trim_end_matches("Id")
        ),
        "CreatedById ref(User) ro req def as=CreatedBy".to_owned(),
        "CreatedDate datetime ro req def".to_owned(),
        "Field picklist(255) req ro".to_owned(),
        "DataType picklist(40) ro".to_owned(),
        "OldValue string(255) ro".to_owned(),
        "NewValue string(255) ro".to_owned(),
    ];
    let mut fields = vec![Field::new("Id", Kind::Id).required()];
    fields.extend(lines.iter().flat_map(|it| standard::parse(it)));
    let mut history = Object::new(name, prefix, fields);
    history.label = format!("{} History", object.label);
    history.plural.clone_from(&history.label);
    history.custom = false;
    history.can.replicate = true;
    history
}

/// The shares of an object.
pub(super) fn share(object: &Object, name: &str, prefix: &str) -> Object {
    let key = if object.custom {
        "Parent".to_owned()
    } else {
        object.name.clone()
    };
    let access = if object.custom {
        "AccessLevel".to_owned()
    } else {
        format!("{key}AccessLevel")
    };
    let mut lines = vec![
        format!(
            "{key}Id ref({}) req co as={key} kids=Shares cascade noperm",
            object.name
        ),
        "UserOrGroupId ref(Group,User) req co as=UserOrGroup noperm".to_owned(),
        format!("{access} picklist(40) req strict noperm = Read|Edit|All"),
    ];
    if object.name == "Account" {
        for other in ["Opportunity", "Case", "Contact"] {
            lines.push(format!(
                "{other}AccessLevel picklist(40) def=None strict noperm = None|Read|Edit"
            ));
        }
    }
    lines.extend([
        "RowCause picklist(40) co def=Manual strict noperm = Owner|Manual|Rule|Team|ImplicitChild|ImplicitParent".to_owned(),
        "LastModifiedDate datetime ro req def".to_owned(),
        "LastModifiedById ref(User) ro req def as=LastModifiedBy".to_owned(),
        "IsDeleted boolean ro req".to_owned(),
    ]);
    let mut fields = vec![Field::new("Id", Kind::Id).required()];
    fields.extend(lines.iter().flat_map(|it| standard::parse(it)));
    let mut share = Object::new(name, prefix, fields);
    share.label = format!("{} Share", object.label);
    share.plural.clone_from(&share.label);
    share.custom = false;
    share.can = Abilities {
        create: true,
        update: true,
        delete: true,
        ..Abilities::default()
    };
    share
}
