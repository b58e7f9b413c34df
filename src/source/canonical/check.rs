//! Tells without building a tree whether a document is canonical already.
//!
//! Most files of a retrieve are. Invariant: what this module calls canonical is
//! what rendering would give; where it is not sure it says no, and the document
//! goes the long way.

use super::{
    Rules,
    spell::NAMESPACE,
    volatile::{ASSET_RELATIONSHIPS, AUTOMATIC_LAYOUT, COUNTER, FLOW_COORDINATES, is_coordinate},
};
use crate::{
    registry::keys::{KeyRules, MAX_PARTS, Order, Rule, Scope},
    xml::MAX_DEPTH,
};

const DECLARATION: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";

/// Whether `text` is what `canonicalise` would make of it.
pub(super) fn is_canonical(text: &str, rules: &Rules) -> bool {
    let Some(body) = text.strip_prefix(DECLARATION) else {
        return false;
    };
    let check = Check {
        text: body,
        at: 0,
        rules,
        keys: rules.keys,
        open: Vec::with_capacity(16),
        is_moved: false,
        is_automatic: false,
    };
    check.run().is_some()
}

/// Texts that a key takes from an item, as they are escaped.
type KeyTexts<'a> = [Option<&'a str>; MAX_PARTS];

struct Check<'a> {
    text: &'a str,
    at: usize,
    rules: &'a Rules,
    keys: &'a KeyRules,
    open: Vec<Open<'a>>,
    is_moved: bool,
    is_automatic: bool,
}

/// An element that has begun.
struct Open<'a> {
    name: &'a str,
    scope: Scope,
    by_name: bool,
    rule: &'a Rule,
    key: KeyTexts<'a>,
    /// The child before: its name and key.
    last: Option<(&'a str, KeyTexts<'a>)>,
    /// Names of the sets that have begun in it.
    sets: Vec<&'a str>,
}

struct Tag<'a> {
    name: &'a str,
    attributes: &'a str,
    is_closed: bool,
}

/// `Some` for "go on": each step that fails ends the check.
type Step<T = ()> = Option<T>;

fn demand(holds: bool) -> Step {
    holds.then_some(())
}

impl<'a> Check<'a> {
    fn run(mut self) -> Step {
        self.root()?;
        while !self.open.is_empty() {
            let blanks = self.blanks();
            self.at += blanks;
            if self.rest().starts_with("</") {
                demand(blanks == 4 * (self.open.len() - 1))?;
                self.end()?;
            } else {
                demand(blanks == 4 * self.open.len())?;
                self.child()?;
            }
        }
        demand(self.at == self.text.len())?;
        demand(!(self.is_moved && self.is_automatic))
    }

    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn blanks(&self) -> usize {
        let rest = &self.text.as_bytes()[self.at..];
        rest.iter().take_while(|it| **it == b' ').count()
    }

    fn take(&mut self, expected: &str) -> Step {
        demand(self.rest().starts_with(expected))?;
        self.at += expected.len();
        Some(())
    }

    fn root(&mut self) -> Step {
        let tag = self.tag()?;
        let namespace = tag.attributes.split(' ').any(|it| {
            it.strip_prefix("xmlns=\"")
                .and_then(|it| it.strip_suffix('"'))
                == Some(NAMESPACE)
        });
        let is_always_looked_at = (tag.name.starts_with("Profile") && tag.name != "Profile")
            || (tag.name == "ContentAsset" && self.rules.holds(ASSET_RELATIONSHIPS));
        demand(namespace && !tag.is_closed && !is_always_looked_at)?;
        let scope = self.keys.root(tag.name);
        let (nothing, _) = self.keys.look_up(scope, "");
        if self.text.as_bytes().get(self.at) != Some(&b'\n') {
            self.take("</")?;
            self.take(tag.name)?;
            return self.take(">\n");
        }
        self.at += 1;
        self.begin(tag.name, scope, nothing)
    }

    fn begin(&mut self, name: &'a str, scope: Scope, rule: &'a Rule) -> Step {
        demand(self.open.len() < MAX_DEPTH)?;
        self.open.push(Open {
            name,
            scope,
            by_name: self.keys.groups_by_name(scope),
            rule,
            key: KeyTexts::default(),
            last: None,
            sets: Vec::new(),
        });
        Some(())
    }

    fn end(&mut self) -> Step {
        let done = self.open.pop()?;
        // `<a>` and `</a>` on two lines hold white space, not nothing.
        demand(done.last.is_some())?;
        self.take("</")?;
        self.take(done.name)?;
        self.take(">\n")?;
        if self.open.is_empty() {
            return Some(());
        }
        demand(done.rule.order != Order::Set || !done.rule.sort.is_own_text())?;
        self.follow(done.name, done.rule, done.key)
    }

    /// A child that begins here: to its end where it holds text, else into it.
    fn child(&mut self) -> Step {
        let tag = self.tag()?;
        let parent = self.open.last()?;
        let (rule, scope) = self.keys.look_up(parent.scope, tag.name);
        let is_nil =
            tag.attributes.contains(":nil=\"true\"") || tag.attributes.contains(":nil=\"1\"");
        if tag.is_closed {
            demand(is_nil)?;
            self.take("\n")?;
            return self.leaf(tag.name, "", rule);
        }
        if self.text.as_bytes().get(self.at) == Some(&b'\n') {
            let below = self.text.as_bytes()[self.at + 1..].iter();
            if below.copied().find(|it| *it != b' ') == Some(b'<') {
                self.at += 1;
                return self.begin(tag.name, scope, rule);
            }
        }
        let text = self.plain_text()?;
        demand(!(is_nil && text.is_empty()))?;
        self.take("</")?;
        self.take(tag.name)?;
        self.take(">\n")?;
        self.leaf(tag.name, text, rule)
    }

