//! The gate for text that comes from an org, on its way to a terminal or a CI log.
//!
//! Invariant: what passed moves no cursor, changes no colour, turns no reading
//! direction, and is no command to a CI runner.

use std::borrow::Cow;

/// Characters that turn the reading direction.
fn is_bidi(it: char) -> bool {
    matches!(it, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

fn is_harmful(it: char) -> bool {
    (it.is_control() && it != '\n' && it != '\t') || is_bidi(it)
}

/// Whether a CI runner would take the line for a command.
fn is_command(line: &str) -> bool {
    let line = line.trim_start();
    line.starts_with("::") || line.starts_with("##[")
}

/// Makes `text` safe to print; line breaks and tabs stay.
#[must_use]
pub(super) fn printable(text: &str) -> Cow<'_, str> {
    let mut safe = if text.contains(is_harmful) {
        let mut out = String::with_capacity(text.len() + 8);
        for it in text.chars() {
            if is_harmful(it) {
                out.extend(it.escape_unicode());
            } else {
                out.push(it);
            }
        }
        Cow::Owned(out)
    } else {
        Cow::Borrowed(text)
    };
    if safe.split('\n').any(is_command) {
        let lines: Vec<String> = safe
            .split('\n')
            .map(|line| match is_command(line) {
                true => format!("\\{line}"),
                false => line.to_owned(),
            })
            .collect();
        safe = Cow::Owned(lines.join("\n"));
    }
    safe
}

/// Makes `text` safe to print within one line.
#[must_use]
pub(super) fn one_line(text: &str) -> String {
    printable(text)
        .split(['\n', '\t'])
        .collect::<Vec<_>>()
        .join(" ")
}

/// Makes `text` a cell of CSV that people open in a spreadsheet: quoted where it must be, and no formula.
#[must_use]
pub(super) fn csv_cell(text: &str) -> String {
    let is_number = text.parse::<f64>().is_ok();
    let is_formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']) && !is_number;
    let text = if is_formula {
        format!("'{text}")
    } else {
        text.to_owned()
    };
    if text.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text
    }
}

/// Makes `text` safe inside Markdown: nothing in it is markup or HTML.
#[must_use]
pub(super) fn markdown(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    for it in one_line(text).chars() {
        match it {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '\\' | '`' | '*' | '_' | '{' | '}' | '[' | ']' | '(' | ')' | '#' | '|' | '!' | '~'
            | '@' => {
                out.push('\\');
                out.push(it);
            }
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cell_of_a_spreadsheet_is_no_formula() {
        assert_eq!(csv_cell("=1+1"), "'=1+1");
        assert_eq!(csv_cell("-5.0"), "-5.0");
        assert_eq!(csv_cell("@x, \"y\""), "\"'@x, \"\"y\"\"\"");
    }

    #[test]
    fn escape_sequences_and_reading_directions_are_shown_not_obeyed() {
        assert_eq!(printable("a\u{1b}[31mb"), "a\\u{1b}[31mb");
        assert_eq!(printable("a\u{202e}b\r"), "a\\u{202e}b\\u{d}");
        assert_eq!(printable("plain ü → \n\tok"), "plain ü → \n\tok");
    }

    #[test]
    fn no_line_is_a_command_to_a_runner() {
        assert_eq!(
            printable("x\n::set-output name=a::b\n  ##[error]"),
            "x\n\\::set-output name=a::b\n\\  ##[error]"
        );
    }

    #[test]
    fn markdown_has_no_markup_left() {
        assert_eq!(
            markdown("<b>*x*</b> @me"),
            "&lt;b&gt;\\*x\\*&lt;/b&gt; \\@me"
        );
    }
}
