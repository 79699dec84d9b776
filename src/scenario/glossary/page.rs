//! `docs/SCENARIOS.md`: the prose of `page.md`, with a table of words for each of its `{{…}}`.

use std::fmt::Write as _;

use super::word::{Group, Part, Word, glossary};

/// What stands before the first table and between them.
const PROSE: &str = include_str!("page.md");

/// The reference page.
#[must_use]
pub fn scenarios_page() -> String {
    let groups = glossary();
    let mut page = PROSE.to_owned();
    for group in groups {
        page = page.replace(&format!("{{{{{}}}}}", group.title), table(group).trim_end());
    }
    for (mark, part) in [("{{Keys of steps}}", Part::Step), ("{{Keys of claims}}", Part::Claim)] {
        let words = groups.iter().filter(|group| group.part == part).flat_map(|group| &group.words);
        page = page.replace(mark, all_keys(words).trim_end());
    }
    page
}

fn table(group: &Group) -> String {
    let column = match group.part {
        Part::Step => "step",
        Part::Claim => "claim",
        Part::Only => "key of `only`",
        Part::Header | Part::World | Part::Device | Part::Link | Part::Aim | Part::Screen => "key",
    };
    let mut out = format!("| {column} | meaning | example |\n|---|---|---|\n");
    let mut long = String::new();
    for word in &group.words {
        let example = match word.examples.first() {
            Some(text) if text.contains('\n') => {
                let _ = write!(long, "\n```yaml\n{text}\n```\n");
                "see below".to_owned()
            }
            Some(text) => format!("`{text}`"),
            None => String::new(),
        };
        let _ = writeln!(out, "| `{}` | {} | {example} |", word.name, word.meaning);
    }
    out + &long
}

fn all_keys<'a>(words: impl Iterator<Item = &'a Word>) -> String {
    let mut out = String::from("| word | its keys |\n|---|---|\n");
    let mut words: Vec<&Word> = words.filter(|word| !word.keys.is_empty()).collect();
    words.sort_by(|one, other| one.name.cmp(&other.name));
    for word in words {
        let key = |key: &Word| {
            let name = if key.needed { format!("`{}`", key.name) } else { format!("(`{}`)", key.name) };
            format!("{name} {}", key.meaning)
        };
        let keys: Vec<String> = word.keys.iter().map(key).collect();
        let _ = writeln!(out, "| `{}` | {} |", word.name, keys.join(" "));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_table_has_its_place() {
        assert!(!scenarios_page().contains("{{"), "the prose names a table that there is not");
        for group in glossary() {
            let mark = format!("{{{{{}}}}}", group.title);
            assert_eq!(PROSE.matches(&mark).count(), 1, "{mark}");
        }
    }
}
