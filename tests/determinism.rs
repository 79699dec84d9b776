//! Same scenario, same seed: the same history, byte for byte, in separate processes.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Every file of the report that a process of its own writes.
fn report(arguments: &[&str]) -> Vec<(PathBuf, Vec<u8>)> {
    let directory = tempfile::tempdir().expect("a folder for the report");
    let output = Command::new(env!("CARGO_BIN_EXE_deadzone"))
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .arg("run")
        .args(arguments)
        .arg("--report")
        .arg(directory.path())
        .output()
        .expect("the program starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    files_of(directory.path())
}

fn files_of(directory: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    collect(directory, directory, &mut found);
    found.sort();
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
    let first = report(&["--tag", "smoke"]);
    assert!(first.len() > 5, "only {} files were written", first.len());
    for _ in 2..=3 {
        let again = report(&["--tag", "smoke"]);
        assert_eq!(first.len(), again.len());
        for ((file, expected), (other, bytes)) in first.iter().zip(again) {
            assert_eq!(*file, other);
            assert!(*expected == bytes, "{} differs between two processes", file.display());
        }
    }
}

/// The sample was written on another machine, at another time.
#[test]
fn the_sample_report_is_what_is_written_today() {
    let today = report(&["scenarios/conflict/equal-values-are-no-conflict.yaml"]);
    let sample = files_of(&Path::new(env!("CARGO_MANIFEST_DIR")).join("reports/sample"));
    let names = |files: &[(PathBuf, Vec<u8>)]| files.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>();
    assert_eq!(names(&today), names(&sample));
    for ((file, today), (_, sample)) in today.iter().zip(&sample) {
        assert!(today == sample, "{} has changed: reports/README.md says how to write it anew", file.display());
    }
}
