use super::*;
use crate::model::ApiVersion;

fn path(text: &str) -> TreePath {
    text.parse().unwrap()
}

#[test]
fn initial_files_make_a_project_that_reads_back() {
    let dir = tempfile::tempdir().unwrap();
    for file in initial_files("acme", ApiVersion::new(66)) {
        let written = write_new(dir.path(), &file.path, &file.text).unwrap();
        assert_eq!(written, Written::New, "{}", file.path);
    }
    let project = Project::read(dir.path()).unwrap().unwrap();
    assert_eq!(project.default_directory().as_str(), "force-app");
    assert_eq!(project.source_api_version, Some(ApiVersion::new(66)));
    let attributes = read_text(dir.path(), &path(".gitattributes"))
        .unwrap()
        .unwrap();
    assert!(obeys_bytes(&attributes));
}

#[test]
fn project_file_is_what_sf_expects() {
    let files = initial_files("acme", ApiVersion::new(66));
    insta::assert_snapshot!(files[0].text, @r#"
    {
      "packageDirectories": [
        {
          "path": "force-app",
          "default": true
        }
      ],
      "name": "acme",
      "namespace": "",
      "sfdcLoginUrl": "https://login.salesforce.com",
      "sourceApiVersion": "66.0"
    }
    "#);
}

#[test]
fn file_that_is_there_is_never_overwritten() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join(".gitignore"), "mine").unwrap();
    let written = write_new(dir.path(), &path(".gitignore"), "ours").unwrap();
    assert_eq!(written, Written::Kept);
    assert_eq!(
        read_text(dir.path(), &path(".gitignore")).unwrap().unwrap(),
        "mine"
    );
    #[cfg(unix)]
    {
        let outside = dir.path().join("outside");
        std::os::unix::fs::symlink(&outside, dir.path().join("link")).unwrap();
        let written = write_new(dir.path(), &path("link"), "ours").unwrap();
        assert_eq!(written, Written::Kept);
        assert!(!outside.exists());
    }
}

#[test]
fn package_directories_are_read_as_people_write_them() {
    let project = Project::parse(
        "\u{feff}{\"packageDirectories\":[{\"path\":\"./src\"},{\"path\":\".\\\\main\\\\app\\\\\",\"default\":true,\"package\":\"x\"}],\"plugins\":{}}",
    )
    .unwrap();
    assert_eq!(project.default_directory().as_str(), "main/app");
    assert_eq!(project.package_directories[0].path.as_str(), "src");
    assert_eq!(project.source_api_version, None);
}

#[test]
fn project_that_cannot_be_is_refused() {
    let refusal = |text: &str| Project::parse(text).unwrap_err().to_string();
    insta::assert_snapshot!(refusal("{\n,"), @"sfdx-project.json, line 2: it is not JSON");
    insta::assert_snapshot!(refusal("[]"), @"sfdx-project.json: `packageDirectories` is not a list");
    insta::assert_snapshot!(refusal(r#"{"packageDirectories":[]}"#), @"sfdx-project.json: `packageDirectories` is empty");
    insta::assert_snapshot!(refusal(r#"{"packageDirectories":[{"path":"../x"}]}"#), @"sfdx-project.json: `packageDirectories[0].path` is refused: path `../x` may not stand in the tree: it would leave its folder");
    insta::assert_snapshot!(refusal(r#"{"packageDirectories":[{"path":"a"}],"sourceApiVersion":66}"#), @r#"sfdx-project.json: `sourceApiVersion` is not a version such as "66.0""#);
}

#[test]
fn attributes_that_convert_line_ends_are_noticed() {
    assert!(obeys_bytes("*.png binary\n* -text\n"));
    assert!(!obeys_bytes("* text=auto\n"));
    assert!(!obeys_bytes("*.cls -text\n"));
}

#[test]
fn version_of_a_project_is_raised_and_nothing_else_changes() {
    let raised = |text: &str| Project::with_version(text, ApiVersion::new(67));
    let text = "\u{feff}{\r\n  \"plugins\": {\"sourceApiVersion\": \"1.0\"},\r\n  \"sourceApiVersion\" : \"66.0\"\r\n}\r\n";
    assert_eq!(raised(text).unwrap(), text.replace("66.0", "67.0"));
    for other in ["{}", "{\"sourceApiVersion\": 66}", "no JSON"] {
        assert_eq!(raised(other), None, "{other}");
    }
}
