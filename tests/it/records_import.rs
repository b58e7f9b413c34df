//! Salesforce's own Data Export, as it comes: several zips, encodings, duplicates.

use std::{fs, path::PathBuf};

use orgkeep::archive::{Level, Writer};

use crate::support::TestEnv;

const ORG: &str = "00D30000000001tEAA";

fn zip(env: &TestEnv, n: u32, files: &[(&str, &[u8])]) -> PathBuf {
    let path = env.scratch(&format!("WE_{ORG}_{n}.ZIP"));
    let mut writer = Writer::new(Vec::new());
    for (name, content) in files {
        writer.add(name, content, Level::new(1)).unwrap();
    }
    fs::write(&path, writer.finish().unwrap()).unwrap();
    path
}

fn records(env: &TestEnv, path: &str) -> String {
    env.git(&["show", &format!("records/main/2021:records/{path}")])
}

/// The one file of rows of an object.
fn rows(env: &TestEnv, object: &str) -> String {
    let listed = env.git(&["ls-tree", "-r", "--name-only", "records/main/2021"]);
    let mut files = listed.lines().filter(|it| {
        it.starts_with(&format!("records/{object}/")) && it.strip_suffix(".csv").is_some()
    });
    let file = files
        .next()
        .unwrap()
        .strip_prefix("records/")
        .unwrap()
        .to_owned();
    assert_eq!(files.next(), None, "{listed}");
    records(env, &file)
}