    fn leaf(&mut self, name: &'a str, text: &'a str, rule: &'a Rule) -> Step {
        demand(name != COUNTER)?;
        self.is_moved |= is_coordinate(name) && text != "0" && self.rules.holds(FLOW_COORDINATES);
        self.is_automatic |= text == AUTOMATIC_LAYOUT;
        let item = self.open.last_mut()?;
        if item.rule.order == Order::Set
            && let Some(part) = item.rule.sort.part_named(name)
        {
            item.key[part].get_or_insert(text);
        }
        let mut key = KeyTexts::default();
        if rule.order == Order::Set && rule.sort.is_own_text() {
            key[0] = Some(text);
        }
        self.follow(name, rule, key)
    }

    /// Whether a child may stand behind the one before it.
    fn follow(&mut self, name: &'a str, rule: &'a Rule, key: KeyTexts<'a>) -> Step {
        let parent = self.open.last_mut()?;
        if let Some((before, _)) = parent.last {
            demand(!parent.by_name || before <= name)?;
        }
        if rule.order == Order::Set {
            match parent.last {
                Some((before, last)) if before == name => {
                    let texts = |key: KeyTexts<'a>| key.map(Option::unwrap_or_default);
                    let order = rule.sort.compare_escaped(&texts(last), &texts(key));
                    demand(order.is_lt())?;
                }
                _ => {
                    demand(!parent.sets.contains(&name))?;
                    parent.sets.push(name);
                }
            }
        }
        parent.last = Some((name, key));
        Some(())
    }

    fn tag(&mut self) -> Step<Tag<'a>> {
        self.take("<")?;
        let rest = self.rest();
        let is_name = |it: &u8| it.is_ascii_alphanumeric() || matches!(it, b'_' | b'-' | b'.');
        let length = rest.bytes().take_while(is_name).count();
        let name = &rest[..length];
        demand(name.starts_with(|it: char| it.is_ascii_alphabetic() || it == '_'))?;
        let end = length
            + rest.as_bytes()[length..]
                .iter()
                .position(|it| *it == b'>')?;
        let inside = &rest[length..end];
        let (attributes, is_closed) = match inside.strip_suffix('/') {
            Some(attributes) => (attributes, true),
            None => (inside, false),
        };
        demand(are_plain(attributes))?;
        self.at += end + 1;
        Some(Tag {
            name,
            attributes,
            is_closed,
        })
    }

    /// Text in the server's escaping, up to the tag behind it.
    fn plain_text(&mut self) -> Step<&'a str> {
        let start = self.at;
        let bytes = self.text.as_bytes();
        loop {
            match CLASSES[usize::from(*bytes.get(self.at)?)] {
                Class::Plain => self.at += 1,
                Class::Tag => return Some(&self.text[start..self.at]),
                Class::Reference => self.reference()?,
                Class::Other => return None,
            }
        }
    }

    fn reference(&mut self) -> Step {
        let rest = self.rest();
        let known = ["&amp;", "&lt;", "&gt;", "&apos;", "&quot;", "&#xD;"];
        let length = known.iter().find(|it| rest.starts_with(**it))?.len();
        self.at += length;
        Some(())
    }
}

/// Whether attributes are written ` name="value"`, each once, with nothing escaped.
fn are_plain(attributes: &str) -> bool {
    let mut rest = attributes;
    let mut names: [&str; 8] = [""; 8];
    for place in &mut names {
        if rest.is_empty() {
            break;
        }
        let parts = rest
            .strip_prefix(' ')
            .and_then(|it| it.split_once("=\""))
            .and_then(|(name, it)| Some((name, it.split_once('"')?)));
        let Some((name, (value, behind))) = parts else {
            return false;
        };
        let is_name = |it: char| it.is_ascii_alphanumeric() || matches!(it, ':' | '_' | '-' | '.');
        let is_value = |it: char| !it.is_control() && !matches!(it, '&' | '<' | '\'' | '>');
        if name.is_empty() || !name.chars().all(is_name) || !value.chars().all(is_value) {
            return false;
        }
        *place = name;
        rest = behind;
    }
    let names = names.iter().filter(|it| !it.is_empty());
    let is_once = |(at, name): (usize, &&str)| !names.clone().skip(at + 1).any(|it| it == name);
    rest.is_empty() && names.clone().enumerate().all(is_once)
}

#[derive(Clone, Copy)]
enum Class {
    Plain,
    Tag,
    Reference,
    Other,
}

/// What a byte is in text.
const CLASSES: [Class; 256] = {
    let mut classes = [Class::Plain; 256];
    let mut at = 0;
    while at < 0x20 {
        classes[at] = Class::Other;
        at += 1;
    }
    classes[b'\n' as usize] = Class::Plain;
    classes[b'\t' as usize] = Class::Plain;
    classes[b'<' as usize] = Class::Tag;
    classes[b'&' as usize] = Class::Reference;
    classes[b'\'' as usize] = Class::Other;
    classes[b'"' as usize] = Class::Other;
    classes[b'>' as usize] = Class::Other;
    classes
};
