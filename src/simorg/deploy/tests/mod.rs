//! Rules of deploys, each on an org of a few components.

mod apex;
mod deletions;
mod jobs;
mod packages;
mod references;

use super::{DeployMessage, DeployOptions, DeployResult, check, start};
use crate::{
    archive::{Level, Writer},
    model::{ComponentKey, RecordId},
    simorg::{
        SimOrg,
        fault::NoScript,
        load,
        state::{Config, Content, OrgKind, PackageFile, Recording, User},
    },
};

/// Files of a package by path.
type Files<'a> = &'a [(&'a str, &'a str)];

/// An org, and what one user does to it.
struct Lab {
    org: SimOrg,
    user: RecordId,
}

impl Lab {
    /// An org that holds the components of `files`.
    fn new(files: Files<'_>) -> Self {
        let mut config = Config::sandbox();
        config.checks_per_job = 0;
        let now = "2026-11-20T08:00:00Z".parse().unwrap();
        let mut org = SimOrg::new(config, now);
        let jane = User::administrator("jane@acme.example", "Jane", "Doe");
        let user = jane.id;
        org.add_user(jane);
        let stamp = org.stamp(user, now);
        let files = files
            .iter()
            .map(|(path, text)| PackageFile::new(path, text.as_bytes().to_vec()))
            .collect();
        let (components, left_out) = load::assign(files);
        assert_eq!(left_out, []);
        org.load(components, &stamp, Recording::Silent);
        org.advance(std::time::Duration::from_mins(1));
        Self { org, user }
    }

    fn production(mut self) -> Self {
        self.org.config.kind = OrgKind::Production;
        self
    }

    fn start(&mut self, files: Files<'_>, options: DeployOptions) -> String {
        let id = start(
            &mut self.org,
            self.user,
            Content::from(zip(files)),
            options,
            &mut NoScript,
        );
        id.unwrap().as_str().to_owned()
    }

    fn check(&mut self, id: &str) -> DeployResult {
        check(&mut self.org, self.user, id).unwrap()
    }

    fn run(&mut self, files: Files<'_>, options: DeployOptions) -> DeployResult {
        let id = self.start(files, options);
        self.check(&id)
    }

    /// Deploys files with a manifest that names `members` (`Type:Name`).
    fn deploy(&mut self, members: &[&str], files: Files<'_>) -> DeployResult {
        let package = manifest(members);
        let mut all = vec![("package.xml", package.as_str())];
        all.extend(files);
        self.run(&all, options())
    }

    /// Deletes `members` after nothing was added.
    fn delete(&mut self, members: &[&str]) -> DeployResult {
        let (package, doomed) = (manifest(&[]), manifest(members));
        let files = [
            ("package.xml", package.as_str()),
            ("destructiveChanges.xml", doomed.as_str()),
        ];
        self.run(&files, options())
    }

    fn has(&self, key: &str) -> bool {
        self.org.metadata().contains(&key.parse().unwrap())
    }

    /// The document of a component, without white space between elements.
    fn text(&self, key: &str) -> String {
        let key: ComponentKey = key.parse().unwrap();
        let component = self.org.metadata().get(&key).unwrap();
        let document = component.document().unwrap();
        let text = std::str::from_utf8(&document.content).unwrap();
        text.lines().map(str::trim).collect()
    }
}

fn options() -> DeployOptions {
    DeployOptions {
        single_package: true,
        rollback_on_error: true,
        ..DeployOptions::default()
    }
}

fn zip(files: Files<'_>) -> Vec<u8> {
    let mut writer = Writer::new(Vec::new());
    for (path, text) in files {
        writer.add(path, text.as_bytes(), Level::FAST).unwrap();
    }
    writer.finish().unwrap()
}

fn manifest(members: &[&str]) -> String {
    manifest_of(members, "66.0")
}

fn manifest_of(members: &[&str], version: &str) -> String {
    let types = members.iter().map(|it| {
        let (type_name, name) = it.split_once(':').unwrap();
        format!("<types><members>{name}</members><name>{type_name}</name></types>")
    });
    let types = types.collect::<Vec<_>>().concat();
    format!("<Package>{types}<version>{version}</version></Package>")
}

/// The problems of a deploy as `Type:Name: problem`.
fn problems(result: &DeployResult) -> Vec<String> {
    let rows = &result.details.component_failures;
    rows.iter().map(problem).collect()
}

fn problem(row: &DeployMessage) -> String {
    format!(
        "{}:{}: {}",
        row.component_type.as_deref().unwrap_or_default(),
        row.full_name,
        row.problem.as_deref().unwrap_or_default()
    )
}

/// What succeeded, as `Type:Name` and what happened; manifests left out.
fn successes(result: &DeployResult) -> Vec<String> {
    let rows = &result.details.component_successes;
    rows.iter()
        .filter(|it| !super::messages::is_manifest(it))
        .map(|it| {
            let what = match (it.created, it.deleted, it.changed) {
                (true, ..) => "created",
                (_, true, _) => "deleted",
                (_, _, true) => "changed",
                _ => "same",
            };
            let kind = it.component_type.as_deref().unwrap_or_default();
            format!("{kind}:{} {what}", it.full_name)
        })
        .collect()
}

const TEXT_FIELD: &str = "<label>L</label><length>10</length><type>Text</type>";

/// An object with text fields.
fn object(label: &str, fields: &[&str]) -> String {
    let fields = fields
        .iter()
        .map(|it| format!("<fields><fullName>{it}</fullName>{TEXT_FIELD}</fields>"));
    let fields = fields.collect::<Vec<_>>().concat();
    format!("<CustomObject>{fields}<label>{label}</label></CustomObject>")
}

const CLASS_META: &str =
    "<ApexClass><apiVersion>66.0</apiVersion><status>Active</status></ApexClass>";
