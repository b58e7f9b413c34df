//! Reports, dashboards and their folders.

use super::{case, come_back};
use crate::support::Deploy;

const BIG_DEALS: &str = "reports/Sales/Regional/Big_Deals_This_Quarter.report";

#[test]
fn deleted_report_comes_back_wherever_it_lay() {
    come_back(&[
        case(
            Deploy::new().delete(&["Report:Sales/Regional/Archive/Won_Last_Year"]),
            "Report:Sales/Regional/Archive/Won_Last_Year",
            &["Report:Sales/Regional/Archive/Won_Last_Year"],
        )
        .meanwhile(
            Deploy::new()
                .company(
                    "Report:Sales/Regional/Pipeline_by_Region",
                    &["reports/Sales/Regional/Pipeline_by_Region.report"],
                )
                .edit(
                    "reports/Sales/Regional/Pipeline_by_Region.report",
                    "Open pipeline",
                    "Omar's pipeline",
                ),
            &["Pipeline_by_Region.report-meta.xml"],
        ),
        case(
            Deploy::new().delete(&[
                "Report:Sales/Regional/Archive/Won_Last_Year",
                "Report:Sales/Regional/Archive",
            ]),
            "Report:Sales/Regional/Archive/Won_Last_Year",
            &["Report:Sales/Regional/Archive/Won_Last_Year"],
        )
        .says("+ recreate   ReportFolder:Sales/Regional/Archive"),
        case(
            Deploy::new().delete(&["Report:unfiled$public/Follow_Ups"]),
            "Report:unfiled$public/Follow_Ups",
            &["Report:unfiled$public/Follow_Ups"],
        ),
    ]);
}

#[test]
fn changed_report_is_as_it_was_wherever_it_lies() {
    come_back(&[
        case(
            Deploy::new()
                .company("Report:Sales/Regional/Big_Deals_This_Quarter", &[BIG_DEALS])
                .edit(BIG_DEALS, "25000", "9"),
            "Report:Sales/Regional/Big_Deals_This_Quarter",
            &["Report:Sales/Regional/Big_Deals_This_Quarter"],
        ),
        case(
            Deploy::new()
                .company(
                    "Report:unfiled$public/Follow_Ups",
                    &["reports/unfiled$public/Follow_Ups.report"],
                )
                .edit(
                    "reports/unfiled$public/Follow_Ups.report",
                    "<name>",
                    "<description>Jane</description><name>",
                ),
            "Report:unfiled$public/Follow_Ups",
            &["Report:unfiled$public/*"],
        ),
        case(
            Deploy::new()
                .company("Report:Sales/Regional", &["reports/Sales/Regional"])
                .edit("reports/Sales/Regional-meta.xml", "<name>", "<name>Jane's "),
            "ReportFolder:Sales/Regional",
            &["ReportFolder:Sales/Regional"],
        ),
    ]);
}

#[test]
fn deleted_dashboard_comes_back_also_with_the_report_it_shows() {
    come_back(&[
        case(
            Deploy::new().delete(&["Dashboard:Management/Depots/Fleet_Status"]),
            "Dashboard:Management/Depots/Fleet_Status",
            &["Dashboard:Management/Depots/Fleet_Status"],
        ),
        case(
            Deploy::new().delete(&[
                "Dashboard:Management/Depots/Fleet_Status",
                "Dashboard:Management/Depots",
                "Report:Fleet/Availability",
            ]),
            "Dashboard:Management/Depots/Fleet_Status",
            &["Dashboard:Management/Depots/*", "Report:Fleet/Availability"],
        )
        .says("+ recreate   DashboardFolder:Management/Depots"),
    ]);
}

#[test]
fn changed_dashboard_is_as_it_was() {
    const SERVICE: &str = "dashboards/Management/Depots/Fleet_Status.dashboard";
    come_back(&[case(
        Deploy::new()
            .company("Dashboard:Management/Depots/Fleet_Status", &[SERVICE])
            .edit(
                SERVICE,
                "<componentType>Donut</componentType>",
                "<componentType>Bar</componentType>",
            )
            .edit(
                SERVICE,
                "<header>Revenue</header>",
                "<header>Money</header>",
            ),
        "Dashboard:Management/Depots/Fleet_Status",
        &["Dashboard:Management/Depots/Fleet_Status"],
    )]);
}
