//! Apex, Visualforce and Lightning components.

use super::{case, come_back};
use crate::support::Deploy;

const HANDLER: &str = "classes/RentalTriggerHandler.cls";
const LABEL: &str = "pages/EquipmentLabel.page";

#[test]
fn deleted_class_comes_back_with_its_trigger_and_its_test() {
    come_back(&[case(
        Deploy::new().delete(&[
            "ApexClass:RentalTriggerHandler",
            "ApexClass:RentalTriggerHandlerTest",
            "ApexTrigger:RentalTrigger",
        ]),
        "ApexClass:RentalTriggerHandler",
        &[
            "ApexClass:RentalTriggerHandler*",
            "ApexTrigger:RentalTrigger",
        ],
    )
    .says("class access")
    .meanwhile(
        Deploy::new()
            .company(
                "ApexClass:OpportunityService",
                &["classes/OpportunityService.cls"],
            )
            .edit("classes/OpportunityService.cls", "{", "{ // Omar"),
        &["OpportunityService.cls"],
    )]);
}

#[test]
fn changed_class_and_trigger_are_as_they_were() {
    come_back(&[
        case(
            Deploy::new()
                .company("ApexClass:RentalTriggerHandler", &[HANDLER])
                .edit(HANDLER, "{", "{ // Jane"),
            "ApexClass:RentalTriggerHandler",
            &["ApexClass:RentalTriggerHandler"],
        ),
        case(
            Deploy::new()
                .company(
                    "ApexTrigger:RentalTrigger",
                    &["triggers/RentalTrigger.trigger"],
                )
                .edit(
                    "triggers/RentalTrigger.trigger",
                    "after insert, after update",
                    "after insert",
                )
                .edit(
                    "triggers/RentalTrigger.trigger-meta.xml",
                    "Active",
                    "Inactive",
                ),
            "ApexTrigger:RentalTrigger",
            &["ApexTrigger:RentalTrigger"],
        ),
    ]);
}

#[test]
fn deleted_page_comes_back_with_its_accesses_and_places() {
    come_back(&[case(
        Deploy::new().delete(&[
            "ApexPage:EquipmentLabel",
            "WebLink:Equipment__c.Print_Label",
        ]),
        "ApexPage:EquipmentLabel",
        &["ApexPage:EquipmentLabel", "WebLink:Equipment__c.*"],
    )
    .says("page access")]);
}

#[test]
fn changed_page_is_as_it_was() {
    come_back(&[case(
        Deploy::new()
            .company("ApexPage:EquipmentLabel", &[LABEL])
            .edit(LABEL, ">", "><!-- Jane -->"),
        "ApexPage:EquipmentLabel",
        &["ApexPage:EquipmentLabel"],
    )]);
}

#[test]
fn deleted_lightning_component_comes_back() {
    come_back(&[case(
        Deploy::new().delete(&["LightningComponentBundle:rentalTotal"]),
        "LightningComponentBundle:rentalTotal",
        &["LightningComponentBundle:rentalTotal"],
    )]);
}

#[test]
fn changed_lightning_component_is_as_it_was_file_by_file() {
    const FILES: &[&str] = &[
        "lwc/rentalTotal/days.js",
        "lwc/rentalTotal/rentalTotal.html",
        "lwc/rentalTotal/rentalTotal.js",
    ];
    come_back(&[case(
        Deploy::new()
            .company("LightningComponentBundle:rentalTotal", FILES)
            .edit("lwc/rentalTotal/rentalTotal.js", "rate = 0", "rate = 1")
            .file(
                "LightningComponentBundle:rentalTotal",
                "lwc/rentalTotal/more.js",
                "export const more = 1;\n",
            ),
        "LightningComponentBundle:rentalTotal",
        &["LightningComponentBundle:rentalTotal"],
    )]);
}
