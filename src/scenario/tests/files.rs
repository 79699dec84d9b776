//! What becomes of files that are not there, not text, too large or not what they should be.

use std::fs::{self, File};
use std::path::PathBuf;

use super::OPTIONS;
use crate::scenario::{Orders, Problem, load};

/// A folder of its own for one test, gone with it.
struct Folder(PathBuf);

impl Folder {
    fn new(test: &str) -> Self {
        let path = std::env::temp_dir().join(format!("deadzone-scenario-{}-{test}", std::process::id()));
        fs::create_dir_all(path.join("data")).unwrap();
        Self(path)
    }

    /// Writes a scenario whose orders come from a file of this content, and loads it.
    fn load_with(&self, world: &str, orders: &str) -> Result<Orders, String> {
        fs::write(self.0.join("data/orders.json"), orders).unwrap();
        let text =
            format!("name: x\ncovers: []\nworld: {world}\ndevices: {{ maria: {{}} }}\nsteps: [{{ sync: maria }}]\n");
        fs::write(self.0.join("story.yaml"), text).unwrap();
        match load(&self.0.join("story.yaml"), &OPTIONS) {
            Ok(mut runs) => Ok(runs.remove(0).scenario.world.orders),
            Err(problems) => Err(only(problems)),
        }
    }

    fn load_bytes(&self, bytes: &[u8]) -> String {
        fs::write(self.0.join("story.yaml"), bytes).unwrap();
        only(load(&self.0.join("story.yaml"), &OPTIONS).unwrap_err())
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn only(problems: Vec<Problem>) -> String {
    assert_eq!(problems.len(), 1, "{problems:?}");
    problems.into_iter().map(|problem| problem.message).collect()
}

#[test]
fn what_is_no_file_is_refused() {
    let folder = Folder::new("none");
    assert_eq!(only(load(&folder.0, &OPTIONS).unwrap_err()), "this is a folder, not a file");
    assert_eq!(only(load(&folder.0.join("no.yaml"), &OPTIONS).unwrap_err()), "there is no such file");
    assert_eq!(only(load("/dev/zero".as_ref(), &OPTIONS).unwrap_err()), "this is not a regular file");
}

#[test]
fn what_is_no_text_is_refused() {
    let folder = Folder::new("binary");
    assert_eq!(folder.load_bytes(b"name: \xff\xfe"), "this is not a text file (not UTF-8)");
    assert_eq!(folder.load_bytes(b"SQLite format 3\0\x10"), "this is not a text file");
}

#[test]
fn a_huge_file_is_refused_unread() {
    let folder = Folder::new("huge");
    let path = folder.0.join("story.yaml");
    File::create(&path).unwrap().set_len(2 << 30).unwrap();
    assert_eq!(only(load(&path, &OPTIONS).unwrap_err()), "this file is too large: at most 1 MiB are read");
}

#[test]
fn orders_are_found_beside_the_scenario() {
    let folder = Folder::new("beside");
    let orders = r#"[{"workOrderId":"WO-1","title":"x"},{"workOrderId":"WO-2"}]"#;
    let Ok(Orders::File { path, written, take }) = folder.load_with("{ orders: data/orders.json, take: 2 }", orders)
    else {
        panic!("it is right");
    };
    assert_eq!((path, written.as_str(), take), (folder.0.join("data/orders.json"), "data/orders.json", Some(2)));
}

#[test]
fn orders_that_are_none_are_refused() {
    let folder = Folder::new("orders");
    let why = |world: &str, orders: &str| folder.load_with(world, orders).unwrap_err();
    assert_eq!(why("{ orders: data/order.json }", "[]"), "`data/order.json`: there is no such file");
    assert_eq!(why("{ orders: data }", "[]"), "`data`: this is a folder, not a file");
    let here = "{ orders: data/orders.json, take: 3 }";
    assert!(why(here, "{}").starts_with("`data/orders.json` holds something else: invalid type: map"));
    assert!(why(here, "[{}]").contains("missing field `workOrderId`"));
    assert!(why(here, "[").contains("EOF"));
    assert_eq!(why(here, r#"[{"workOrderId":"WO-1"}]"#), "`data/orders.json` holds only 1 work orders");
    let twice = r#"[{"workOrderId":"WO-1"},{"workOrderId":"WO-2"},{"workOrderId":"WO-1"}]"#;
    assert_eq!(why(here, twice), "`data/orders.json` holds WO-1 twice");
}
