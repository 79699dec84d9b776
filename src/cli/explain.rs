//! `deadzone explain`: what a step, a key, a claim, a fault, a network profile, a check or a requirement is.

use std::fmt::Write as _;

use clap::Args;

use super::exit::Exit;
use super::{print, say, wrong};
use crate::check::CHECKS;
use crate::net::{PROFILES, Profile};
use crate::proxy::catalogue;
use crate::scenario::{self, Part, REQUIREMENTS, Requirement, Word};

#[derive(Debug, Args)]
pub(super) struct ExplainArguments {
    /// A word: `edit`, `lose answer`, `edge-lossy`, `I2`, `4.2/server-fields` [default: a list of all]
    word: Vec<String>,
}

/// Something that can be explained.
struct Topic {
    /// Under which title it is listed.
    group: String,
    name: String,
    /// What it is: `a step`.
    what: String,
    /// It in a sentence or two.
    meaning: String,
    /// What else there is to say of it, in lines.
    more: String,
}

pub(super) fn explain(arguments: &ExplainArguments) -> Exit {
    let topics = topics();
    if arguments.word.is_empty() {
        print(&list(&topics));
        return Exit::Held;
    }
    let wanted = arguments.word.join(" ");
    let mut found: Vec<&Topic> = topics.iter().filter(|topic| topic.is_called(&wanted)).collect();
    let keys = keys(&wanted);
    found.extend(&keys);
    if found.is_empty() {
        let names: Vec<&str> = topics.iter().map(|topic| topic.name.as_str()).collect();
        let help = scenario::did_you_mean(&wanted, names);
        let help = help.unwrap_or_else(|| "`deadzone explain` lists all that there are".to_owned());
        return wrong(&format!("there is no `{wanted}` to explain: {help}"));
    }
    let texts: Vec<String> = found.into_iter().map(Topic::text).collect();
    say(texts.join("\n").trim_end());
    Exit::Held
}

impl Topic {
    /// Whether `wanted` names it; a check is named by its id, too.
    fn is_called(&self, wanted: &str) -> bool {
        let name = self.name.to_lowercase();
        let wanted = wanted.to_lowercase();
        name == wanted || (self.what == CHECK && name.split(' ').next() == Some(&wanted))
    }

    fn text(&self) -> String {
        let more = if self.more.is_empty() { String::new() } else { format!("\n{}", self.more) };
        format!("{}: {}\n\n{}{more}", self.name, self.what, folded(&self.meaning, "  "))
    }
}

const CHECK: &str = "a check of every run";

/// All topics, in the order in which they are listed.
fn topics() -> Vec<Topic> {
    let mut topics = Vec::new();
    for group in scenario::glossary() {
        // What aims a fault is explained with each fault.
        if group.part != Part::Aim {
            topics.extend(group.words.iter().map(|word| of_word(group.title, group.part.what(), word)));
        }
    }
    topics.extend(catalogue().map(|fault| Topic {
        group: "Faults at the proxy".to_owned(),
        name: fault.name.to_owned(),
        what: "a fault".to_owned(),
        meaning: fault.does.to_owned(),
        more: format!("In the field:\n{}\nExample:\n    {}\n", folded(fault.source, "  "), fault.example),
    }));
    topics.extend(PROFILES.iter().map(of_profile));
    topics.extend(CHECKS.iter().map(|check| Topic {
        group: "Checks of every run".to_owned(),
        name: check.name.to_owned(),
        what: CHECK.to_owned(),
        meaning: check.text.to_owned(),
        more: String::new(),
    }));
    topics.extend(REQUIREMENTS.iter().map(of_requirement));
    topics
}

fn of_word(group: &str, what: &str, word: &Word) -> Topic {
    let mut more = String::new();
    if !word.values.is_empty() {
        more.push_str("It can be:\n");
        more.push_str(&rows(word.values.iter().map(|(name, meaning)| (name.clone(), meaning.clone()))));
        more.push('\n');
    }
    if !word.keys.is_empty() {
        more.push_str("Keys (those in brackets may be left out):\n");
        more.push_str(&rows(word.keys.iter().map(|key| {
            let name = if key.needed { key.name.clone() } else { format!("[{}]", key.name) };
            (name, with_choice(key))
        })));
        more.push('\n');
    }
    if !word.examples.is_empty() {
        more.push_str("Example:\n");
        for line in word.examples.iter().flat_map(|text| text.lines()) {
            let _ = writeln!(more, "    {line}");
        }
    }
    let what = format!("{what}: {}", word.kind);
    Topic { group: group.to_owned(), name: word.name.clone(), what, meaning: word.meaning.clone(), more }
}

/// The meaning of a key, and what it can be where that is a choice among few.
fn with_choice(key: &Word) -> String {
    let words: Vec<&str> = key.values.iter().map(|(name, _)| name.as_str()).collect();
    if words.is_empty() || words.len() > 12 {
        return format!("{} ({})", key.meaning, key.kind);
    }
    format!("{} ({})", key.meaning, words.join(", "))
}