#[test]
fn parts_duplicates_and_encodings_become_one_table_of_their_date() {
    let env = TestEnv::initialised();
    let first = zip(
        &env,
        1,
        &[
            (
                "Account.csv",
                b"\"ID\",\"NAME\",\"CREATEDDATE\",\"ISDELETED\",\"LASTVIEWEDDATE\"\r\n\
                  \"001300000000002AAA\",\"M\xfcller, Sons\",\"2021-08-31 01:31:13\",\"0\",\"2021-08-31 01:31:13\"\r\n\
                  \"001300000000003AAA\",\"Gone\",\"2021-08-31 01:31:13\",\"1\",\"\"\r\n",
            ),
            ("Contact.csv", "\u{feff}\"Id\",\"Name\"\n".as_bytes()),
            ("Attachments/00P300000000001AAA", b"bytes"),
        ],
    );
    let second = zip(
        &env,
        2,
        &[(
            "Account.csv",
            b"\"ID\",\"NAME\",\"CREATEDDATE\",\"ISDELETED\",\"LASTVIEWEDDATE\"\n\
              \"001300000000001AAA\",\"First\",\"2021-08-31 01:31:13\",\"0\",\"\"\n\
              \"001300000000002AAA\",\"M\xc3\xbcller, Sons\",\"2021-08-31 01:31:13\",\"0\",\"\"\n",
        )],
    );
    let paths = [second.to_str().unwrap(), first.to_str().unwrap()];
    let import =
        |date: &str| env.orgkeep(&["records", "import", paths[0], paths[1], "--date", date]);
    import("2021-09-01")
        .status(0)
        .says("Account                             2 rows")
        .warns("`Attachments/00P300000000001AAA` among them");
    insta::assert_snapshot!(rows(&env, "Account"), @r#"
    Id,CreatedDate,IsDeleted,Name
    001300000000001AAA,2021-08-31T01:31:13.000Z,false,First
    001300000000002AAA,2021-08-31T01:31:13.000Z,false,"Müller, Sons"
    "#);
    let commit = env.git(&[
        "log",
        "-1",
        "--format=%as %s%n%(trailers:key=Orgkeep-Org)",
        "records/main/2021",
    ]);
    assert!(
        commit.starts_with("2021-09-01 Records of the Data Export of 2021-09-01"),
        "{commit}"
    );
    assert!(commit.contains(ORG), "{commit}");

    // The same once more is no change, and older rows do not go on top.
    import("2021-09-02").status(0).says("no change");
    import("2021-08-01").status(1).warns("these are older");
    assert_eq!(
        env.git(&["rev-list", "--count", "records/main/2021"])
            .trim(),
        "1"
    );
    env.assert_sound();
}

#[test]
fn zip_that_is_cut_off_changes_nothing() {
    let env = TestEnv::initialised();
    let path = zip(
        &env,
        1,
        &[("Account.csv", b"\"Id\"\n\"001300000000002AAA\"\n")],
    );
    let bytes = fs::read(&path).unwrap();
    fs::write(&path, &bytes[..bytes.len() - 10]).unwrap();
    env.orgkeep(&[
        "records",
        "import",
        path.to_str().unwrap(),
        "--date",
        "2021-09-01",
    ])
    .status(1)
    .warns("not a zip archive");
    assert_eq!(env.git(&["branch", "--list", "records/*"]), "");
    // What is malformed inside is refused as well.
    let path = zip(
        &env,
        1,
        &[("Account.csv", b"\"Id\",\"Name\"\n\"001300000000002AAA\"\n")],
    );
    env.orgkeep(&[
        "records",
        "import",
        path.to_str().unwrap(),
        "--date",
        "2021-09-01",
    ])
    .status(1)
    .warns("the rows of `Account` came damaged");
    assert_eq!(env.git(&["branch", "--list", "records/*"]), "");
}

#[test]
fn period_that_is_pruned_is_in_no_object_and_no_other_commit_changes() {
    let env = TestEnv::initialised();
    let year = |n: u32, year: &str, name: &str| {
        let rows = format!(
            "\"Id\",\"Name\"\n\"001300000000001AAA\",\"{name}\"\n\"001300000000009AAA\",\"Stays\"\n"
        );
        let path = zip(&env, n, &[("Account.csv", rows.as_bytes())]);
        let date = format!("{year}-09-01");
        env.orgkeep(&["records", "import", path.to_str().unwrap(), "--date", &date])
            .status(0);
    };
    year(1, "2021", "A-secret-of-2021");
    year(2, "2022", "Harmless");
    let head = env.head();
    let later = env.git(&["rev-parse", "records/main/2022"]);
    env.git(&["tag", "old-records", "records/main/2021"]);
    // The new period has a root of its own, and names what it follows.
    assert_eq!(
        env.git(&["rev-list", "--count", "records/main/2022"])
            .trim(),
        "1"
    );
    let log = env
        .orgkeep(&["records", "log", "001300000000001AAA"])
        .status(0);
    log.says("Name: A-secret-of-2021 → Harmless");

    let prune = |more: &[&str]| {
        let mut all = vec!["records", "prune", "--before", "2022-01-01"];
        all.extend(more);
        env.orgkeep(&all).status(0)
    };
    prune(&[]).says("would delete branch records/main/2021");
    prune(&["--yes"])
        .says("deleted branch records/main/2021")
        .says("deleted tag old-records");
    env.git(&["reflog", "expire", "--expire=now", "--all"]);
    env.git(&["gc", "--prune=now", "--quiet"]);
    let all = env.git(&[
        "cat-file",
        "--batch-all-objects",
        "--batch-check=%(objectname) %(objecttype)",
    ]);
    for line in all.lines() {
        let (id, kind) = line.split_once(' ').unwrap();
        if kind == "blob" {
            assert!(
                !env.git(&["cat-file", "blob", id])
                    .contains("A-secret-of-2021")
            );
        }
    }
    assert_eq!(env.git(&["rev-parse", "records/main/2022"]), later);
    assert_eq!(env.head(), head);
    env.assert_sound();
    // The last period stays, whatever its date.
    env.orgkeep(&["records", "prune", "--before", "2030-01-01", "--yes"])
        .status(0);
    assert_eq!(env.git(&["rev-parse", "records/main/2022"]), later);
}

#[test]
fn row_that_is_erased_does_not_come_again_and_the_history_that_has_it_is_named() {
    let env = TestEnv::initialised();
    let import = |n: u32, date: &str, other: &str| {
        let rows = format!(
            "\"Id\",\"Name\"\n\"001300000000001AAA\",\"Ann\"\n\"001300000000009AAA\",\"{other}\"\n"
        );
        let path = zip(&env, n, &[("Account.csv", rows.as_bytes())]);
        env.orgkeep(&["records", "import", path.to_str().unwrap(), "--date", date])
            .status(0);
    };
    import(1, "2021-09-01", "Bob");
    env.orgkeep(&["records", "erase", "001300000000001"])
        .status(0)
        .says("1 row taken out")
        .says("records/main/2021 still has them in 1 commit")
        .warns("records prune");
    assert!(!rows(&env, "Account").contains("Ann"));
    env.orgkeep(&["records", "erase", "001300000000001AAA"])
        .status(0)
        .says("erased before");
    let path = zip(
        &env,
        3,
        &[(
            "Account.csv",
            b"\"Id\",\"Name\"\n\"001300000000001AAA\",\"Ann\"\n\"001300000000009AAA\",\"Rob\"\n",
        )],
    );
    env.orgkeep(&[
        "records",
        "import",
        path.to_str().unwrap(),
        "--date",
        "2099-01-01",
    ])
    .status(0);
    let text = env.git(&["grep", "-h", "Rob\\|Ann", "records/main/2099"]);
    assert_eq!(text, "001300000000009AAA,Rob\n");
}
