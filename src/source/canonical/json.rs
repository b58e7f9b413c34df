//! JSON with the keys of its objects in order.
//!
//! Invariant: each scalar keeps its bytes, so no number and no escape changes.

/// Deepest nesting that is read; more is left as it is.
const MAX_DEPTH: usize = 200;

/// `text` with sorted keys, two blanks a level and a line end; `None` where it
/// is no JSON, or where sorting could change what it means (a key twice, or one
/// with escapes).
pub(super) fn canonical(text: &str) -> Option<String> {
    let mut reader = Reader { text, at: 0 };
    let value = reader.value(0)?;
    reader.skip_blanks();
    if reader.at != text.len() {
        return None;
    }
    let mut out = String::with_capacity(text.len() + 64);
    write(&mut out, &value, 0);
    out.push('\n');
    Some(out)
}

enum Value<'a> {
    Scalar(&'a str),
    Array(Vec<Value<'a>>),
    Object(Vec<(&'a str, Value<'a>)>),
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    fn skip_blanks(&mut self) {
        let rest = self.text[self.at..].trim_start_matches([' ', '\t', '\n', '\r']);
        self.at = self.text.len() - rest.len();
    }

    fn next_is(&mut self, byte: u8) -> bool {
        self.skip_blanks();
        let found = self.text.as_bytes().get(self.at) == Some(&byte);
        self.at += usize::from(found);
        found
    }

    fn value(&mut self, depth: usize) -> Option<Value<'a>> {
        if depth > MAX_DEPTH {
            return None;
        }
        if self.next_is(b'{') {
            return self.object(depth);
        }
        if self.next_is(b'[') {
            let mut items = Vec::new();
            if !self.next_is(b']') {
                loop {
                    items.push(self.value(depth + 1)?);
                    if self.next_is(b']') {
                        break;
                    }
                    self.next_is(b',').then_some(())?;
                }
            }
            return Some(Value::Array(items));
        }
        if self.text.as_bytes().get(self.at) == Some(&b'"') {
            return self.string().map(Value::Scalar);
        }
        let rest = &self.text[self.at..];
        let end = rest
            .find(|it: char| !matches!(it, '0'..='9' | 'a'..='z' | 'E' | '+' | '-' | '.'))
            .unwrap_or(rest.len());
        let word = &rest[..end];
        let is_number = word.starts_with(['-', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9'])
            && word.parse::<f64>().is_ok();
        self.at += end;
        (is_number || matches!(word, "true" | "false" | "null")).then_some(Value::Scalar(word))
    }

    fn object(&mut self, depth: usize) -> Option<Value<'a>> {
        let mut members: Vec<(&str, Value<'_>)> = Vec::new();
        if !self.next_is(b'}') {
            loop {
                self.skip_blanks();
                let key = self.string()?;
                self.next_is(b':').then_some(())?;
                members.push((key, self.value(depth + 1)?));
                if self.next_is(b'}') {
                    break;
                }
                self.next_is(b',').then_some(())?;
            }
        }
        members.sort_by_key(|it| it.0.trim_matches('"'));
        let is_twice = members.windows(2).any(|two| two[0].0 == two[1].0);
        let is_escaped = members.iter().any(|it| it.0.contains('\\'));
        (!is_twice && !is_escaped).then_some(Value::Object(members))
    }

    /// A string with its quotes.
    fn string(&mut self) -> Option<&'a str> {
        let bytes = self.text.as_bytes();
        let start = self.at;
        (bytes.get(start) == Some(&b'"')).then_some(())?;
        let mut at = start + 1;
        loop {
            match bytes.get(at)? {
                b'"' => break,
                b'\\' => at += 2,
                0..0x20 => return None,
                _ => at += 1,
            }
        }
        self.at = at + 1;
        self.text.get(start..self.at)
    }
}

fn write(out: &mut String, value: &Value<'_>, depth: usize) {
    let line = |out: &mut String, depth: usize| {
        out.push('\n');
        out.extend(std::iter::repeat_n("  ", depth));
    };
    match value {
        Value::Scalar(text) => out.push_str(text),
        Value::Array(items) if items.is_empty() => out.push_str("[]"),
        Value::Object(members) if members.is_empty() => out.push_str("{}"),
        Value::Array(items) => {
            for (at, item) in items.iter().enumerate() {
                out.push(if at == 0 { '[' } else { ',' });
                line(out, depth + 1);
                write(out, item, depth + 1);
            }
            line(out, depth);
            out.push(']');
        }
        Value::Object(members) => {
            for (at, (key, value)) in members.iter().enumerate() {
                out.push(if at == 0 { '{' } else { ',' });
                line(out, depth + 1);
                out.push_str(key);
                out.push_str(": ");
                write(out, value, depth + 1);
            }
            line(out, depth);
            out.push('}');
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_sorted_and_all_else_keeps_its_bytes() {
        let text = canonical(r#"{"b":[3,1,{}], "a" :{"y":1.10,"x":"\u00e9\"\/"},"c":[]}"#).unwrap();
        insta::assert_snapshot!(text, @r#"
        {
          "a": {
            "x": "\u00e9\"\/",
            "y": 1.10
          },
          "b": [
            3,
            1,
            {}
          ],
          "c": []
        }
        "#);
        assert_eq!(canonical(&text), Some(text));
    }

    #[test]
    fn what_is_no_json_or_ambiguous_is_refused() {
        let deep = "[".repeat(300);
        for text in [
            "",
            "{",
            "{} x",
            r#"{"a":1,"a":2}"#,
            r#"{"\u0061":1}"#,
            "[1,]",
            "nul",
            "\"\\",
            &deep,
        ] {
            assert_eq!(canonical(text), None, "{text}");
        }
    }
}
