//! The recycle bin, merges, conversions: the partner API.

use serde_json::{Value, json};

use super::library::library;

#[test]
fn what_went_with_a_record_comes_back_with_it() {
    let site = library();
    let shelf = site.make("Shelf__c", &json!({"Code__c": "A"}));
    let next = site.make("Shelf__c", &json!({"Code__c": "B", "Next__c": shelf}));
    let early = site.make("Book__c", &json!({"Name": "early", "Shelf__c": shelf}));
    site.make("Book__c", &json!({"Name": "late", "Shelf__c": shelf}));
    let task = site.make("Task", &json!({"Subject": "Dust", "WhatId": shelf}));
    site.call(
        "DELETE",
        &format!("/sobjects/Book__c/{early}"),
        &Value::Null,
    );
    assert_eq!(
        site.call(
            "DELETE",
            &format!("/sobjects/Shelf__c/{shelf}"),
            &Value::Null
        )
        .status,
        204
    );
    assert_eq!(site.rows("SELECT Name FROM Book__c"), Vec::<String>::new());
    assert_eq!(site.rows("SELECT Subject FROM Task"), Vec::<String>::new());
    assert_eq!(
        site.rows("SELECT Code__c, Next__c FROM Shelf__c"),
        ["B -"],
        "a lookup is emptied"
    );
    assert_eq!(
        site.all_rows("SELECT Name, IsDeleted FROM Book__c ORDER BY Name"),
        ["early true", "late true"]
    );
    let answer = site.undelete(&shelf);
    assert!(
        answer.contains(&format!(
            "<result><id>{shelf}</id><success>true</success></result>"
        )),
        "{answer}"
    );
    assert_eq!(
        site.rows("SELECT Name FROM Book__c"),
        ["late"],
        "what was deleted before stays deleted"
    );
    assert_eq!(site.rows("SELECT Id FROM Task"), [task]);
    assert_eq!(
        site.rows(&format!("SELECT Next__c FROM Shelf__c WHERE Id = '{next}'")),
        std::slice::from_ref(&shelf)
    );
    let again = site.undelete(&shelf);
    assert!(
        again.contains("<statusCode>UNDELETE_FAILED</statusCode>"),
        "{again}"
    );
    assert!(site.undelete(&early).contains("<success>true</success>"));
}

#[test]
fn bin_is_emptied_by_time_and_by_hand() {
    let site = library();
    let old = site.make("Shelf__c", &json!({"Code__c": "old"}));
    site.call("DELETE", &format!("/sobjects/Shelf__c/{old}"), &Value::Null);
    site.clock("10d");
    let young = site.make("Shelf__c", &json!({"Code__c": "young"}));
    site.call(
        "DELETE",
        &format!("/sobjects/Shelf__c/{young}"),
        &Value::Null,
    );
    site.clock("6d");
    assert_eq!(site.all_rows("SELECT Code__c FROM Shelf__c"), ["young"]);
    assert!(site.undelete(&old).contains("UNDELETE_FAILED"));
    let path = format!("/sobjects/Shelf__c/{old}");
    assert_eq!(
        site.refused("GET", &path, &Value::Null),
        "404 ENTITY_IS_DELETED: entity is deleted"
    );
    let emptied = site.partner(&format!(
        "<emptyRecycleBin><ids>{young}</ids></emptyRecycleBin>"
    ));
    assert!(
        emptied.text.contains("<success>true</success>"),
        "{}",
        emptied.text
    );
    assert_eq!(
        site.all_rows("SELECT Id FROM Shelf__c"),
        Vec::<String>::new()
    );
    let ids = "<ids>001000000000000AAA</ids>".repeat(201);
    let many = site.partner(&format!("<undelete>{ids}</undelete>"));
    assert!(
        many.status == 500 && many.text.contains("EXCEEDED_ID_LIMIT"),
        "{}",
        many.text
    );
}

#[test]
fn restricted_deletion_names_what_forbids_it() {
    let site = library();
    let account = site.make("Account", &json!({"Name": "Acme"}));
    let case = site.make("Case", &json!({"Subject": "Late", "AccountId": account}));
    let path = format!("/sobjects/Account/{account}");
    let number = &site.rows("SELECT CaseNumber FROM Case")[0];
    assert_eq!(
        site.refused("DELETE", &path, &Value::Null),
        format!(
            "400 DELETE_FAILED: Your attempt to delete Acme could not be completed because it is associated with the \
             following cases.: {number}\n"
        )
    );
    site.call("DELETE", &format!("/sobjects/Case/{case}"), &Value::Null);
    site.make("Shelf__c", &json!({"Landlord__c": account}));
    assert!(
        site.refused("DELETE", &path, &Value::Null)
            .contains("following shelves.: S-001")
    );
    assert_eq!(site.rows("SELECT Name FROM Account"), ["Acme"]);
}

