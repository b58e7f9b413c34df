//! `multipart/form-data`, as the REST deploy sends it.

/// One part of a form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part<'a> {
    /// Its name; may be empty.
    pub name: &'a str,
    /// Its media type without parameters; empty where none was given.
    pub content_type: &'a str,
    /// Its content.
    pub body: &'a [u8],
}

/// Most parts of a form; own limit.
const MAX_PARTS: usize = 100;

/// Splits a form; `None` where it is none.
#[must_use]
pub fn parts<'a>(content_type: &str, body: &'a [u8]) -> Option<Vec<Part<'a>>> {
    let (media, parameters) = content_type.split_once(';')?;
    if !media.trim().eq_ignore_ascii_case("multipart/form-data") {
        return None;
    }
    let boundary = parameters.split(';').find_map(|it| {
        let (name, value) = it.trim().split_once('=')?;
        let value = value.trim().trim_matches('"');
        name.eq_ignore_ascii_case("boundary").then_some(value)
    })?;
    if boundary.is_empty() || boundary.len() > 70 {
        return None;
    }
    let first = format!("--{boundary}");
    let next = format!("\r\n--{boundary}");
    let start = find(body, first.as_bytes())?;
    let mut rest = &body[start + first.len()..];
    let mut parts = Vec::new();
    loop {
        if rest.starts_with(b"--") {
            return Some(parts);
        }
        // White space may stand behind a boundary.
        let line = find(rest, b"\r\n")?;
        rest = &rest[line + 2..];
        let end = find(rest, next.as_bytes())?;
        parts.push(part(&rest[..end])?);
        if parts.len() > MAX_PARTS {
            return None;
        }
        rest = &rest[end + next.len()..];
    }
}

fn part(bytes: &[u8]) -> Option<Part<'_>> {
    let (head, body) = if let Some(body) = bytes.strip_prefix(b"\r\n") {
        (&bytes[..0], body)
    } else {
        let end = find(bytes, b"\r\n\r\n")?;
        (&bytes[..end], &bytes[end + 4..])
    };
    let head = std::str::from_utf8(head).ok()?;
    let mut part = Part {
        name: "",
        content_type: "",
        body,
    };
    for line in head.split("\r\n") {
        let (name, value) = line.split_once(':').unwrap_or((line, ""));
        if name.trim().eq_ignore_ascii_case("content-type") {
            part.content_type = value.split(';').next().unwrap_or("").trim();
        } else if name.trim().eq_ignore_ascii_case("content-disposition") {
            part.name = value
                .split(';')
                .find_map(|it| it.trim().strip_prefix("name="))
                .unwrap_or("")
                .trim_matches('"');
        }
    }
    Some(part)
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    let first = *wanted.first()?;
    let mut at = 0;
    while let Some(offset) = bytes[at..].iter().position(|it| *it == first) {
        at += offset;
        if bytes[at..].starts_with(wanted) {
            return Some(at);
        }
        at += 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_found_in_any_order() {
        let body = b"--xY\r\nContent-Disposition: form-data; name=\"file\"; filename=\"package.xml\"\r\n\
            Content-Type: application/zip\r\n\r\nPK\r\n--x\r\n--xY\r\ncontent-type: application/json; charset=utf-8\r\n\
            Content-Disposition: form-data; name=json\r\n\r\n{}\r\n--xY--\r\n";
        let parts = parts("multipart/form-data; boundary=\"xY\"", body).unwrap();
        assert_eq!(parts[0].name, "file");
        assert_eq!(parts[0].body, b"PK\r\n--x");
        assert_eq!(parts[1].content_type, "application/json");
        assert_eq!(parts[1].body, b"{}");
    }

    #[test]
    fn what_is_no_form_is_refused() {
        assert!(parts("application/json", b"{}").is_none());
        assert!(parts("multipart/form-data; boundary=x", b"--x\r\nno end").is_none());
        assert!(parts("multipart/form-data; boundary=", b"").is_none());
    }
}
