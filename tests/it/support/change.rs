//! Changes that people make in a simulated org: edited copies of our company, and deploys.

use std::{
    fs,
    path::{Path, PathBuf},
};

use base64::Engine as _;
use orgkeep::archive::{Level, Writer};
use tempfile::TempDir;

use super::{Org, org::exchange};

pub(super) const ACME: &str = "fixtures/orgs/acme/package";

/// A copy of our company's package that can be edited and loaded.
pub(crate) struct Package {
    dir: TempDir,
}

impl Package {
    /// The company as it is.
    pub(crate) fn acme() -> Self {
        let dir = crate::support::tempdir();
        copy(Path::new(ACME), dir.path());
        Self { dir }
    }

    /// Where a file of the package is.
    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.dir.path().join(path)
    }

    /// Replaces the first `from` in a file, which must be there.
    #[track_caller]
    pub(crate) fn edit(&self, path: &str, from: &str, to: &str) {
        let path = self.path(path);
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "no `{from}` in {}", path.display());
        fs::write(&path, text.replacen(from, to, 1)).unwrap();
    }

    /// Takes out the files of one component.
    #[track_caller]
    pub(crate) fn remove(&self, paths: &[&str]) {
        for path in paths {
            fs::remove_file(self.path(path)).unwrap();
        }
    }

    /// Makes the org equal to the package, as changes of `user`.
    pub(crate) fn load(&self, org: &Org, user: &str, at: &str) {
        org.load(self.dir.path(), user, at);
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}

/// Deploys a folder in metadata format as `user`, and waits until it has succeeded;
/// the last answer.
#[track_caller]
pub(crate) fn deploy(org: &Org, user: &str, folder: &str) -> String {
    let zip = base64::engine::general_purpose::STANDARD.encode(zip_of(Path::new(folder)));
    let answer = finish(
        org,
        user,
        &format!(
            "<deploy><ZipFile>{zip}</ZipFile><DeployOptions><rollbackOnError>true</rollbackOnError>\
             <singlePackage>true</singlePackage></DeployOptions></deploy>"
        ),
        ("checkDeployStatus", "includeDetails"),
    );
    assert!(answer.contains("<status>Succeeded</status>"), "{answer}");
    answer
}

/// Starts a job by the Metadata API and asks for it by `check` until it is done; the last answer.
#[track_caller]
pub(super) fn finish(org: &Org, user: &str, start: &str, check: (&str, &str)) -> String {
    let started = soap(org, user, start);
    let id = started
        .split_once("<id>")
        .and_then(|(_, rest)| rest.split_once("</id>"))
        .unwrap_or_else(|| panic!("no id in {started}"))
        .0;
    let (call, details) = check;
    for _ in 0..50 {
        let asked = format!(
            "<{call}><asyncProcessId>{id}</asyncProcessId><{details}>true</{details}></{call}>"
        );
        let answer = soap(org, user, &asked);
        if answer.contains("<done>true</done>") {
            return answer;
        }
    }
    panic!("job {id} never ends");
}

fn zip_of(folder: &Path) -> Vec<u8> {
    fn files(folder: &Path, into: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                files(&path, into);
            } else {
                into.push(path);
            }
        }
    }
    let mut paths = Vec::new();
    files(folder, &mut paths);
    paths.sort();
    let mut writer = Writer::new(Vec::new());
    for path in paths {
        let name = path.strip_prefix(folder).unwrap().to_str().unwrap();
        let name = name.replace('\\', "/");
        writer
            .add(&name, &fs::read(&path).unwrap(), Level::FAST)
            .unwrap();
    }
    writer.finish().unwrap()
}

/// One call of the SOAP Metadata API.
fn soap(org: &Org, user: &str, body: &str) -> String {
    let envelope = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\
         <soapenv:Envelope xmlns:soapenv=\"http://schemas.xmlsoap.org/soap/envelope/\" \
         xmlns=\"http://soap.sforce.com/2006/04/metadata\"><soapenv:Header><SessionHeader>\
         <sessionId>{}</sessionId></SessionHeader></soapenv:Header><soapenv:Body>{body}\
         </soapenv:Body></soapenv:Envelope>",
        org.token(user)
    );
    let headers = "Content-Type: text/xml\r\nSOAPAction: \"\"\r\n";
    let (_, answer) = exchange(org.url(), "POST /services/Soap/m/66.0", headers, &envelope);
    answer
}