#[test]
fn merge_moves_children_and_marks_the_losers() {
    let site = library();
    let winner = site.make("Account", &json!({"Name": "Acme"}));
    let loser = site.make("Account", &json!({"Name": "ACME Inc"}));
    let contact = site.make("Contact", &json!({"LastName": "Lee", "AccountId": loser}));
    let answer = site.partner(&format!(
        "<merge><request><masterRecord><type>Account</type><Id>{winner}</Id><Phone>555</Phone></masterRecord>\
         <recordToMergeIds>{loser}</recordToMergeIds></request></merge>"
    ));
    assert!(
        answer.text.contains("<success>true</success>"),
        "{}",
        answer.text
    );
    assert!(
        answer
            .text
            .contains(&format!("<updatedRelatedIds>{contact}</updatedRelatedIds>")),
        "{}",
        answer.text
    );
    assert_eq!(
        site.rows("SELECT Account.Name, Account.Phone FROM Contact"),
        ["Acme 555"]
    );
    assert_eq!(
        site.all_rows("SELECT Name, IsDeleted, MasterRecordId FROM Account ORDER BY Name"),
        ["Acme false -".to_owned(), format!("ACME Inc true {winner}")]
    );
    assert!(site.undelete(&loser).contains("<success>true</success>"));
    assert_eq!(
        site.rows("SELECT Account.Name FROM Contact"),
        ["Acme"],
        "children stay where they went"
    );
}

#[test]
fn lead_is_converted_once() {
    let site = library();
    let lead = site.make("Lead", &json!({"FirstName": "Ann", "LastName": "Lee", "Company": "Acme", "Email": "ann@x.example"}));
    let ask = format!(
        "<convertLead><leadConverts><convertedStatus>Closed - Converted</convertedStatus><leadId>{lead}</leadId>\
         </leadConverts></convertLead>"
    );
    let answer = site.partner(&ask).text;
    assert!(answer.contains("<success>true</success>"), "{answer}");
    assert_eq!(
        site.rows("SELECT IsConverted, ConvertedAccount.Name, ConvertedContact.Email, ConvertedOpportunity.Name FROM Lead"),
        ["true Acme ann@x.example Acme"]
    );
    assert_eq!(
        site.refused(
            "PATCH",
            &format!("/sobjects/Lead/{lead}"),
            &json!({"Title": "x"})
        ),
        "400 CANNOT_UPDATE_CONVERTED_LEAD: cannot reference converted lead"
    );
    assert!(
        site.partner(&ask)
            .text
            .contains("<statusCode>CANNOT_UPDATE_CONVERTED_LEAD</statusCode>")
    );
}

#[test]
fn partner_api_queries_and_refuses_as_recorded() {
    let site = library();
    site.make("Account", &json!({"Name": "R & D"}));
    let answer = site
        .partner("<query><queryString>SELECT Id, Name FROM Account</queryString></query>")
        .text;
    assert!(answer.contains("<queryResponse><result xsi:type=\"QueryResult\"><done>true</done><queryLocator xsi:nil=\"true\"/>"), "{answer}");
    assert!(
        answer.contains("<sf:Name>R &amp; D</sf:Name></records><size>1</size>"),
        "{answer}"
    );
    let fault = site.partner("<query><queryString>SELECT Nope FROM Account</queryString></query>");
    assert_eq!(fault.status, 500);
    assert!(
        fault
            .text
            .contains("<faultcode>sf:INVALID_FIELD</faultcode>"),
        "{}",
        fault.text
    );
    assert!(
        fault
            .text
            .contains("<sf:row>1</sf:row><sf:column>8</sf:column></sf:InvalidFieldFault>"),
        "{}",
        fault.text
    );
    let info = site.partner("<getUserInfo/>").text;
    assert!(
        info.contains("<userName>admin@acme.example</userName>"),
        "{info}"
    );
    let unknown = site.partner("<login><username>x</username></login>");
    assert!(
        unknown.text.contains("UNSUPPORTED_API_VERSION"),
        "{}",
        unknown.text
    );
}
