//! Files on the device: what a crash at any point of a capture leaves.

use super::Device;
use crate::base::{CrashHow, Seed};
use crate::client::{Capture, MemoryKeychain};
use crate::disk::SimDisk;

fn document() -> Capture {
    Capture {
        order: "WO-1".into(),
        bytes: b"%PDF-1.7 a manual".repeat(9_000),
        file_name: "manual.pdf".into(),
        mime_type: "application/pdf".into(),
        description: None,
        critical: false,
    }
}

fn files(disk: &SimDisk) -> usize {
    disk.files().keys().filter(|name| name.starts_with("file-")).count()
}

#[tokio::test(start_paused = true)]
async fn a_crash_in_a_capture_leaves_all_of_it_or_nothing() {
    let mut kept = Vec::new();
    for operation in 1..40 {
        for how in [CrashHow::Kill, CrashHow::Power, CrashHow::Torn] {
            let (disk, keychain) = (SimDisk::new(), MemoryKeychain::default());
            let device = Device::on(&disk, &keychain).unwrap().signed_in().await;
            disk.arm(operation, how, Seed(operation).stream("cut"));
            let acknowledged = device.engine.attach(document()).is_ok() && !disk.is_cut();
            disk.cut(how, &mut Seed(operation).stream("end"));
            drop(device);
            disk.power_up();
            let device = Device::on(&disk, &keychain).unwrap();
            let queued = device.queue().len();
            assert!(!acknowledged || queued == 1, "{how:?} at operation {operation}");
            assert_eq!(files(&disk), queued, "{how:?} at operation {operation}: a file and a row, or neither");
            kept.push(acknowledged);
        }
    }
    assert!(kept.contains(&true) && kept.contains(&false), "both were seen");
}
