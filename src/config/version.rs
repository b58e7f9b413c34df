//! Another API version in the text of `orgkeep.toml`, with all else as it is.

use super::Config;
use crate::model::ApiVersion;

/// The text with `api_version` set to `version`; comments and order stay.
///
/// Where the key is not there, it becomes the first line. `None` where the text is no
/// configuration that says this version in the end.
#[must_use]
pub fn with_api_version(text: &str, version: ApiVersion) -> Option<String> {
    let line = format!("api_version = \"{version}\"");
    let end = if text.contains("\r\n") { "\r\n" } else { "\n" };
    let new = match at(text) {
        Some(value) => [
            &text[..value.start],
            &version.to_string(),
            &text[value.end..],
        ]
        .concat(),
        None => format!("{line}{end}{text}"),
    };
    let says = Config::parse(&new).ok()?;
    (says.api_version == version).then_some(new)
}

/// Where the version stands, between its quotes, above the first table.
fn at(text: &str) -> Option<std::ops::Range<usize>> {
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let blank = line.len() - line.trim_start().len();
        let words = line.trim_start();
        if words.starts_with('[') {
            return None;
        }
        let value = words
            .strip_prefix("api_version")
            .and_then(|it| it.trim_start().strip_prefix('='))
            .map(str::trim_start);
        if let Some(value) = value {
            let quote = value.chars().next().filter(|it| matches!(it, '"' | '\''))?;
            let length = value[1..].find(quote)?;
            let from = start + blank + words.len() - value.len() + 1;
            return Some(from..from + length);
        }
        start += line.len();
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::template;

    fn raised(text: &str) -> Option<String> {
        with_api_version(text, ApiVersion::new(67))
    }

    #[test]
    fn nothing_but_the_version_changes() {
        let text = template("main", ApiVersion::new(66));
        let new = raised(&text).unwrap();
        assert_eq!(
            new,
            text.replace("api_version = \"66.0\"", "api_version = \"67.0\"")
        );
        assert_eq!(
            raised("# a\r\napi_version='66.0' # pinned\r\n[org]\r\n").unwrap(),
            "# a\r\napi_version='67.0' # pinned\r\n[org]\r\n"
        );
    }

    #[test]
    fn version_that_was_never_named_comes_first() {
        assert_eq!(
            raised("[org]\nbranch = \"main\"\n").unwrap(),
            "api_version = \"67.0\"\n[org]\nbranch = \"main\"\n"
        );
        assert_eq!(raised("").unwrap(), "api_version = \"67.0\"\n");
    }

    #[test]
    fn text_that_is_no_configuration_is_left_alone() {
        assert_eq!(raised("api_version = 66"), None);
        assert_eq!(raised("nonsense = 1\n"), None);
    }
}