/// Topics for the keys called `wanted` of steps and claims; one for all that say the same.
fn keys(wanted: &str) -> Vec<Topic> {
    let mut found: Vec<(Word, Vec<String>)> = Vec::new();
    let mut note = |key: &Word, path: String| match found.iter_mut().find(|(known, _)| known.meaning == key.meaning) {
        Some((_, paths)) if paths.contains(&path) => {}
        Some((_, paths)) => paths.push(path),
        None => found.push((key.clone(), vec![path])),
    };
    for group in scenario::glossary().iter().filter(|group| matches!(group.part, Part::Step | Part::Claim)) {
        for word in &group.words {
            for key in &word.keys {
                let inner = key.keys.iter().map(|inner| (inner, format!("{} {}", word.name, key.name)));
                for (key, path) in [(key, word.name.clone())].into_iter().chain(inner) {
                    if key.name == wanted || format!("{path} {}", key.name) == wanted {
                        note(key, path);
                    }
                }
            }
        }
    }
    let topic = |(key, paths): (Word, Vec<String>)| {
        let of: Vec<String> = paths.iter().map(|path| format!("`{path}`")).collect();
        of_word("", &format!("a key of {}", of.join(", ")), &key)
    };
    found.into_iter().map(topic).collect()
}

fn of_profile(profile: &Profile) -> Topic {
    let rate = |rate: crate::base::Rate| match rate.bits_per_second() {
        0 => "without limit".to_owned(),
        _ => rate.to_string(),
    };
    let delays = format!("one way {} down and {} up", profile.delay_down, profile.delay_up);
    Topic {
        group: "Network profiles".to_owned(),
        name: profile.name.to_owned(),
        what: "a network profile".to_owned(),
        meaning: format!(
            "{} down, {} up, {delays}, {} of packets lost. Source: {}.",
            rate(profile.down),
            rate(profile.up),
            profile.loss,
            profile.source
        ),
        more: format!("Example:\n    maria: {{ link: {} }}\n", profile.name),
    }
}

fn of_requirement(requirement: &Requirement) -> Topic {
    let beyond = requirement.beyond.map(|why| format!("No scenario can prove it here:\n{}\n", folded(why, "  ")));
    let covers = format!("Scenarios name it so:\n    covers: [{}]\n", requirement.id);
    Topic {
        group: "Requirements".to_owned(),
        name: requirement.id.to_owned(),
        what: "a requirement".to_owned(),
        meaning: requirement.text.to_owned(),
        more: beyond.unwrap_or(covers),
    }
}

fn list(topics: &[Topic]) -> String {
    let mut out = String::new();
    for group in topics.chunk_by(|one, other| one.group == other.group) {
        let title = group.first().map(|topic| topic.group.as_str()).unwrap_or_default();
        let _ = writeln!(out, "{title}");
        out.push_str(&rows(group.iter().map(|topic| (topic.name.clone(), first_sentence(&topic.meaning)))));
        out.push('\n');
    }
    out.push_str("deadzone explain WORD says more of each.\n");
    out
}

fn first_sentence(text: &str) -> String {
    text.split_inclusive(". ").next().unwrap_or(text).trim_end().to_owned()
}

/// A line each, names in a column of their own.
fn rows(rows: impl Iterator<Item = (String, String)>) -> String {
    let rows: Vec<(String, String)> = rows.collect();
    let width = rows.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
    let mut out = String::new();
    for (name, meaning) in rows {
        let indent = " ".repeat(width + 4);
        let text = folded(&meaning, &indent);
        let _ = writeln!(out, "  {name:<width$}  {}", text.trim());
    }
    out
}

/// `text` in lines that fit a usual terminal, each behind `indent`.
fn folded(text: &str, indent: &str) -> String {
    const WIDTH: usize = 110;
    let mut out = String::new();
    let mut length = 0;
    for word in text.split_whitespace() {
        let more = word.chars().count() + 1;
        if length > 0 && length + more > WIDTH {
            out.push('\n');
            length = 0;
        }
        if length == 0 {
            out.push_str(indent);
            length = indent.len();
        } else {
            out.push(' ');
        }
        out.push_str(word);
        length += more;
    }
    out.push('\n');
    out
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_name_in_the_list_is_explained() {
        let topics = topics();
        let list = list(&topics);
        let names: BTreeSet<&str> = topics.iter().map(|topic| topic.name.as_str()).collect();
        assert!(names.len() > 200, "{names:?}");
        for name in names {
            assert!(list.contains(&format!("  {name} ")), "{name} is not in\n{list}");
            let text = topics.iter().find(|topic| topic.is_called(name)).map(Topic::text).unwrap_or_default();
            assert!(text.contains(": a") && text.lines().count() > 2, "{name}: {text}");
        }
        for title in ["Header", "What users do", "Faults at the proxy", "Network profiles", "Requirements"] {
            assert!(list.lines().any(|line| line == title), "no group {title} in\n{list}");
        }
    }
}
