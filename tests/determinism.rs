//! Same scenario, same seed: the same history, byte for byte, in separate processes.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

fn histories(run: u32) -> Vec<(PathBuf, Vec<u8>)> {
    let directory = std::env::temp_dir().join(format!("deadzone-determinism-{}-{run}", std::process::id()));
    let output = Command::new(env!("CARGO_BIN_EXE_deadzone"))
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .args(["run", "--tag", "smoke", "--report"])
        .arg(&directory)
        .output()
        .expect("the program starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    let mut found = Vec::new();
    collect(&directory, &directory, &mut found);
    found.sort();
    fs::remove_dir_all(&directory).expect("the report can be removed");
    found
}

fn collect(root: &Path, folder: &Path, found: &mut Vec<(PathBuf, Vec<u8>)>) {
    for entry in fs::read_dir(folder).expect("a report folder").flatten() {
        let path = entry.path();
        if path.is_dir() {
            collect(root, &path, found);
        } else {
            let bytes = fs::read(&path).expect("a report file");
            found.push((path.strip_prefix(root).expect("below it").to_path_buf(), bytes));
        }
    }
}

#[test]
fn three_processes_write_the_same_bytes() {
    let first = histories(1);
    assert!(first.len() > 5, "only {} files were written", first.len());
    for run in 2..=3 {
        for ((file, expected), (other, bytes)) in first.iter().zip(histories(run)) {
            assert_eq!(*file, other);
            assert!(*expected == bytes, "{} differs between two processes", file.display());
        }
    }
}
