//! The table of who wins: printed where people read it, and complete.

use crate::check::{RULES, print_rules};
use crate::protocol::WORK_ORDER_FIELDS;

fn page() -> std::path::PathBuf {
    std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/CONFLICTS.md")
}

#[test]
fn every_field_has_its_rule() {
    let named: Vec<&str> = RULES.iter().map(|row| row.field).collect();
    let fields: Vec<&str> = WORK_ORDER_FIELDS.iter().map(|(field, _)| *field).collect();
    assert_eq!(named, fields);
}

#[test]
fn the_page_says_what_the_table_says() {
    let written = std::fs::read_to_string(page()).unwrap();
    assert_eq!(written, print_rules(), "print it anew: cargo test --lib check::tests::rules -- --ignored");
}

#[test]
#[ignore = "writes docs/CONFLICTS.md"]
fn print_the_page() {
    std::fs::write(page(), print_rules()).unwrap();
}
