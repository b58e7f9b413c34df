//! The same as a comment to a pull request: short, whatever it tells of.

use std::fmt::Write as _;

use super::{Component, Page};
use crate::cli::text::markdown as safe;

/// Longest comment, in characters.
///
/// Source: GitHub takes 65,536 characters, Azure DevOps 150,000, GitLab 1,000,000.
const LONGEST: usize = 60_000;

/// Most components of a group that are listed.
const LISTED: usize = 25;

/// Most that go along with one component and are listed.
const ALONG: usize = 6;

/// The page in Markdown.
pub(in crate::cli) fn render(page: &Page) -> String {
    let mut out = format!("### {}\n\n", safe(&page.title));
    let counts: Vec<_> = page
        .groups
        .iter()
        .map(|it| format!("**{}** {}", it.n, it.word))
        .collect();
    let _ = match counts.is_empty() {
        true => writeln!(out, "Nothing to do.\n"),
        false => writeln!(out, "{}\n", counts.join(" · ")),
    };
    let facts = page.facts.iter();
    let facts: Vec<_> = facts
        .map(|(name, value)| format!("{name}: {}", safe(value)))
        .collect();
    let _ = writeln!(out, "{}\n", facts.join(" · "));
    for note in &page.outcome {
        let sign = if note.is_good { "✅" } else { "❌" };
        let _ = writeln!(out, "{sign} {}\n", safe(&note.text));
        for line in note.more.iter().take(LISTED) {
            let _ = writeln!(out, "- {}", safe(line));
        }
        more(&mut out, note.more.len(), LISTED);
        out.push('\n');
    }
    for group in page.groups.iter().filter(|it| it.is_open) {
        let _ = writeln!(out, "#### {} ({})\n", group.heading, group.n);
        for item in group.items.iter().take(LISTED) {
            line(&mut out, item, "");
            for below in item.along.iter().take(ALONG) {
                line(&mut out, below, "  ");
            }
            if ALONG < item.along.len() {
                let _ = writeln!(out, "  - … and {} more", item.along.len() - ALONG);
            }
        }
        more(&mut out, group.items.len(), LISTED);
        out.push('\n');
    }
    let _ = writeln!(out, "<sub>{}</sub>", safe(&page.footer));
    if out.chars().count() <= LONGEST {
        return out;
    }
    let cut: String = out.chars().take(LONGEST).collect();
    let end = cut.rfind('\n').unwrap_or(cut.len());
    format!("{}\n\n… cut here.\n", &cut[..end])
}

fn more(out: &mut String, n_all: usize, n_shown: usize) {
    if n_shown < n_all {
        let _ = writeln!(out, "- … and {} more", n_all - n_shown);
    }
}

fn line(out: &mut String, item: &Component, indent: &str) {
    let reason = match item.reason.as_str() {
        "" => String::new(),
        reason => format!(": {}", safe(reason)),
    };
    let mark = match item.mark.as_str() {
        "" => String::new(),
        mark => format!(" *({})*", safe(mark)),
    };
    let _ = writeln!(
        out,
        "{indent}- {} **{}** {}{reason}{mark}",
        item.sign,
        safe(&item.name),
        safe(&item.type_name)
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::page::Group;

    #[test]
    fn comment_stays_short_enough_whatever_it_tells_of() {
        let item = |n: usize| Component {
            name: format!("Account.{}{n}__c", "*x*".repeat(900)),
            reason: "it is <b>gone</b> @all".to_owned(),
            sign: '+',
            ..Component::default()
        };
        let mut page = Page {
            title: "Roll back".to_owned(),
            groups: vec![Group {
                word: "recreate",
                heading: "To recreate",
                n: 5_000,
                is_open: true,
                items: (0..5_000).map(item).collect(),
            }],
            ..Page::default()
        };
        let text = render(&page);
        assert!(text.chars().count() <= 65_536);
        assert!(text.ends_with("… cut here.\n"));
        assert!(!text.contains("<b>") && !text.contains(" @all"));
        page.groups[0].items.truncate(2);
        let text = render(&page);
        assert!(
            text.contains("**5000** recreate")
                && text.contains("Made") == page.footer.contains("Made")
        );
    }
}
