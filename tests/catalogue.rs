//! The catalogue of faults against the scenario format and the documents.

use std::fs;

use deadzone::proxy::catalogue;
use deadzone::scenario::{self, Options};

#[test]
fn every_example_is_a_step() {
    for entry in catalogue() {
        let text = format!(
            "name: x\ncovers: [7.1/network]\ndevices:\n  maria: {{}}\nsteps:\n  {}\n  - sync: maria\n",
            entry.example
        );
        let options = Options { known_links: &["wifi"] };
        if let Err(problems) = scenario::parse(&text, "example.yaml", &options) {
            panic!(
                "{}: {}",
                entry.name,
                problems.iter().map(|problem| scenario::draw(problem, false)).collect::<String>()
            );
        }
    }
}

#[test]
fn every_fault_is_in_the_documents_with_its_words() {
    let text = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/FAULTS.md")).expect("docs/FAULTS.md");
    let section = text.split_once("## All faults\n").expect("a section `All faults`").1;
    assert!(section.trim() == printed().trim(), "docs/FAULTS.md should end with:\n{}", printed());
}

/// The catalogue as the document has it.
fn printed() -> String {
    let mut text = String::new();
    for entry in catalogue() {
        let own: Vec<String> = entry.keys.iter().map(|key| format!("`{key}`")).collect();
        let keys = if own.is_empty() { String::new() } else { format!(" Keys: {}.", own.join(", ")) };
        text.push_str(&format!("\n### {}\n\n{}{keys}\n\n", entry.name, entry.does));
        text.push_str(&format!("```yaml\n{}\n```\n\nIn the field: {}.\n", entry.example, entry.source));
    }
    text
}
