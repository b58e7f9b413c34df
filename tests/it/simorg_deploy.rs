//! What deploys do to a simulated org that holds a whole company.

use std::{collections::BTreeMap, fs, path::Path};

use orgkeep::{
    archive::{Level, Writer},
    model::{ComponentKey, RecordId, Timestamp},
    simorg::{
        SimOrg,
        deploy::{self, DeployOptions, DeployResult},
        fault::NoScript,
        load,
        state::{Config, Content, Recording, User},
    },
};

const ACME: &str = "fixtures/orgs/acme/package";

struct Org {
    org: SimOrg,
    user: RecordId,
}

fn start() -> Timestamp {
    "2026-11-20T08:00:00Z".parse().unwrap()
}

impl Org {
    fn empty() -> Self {
        let mut config = Config::sandbox();
        config.checks_per_job = 0;
        let mut org = SimOrg::new(config, start());
        let admin = User::administrator("admin@acme.example", "Ada", "Admin");
        let user = admin.id;
        org.add_user(admin);
        Self { org, user }
    }

    fn of(path: &Path) -> Self {
        let mut it = Self::empty();
        let project = load::read(path).unwrap();
        let stamp = it.org.stamp(it.user, start());
        it.org.load(project.components, &stamp, Recording::Silent);
        it.org.advance(std::time::Duration::from_hours(1));
        it
    }

    fn deploy(&mut self, zip: Vec<u8>, options: DeployOptions) -> DeployResult {
        let id = deploy::start(
            &mut self.org,
            self.user,
            Content::from(zip),
            options,
            &mut NoScript,
        )
        .unwrap();
        deploy::check(&mut self.org, self.user, id.as_str()).unwrap()
    }

    fn texts(&self) -> BTreeMap<String, String> {
        let files = self.org.metadata().iter().flat_map(|(_, it)| &it.files);
        files
            .map(|it| {
                let text = String::from_utf8_lossy(&it.content).into_owned();
                (it.path.clone(), text)
            })
            .collect()
    }

    fn text(&self, key: &str) -> String {
        let key: ComponentKey = key.parse().unwrap();
        let component = self.org.metadata().get(&key).unwrap();
        String::from_utf8(component.document().unwrap().content.to_vec()).unwrap()
    }
}

fn options() -> DeployOptions {
    DeployOptions {
        single_package: true,
        rollback_on_error: true,
        ..DeployOptions::default()
    }
}

/// A folder as a zip.
fn zip_of(folder: &str) -> Vec<u8> {
    let mut writer = Writer::new(Vec::new());
    let mut stack = vec![Path::new(folder).to_owned()];
    let mut files = Vec::new();
    while let Some(path) = stack.pop() {
        for entry in fs::read_dir(&path).unwrap() {
            let entry = entry.unwrap().path();
            if entry.is_dir() {
                stack.push(entry);
            } else {
                files.push(entry);
            }
        }
    }
    files.sort();
    for file in files {
        let name = file.strip_prefix(folder).unwrap().to_str().unwrap();
        let name = name.replace('\\', "/");
        writer
            .add(&name, &fs::read(&file).unwrap(), Level::FAST)
            .unwrap();
    }
    writer.finish().unwrap()
}

fn assert_same(found: &BTreeMap<String, String>, wanted: &BTreeMap<String, String>) {
    let paths = |it: &BTreeMap<String, String>| it.keys().cloned().collect::<Vec<_>>();
    assert_eq!(paths(found), paths(wanted));
    for (path, text) in found {
        assert_eq!(Some(text), wanted.get(path), "{path} is written otherwise");
    }
}

fn failures(result: &DeployResult) -> Vec<String> {
    let rows = &result.details.component_failures;
    rows.iter()
        .map(|it| {
            format!(
                "{}:{}: {}",
                it.component_type.as_deref().unwrap_or_default(),
                it.full_name,
                it.problem.as_deref().unwrap_or_default()
            )
        })
        .chain(result.error_message.clone())
        .collect()
}

fn changed(result: &DeployResult) -> Vec<String> {
    let rows = &result.details.component_successes;
    rows.iter()
        .filter(|it| it.changed && it.component_type.as_deref() != Some(""))
        .map(|it| {
            format!(
                "{}:{}",
                it.component_type.as_deref().unwrap_or_default(),
                it.full_name
            )
        })
        .collect()
}

#[test]
fn company_deployed_onto_itself_changes_nothing() {
    let mut org = Org::of(Path::new(ACME));
    let before = org.texts();
    let result = org.deploy(zip_of(ACME), options());
    assert_eq!(failures(&result), [""; 0]);
    assert_eq!(changed(&result), [""; 0]);
    assert_eq!(result.status, "Succeeded");
    assert!(org.org.audit.is_empty(), "{:?}", org.org.audit);
    assert_same(&org.texts(), &before);
}

#[test]
fn company_deployed_into_an_empty_org_reads_as_it_was_written() {
    let mut org = Org::empty();
    // The org of a type that the registry does not know knows it from before.
    let widgets = load::read(Path::new(ACME)).unwrap().components;
    let widgets = widgets.into_iter();
    let widgets: Vec<_> = widgets
        .filter(|it| it.key.type_name.as_str() == "AcmeWidget")
        .collect();
    let stamp = org.org.stamp(org.user, start());
    org.org.load(widgets, &stamp, Recording::Silent);
    let result = org.deploy(zip_of(ACME), options());
    assert_eq!(failures(&result), [""; 0]);
    assert_same(&org.texts(), &Org::of(Path::new(ACME)).texts());
}

