//! The file extension of a content type.

use std::{collections::HashMap, sync::LazyLock};

/// Content types that stand for an archive, whose files go into the tree one by one.
///
/// Source: source-deploy-retrieve 13.2, static resources.
const ARCHIVES: [&str; 3] = [
    "application/zip",
    "application/x-zip-compressed",
    "application/jar",
];

/// What the table lacks and `sf` adds.
const MORE: [(&str, &str); 5] = [
    ("text/javascript", "js"),
    ("application/x-javascript", "js"),
    ("application/x-zip-compressed", "zip"),
    ("text/x-haml", "haml"),
    ("image/x-png", "png"),
];

/// Extension of what no table knows.
const UNKNOWN: &str = "bin";

/// One type and its extension a line, as npm `mime` 2.6 gives them, which `sf` asks.
static TABLE: LazyLock<HashMap<&str, &str>> = LazyLock::new(|| {
    include_str!("mime.txt")
        .lines()
        .filter_map(|line| line.split_once(' '))
        .collect()
});

/// Whether content of this type is an archive.
pub(super) fn is_archive(content_type: &str) -> bool {
    ARCHIVES.contains(&content_type)
}

/// The extension, without a dot, of a file of this type.
pub(super) fn extension(content_type: &str) -> &'static str {
    let bare = content_type.trim_start();
    let end = bare.find(|it: char| it == ';' || it.is_whitespace());
    let bare = bare[..end.unwrap_or(bare.len())].to_lowercase();
    let more = || MORE.iter().find(|(it, _)| *it == content_type);
    TABLE
        .get(bare.as_str())
        .copied()
        .or_else(|| more().map(|(_, extension)| *extension))
        .unwrap_or(UNKNOWN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn common_types_have_the_extension_that_sf_gives() {
        let cases = [
            ("application/javascript", "js"),
            ("text/javascript", "js"),
            ("text/css", "css"),
            ("image/jpeg", "jpeg"),
            ("image/x-icon", "ico"),
            ("image/svg+xml", "svg"),
            ("text/plain", "txt"),
            ("TEXT/HTML; charset=utf-8", "html"),
            ("audio/mpeg", "mpga"),
            ("font/woff2", "woff2"),
            ("application/vnd.ms-excel", "xls"),
            ("application/octet-stream", "bin"),
            ("application/zip", "zip"),
            ("application/jar", "bin"),
            ("something/else", "bin"),
            ("", "bin"),
        ];
        for (content_type, wanted) in cases {
            assert_eq!(extension(content_type), wanted, "{content_type}");
        }
    }
}
