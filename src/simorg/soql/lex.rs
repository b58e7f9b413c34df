//! The words of a query.

use super::SoqlError;

/// One word and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) kind: TokenKind,
    /// Offset in the text.
    pub(super) at: usize,
    /// As it is written.
    pub(super) text: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TokenKind {
    /// A name, with dots: `CreatedBy.Name`.
    Word,
    /// A quoted text; `text` is what it means.
    Text,
    /// A number, date or time.
    Number,
    /// A sign: `(`, `)`, `,`, `:`, a comparison.
    Sign,
    /// The end.
    End,
}

/// Splits a query into words.
pub(super) fn lex(text: &str) -> Result<Vec<Token>, SoqlError> {
    let mut tokens = Vec::new();
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        let byte = bytes[at];
        if byte.is_ascii_whitespace() {
            at += 1;
            continue;
        }
        let start = at;
        let (kind, value) = match byte {
            b'\'' => {
                let (value, end) = quoted(text, at)?;
                at = end;
                (TokenKind::Text, value)
            }
            b'(' | b')' | b',' | b':' | b'=' => {
                at += 1;
                (TokenKind::Sign, text[start..at].to_owned())
            }
            b'<' | b'>' | b'!' => {
                at += 1;
                if matches!(bytes.get(at), Some(b'=' | b'>')) {
                    at += 1;
                }
                (TokenKind::Sign, text[start..at].to_owned())
            }
            b'0'..=b'9' | b'-' | b'+' => {
                at += 1;
                while bytes.get(at).is_some_and(|it| {
                    matches!(
                        it,
                        b'0'..=b'9'
                            | b'-'
                            | b'+'
                            | b':'
                            | b'.'
                            | b'T'
                            | b'Z'
                            | b't'
                            | b'z'
                            | b'e'
                            | b'E'
                    )
                }) {
                    at += 1;
                }
                (TokenKind::Number, text[start..at].to_owned())
            }
            byte if byte.is_ascii_alphabetic() || byte == b'_' => {
                while bytes
                    .get(at)
                    .is_some_and(|it| it.is_ascii_alphanumeric() || matches!(it, b'_' | b'.'))
                {
                    at += 1;
                }
                (TokenKind::Word, text[start..at].to_owned())
            }
            _ => {
                let sign = text[at..].chars().next().unwrap_or('?');
                let reason = format!("line 1:{at} no viable alternative at character '{sign}'");
                return Err(SoqlError::plain("MALFORMED_QUERY", &reason));
            }
        };
        tokens.push(Token {
            kind,
            at: start,
            text: value,
        });
    }
    tokens.push(Token {
        kind: TokenKind::End,
        at: text.len(),
        text: "<EOF>".to_owned(),
    });
    Ok(tokens)
}

/// What the quoted text at `start` means, and where it ends.
fn quoted(text: &str, start: usize) -> Result<(String, usize), SoqlError> {
    let mut value = String::new();
    let mut chars = text[start + 1..].char_indices();
    while let Some((offset, it)) = chars.next() {
        match it {
            '\'' => return Ok((value, start + 1 + offset + 1)),
            '\\' => match chars.next() {
                Some((_, 'n' | 'N')) => value.push('\n'),
                Some((_, 'r' | 'R')) => value.push('\r'),
                Some((_, 't' | 'T')) => value.push('\t'),
                Some((_, 'b' | 'B')) => value.push('\u{8}'),
                Some((_, 'f' | 'F')) => value.push('\u{c}'),
                Some((_, it @ ('\'' | '"' | '\\'))) => value.push(it),
                // `\%` and `\_` keep their backslash for LIKE.
                Some((_, it @ ('%' | '_'))) => value.extend(['\\', it]),
                Some((at, _)) => {
                    let reason = "Illegal string literal: Invalid string literal. \
                                  Illegal character sequence in string literal.";
                    return Err(SoqlError::malformed(text, start + 1 + at, reason));
                }
                None => break,
            },
            other => value.push(other),
        }
    }
    let reason = "unexpected token: '''";
    Err(SoqlError::malformed(text, start, reason))
}