#[test]
fn deletion_of_a_field_takes_its_uses_along() {
    let mut org = Org::of(Path::new(ACME));
    let before = org.texts();
    let result = org.deploy(zip_of("fixtures/orgs/acme-changes/jane"), options());
    assert_eq!(failures(&result), [""; 0]);
    assert_eq!(result.status, "Succeeded");
    let after = org.texts();
    let touched: Vec<_> = before
        .iter()
        .filter(|(path, bytes)| after.get(*path) != Some(bytes))
        .map(|(path, _)| path.as_str())
        .collect();
    assert_eq!(
        touched,
        [
            "flexipages/Account_Record_Page.flexipage",
            "layouts/Account-Account Layout.layout",
            "objectTranslations/Account-de.objectTranslation",
            "objects/Account.object",
            "permissionsets/Region_Manager.permissionset",
            "profiles/Admin.profile",
            "profiles/Sales User.profile",
            "reports/Sales/Regional/Pipeline_by_Region.report",
        ]
    );
    for (path, text) in &after {
        assert!(!text.contains("Region__c"), "{path}");
    }
    assert_eq!(org.org.resting.len(), 1);
    let rows: Vec<_> = org.org.audit.iter().map(|it| it.display.as_str()).collect();
    assert_eq!(rows, ["Deleted custom field Region__c on Account"]);
}

#[test]
fn what_a_deletion_takes_along_keeps_its_date_but_for_layouts() {
    let mut org = Org::of(Path::new(ACME));
    let at = org.org.now();
    org.deploy(zip_of("fixtures/orgs/acme-changes/jane"), options());
    let changed_at = |key: &str| {
        let key: ComponentKey = key.parse().unwrap();
        let metadata = org.org.metadata();
        let component = metadata.get(&key).map(|it| it.modified.at);
        component.or(metadata.child(&key).map(|it| it.modified.at))
    };
    assert_eq!(changed_at("Layout:Account-Account Layout"), Some(at));
    for key in [
        "ListView:Account.Northern_Accounts",
        "Report:Sales/Regional/Pipeline_by_Region",
        "PermissionSet:Region_Manager",
        "FlexiPage:Account_Record_Page",
        "CustomField:Account.Tier__c",
    ] {
        assert_eq!(changed_at(key), Some(start()), "{key}");
    }
}

#[test]
fn what_a_deletion_took_along_can_be_deployed_back() {
    let mut org = Org::of(Path::new(ACME));
    let before = org.texts();
    org.deploy(zip_of("fixtures/orgs/acme-changes/jane"), options());
    let result = org.deploy(zip_of(ACME), options());
    assert_eq!(failures(&result), [""; 0]);
    assert!(changed(&result).contains(&"CustomField:Account.Region__c".to_owned()));
    assert_same(&org.texts(), &before);
}

#[test]
fn edits_and_a_new_flow_version_arrive() {
    let mut org = Org::of(Path::new(ACME));
    let result = org.deploy(zip_of("fixtures/orgs/acme-changes/omar"), options());
    assert_eq!(failures(&result), [""; 0]);
    assert_eq!(
        changed(&result),
        [
            "ApexClass:OpportunityService",
            "Report:Sales/Regional/Big_Deals_This_Quarter",
            "ValidationRule:Opportunity.Amount",
        ]
    );
    let result = org.deploy(zip_of("fixtures/orgs/acme-changes/flow"), options());
    assert_eq!(failures(&result), [""; 0]);
    let key: ComponentKey = "Flow:Order_Follow_Up".parse().unwrap();
    let flow = org.org.metadata().get(&key).unwrap().flow.as_ref().unwrap();
    assert_eq!(flow.active, Some(4));
    assert_eq!(flow.versions[&2].status, "Obsolete");
    let definition = org.text("FlowDefinition:Order_Follow_Up");
    assert!(
        definition.contains("<activeVersionNumber>4<"),
        "{definition}"
    );
    let again = org.deploy(zip_of("fixtures/orgs/acme-changes/flow"), options());
    assert_eq!(changed(&again), [""; 0]);
}

#[test]
fn validation_leaves_nothing() {
    let mut org = Org::of(Path::new(ACME));
    let before = serde_json::to_value(org.org.metadata()).unwrap();
    let check_only = DeployOptions {
        check_only: true,
        ..options()
    };
    let result = org.deploy(zip_of("fixtures/orgs/acme-changes/jane"), check_only);
    assert_eq!(result.status, "Succeeded");
    assert!(result.check_only);
    assert!(changed(&result).contains(&"CustomField:Account.Region__c".to_owned()));
    assert_eq!(serde_json::to_value(org.org.metadata()).unwrap(), before);
    assert!(org.org.audit.is_empty() && org.org.resting.is_empty());
}

#[test]
fn public_projects_deployed_onto_themselves_change_nothing() {
    let Some(shared) = crate::shared::shared("deploys of public projects") else {
        return;
    };
    let corpora = Path::new(&shared).join("corpora");
    for corpus in fs::read_dir(corpora).unwrap() {
        let path = corpus.unwrap().path().join("mdapi.zip");
        let mut org = Org::of(&path);
        let options = DeployOptions {
            single_package: false,
            ..options()
        };
        let result = org.deploy(fs::read(&path).unwrap(), options);
        let name = path.display();
        assert_eq!(failures(&result), [""; 0], "{name}");
        assert_eq!(changed(&result), [""; 0], "{name}");
        assert_eq!(result.status, "Succeeded", "{name}");
    }
}
