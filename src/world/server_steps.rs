//! Steps of those who mean no good, and of a server that goes wrong: its clock, tampered calls, a disk in strange hands.

use super::stage::{Member, World};
use super::steps::{Done, impossible};
use crate::history::{InTheClear, What};
use crate::scenario;

impl World {
    pub(super) fn set_server_clock(&self, step: &scenario::ServerClock) -> Done {
        self.server_clock.set_skew_ms(step.by.millis());
        Ok(())
    }

    /// Sends what a tampered client might, with the user's own password, off the devices' network. What comes of it is
    /// recorded, and the checks see whether it left a trace.
    pub(super) async fn tamper(&self, member: &Member, step: &scenario::Tamper) -> Done {
        let caller = self.reader(&member.user.borrow().clone());
        let answers = match caller.push_anything(&step.push).await {
            Ok(answers) => answers,
            Err(error) => vec![error.to_string()],
        };
        self.recorder.record(What::Tampered { device: member.name.clone(), answers });
        Ok(())
    }

    /// Searches all that the device's disk holds for the story's words and the keychain's secrets.
    pub(super) fn search_disk(&self, member: &Member, step: &scenario::SearchDisk) -> Done {
        let Some(disk) = member.device.disk() else { return Err(impossible("this device's disk cannot be read")) };
        let words = step.words.iter().map(|word| (word.clone(), word.as_str()));
        let secrets = disk.secrets.iter().map(|(name, secret)| (format!("the {name}"), secret.as_str()));
        let wanted: Vec<(String, &str)> = words.chain(secrets).collect();
        let mut found = Vec::new();
        for (file, content) in &disk.files {
            for (what, text) in &wanted {
                found.extend(forms(text).iter().filter_map(|form| position(content, form)).map(|offset| InTheClear {
                    what: what.clone(),
                    file: file.clone(),
                    offset: offset as u64,
                }));
            }
        }
        let bytes = disk.files.values().map(|content| content.len() as u64).sum();
        self.recorder.record(What::DiskSearched { device: member.name.clone(), bytes, found });
        Ok(())
    }
}

/// A text as it may lie on a disk: as it is, in UTF-16, and, where it writes bytes in hexadecimal digits, those.
fn forms(text: &str) -> Vec<Vec<u8>> {
    let wide = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let pairs = (0..text.len()).step_by(2).map(|at| text.get(at..at + 2));
    let bytes: Option<Vec<u8>> = pairs.map(|pair| u8::from_str_radix(pair?, 16).ok()).collect();
    [Some(text.as_bytes().to_vec()), Some(wide), bytes].into_iter().flatten().collect()
}

fn position(content: &[u8], wanted: &[u8]) -> Option<usize> {
    content.windows(wanted.len().max(1)).position(|window| window == wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_found_in_each_of_its_forms() {
        let secret = "00ff10ab";
        for form in forms(secret) {
            let disk = [b"noise".as_slice(), &form, b"noise"].concat();
            assert!(forms(secret).iter().any(|form| position(&disk, form) == Some(5)));
        }
        assert_eq!(forms(secret).len(), 3);
        assert_eq!(forms("no digits").len(), 2);
        assert_eq!(position(b"short", b"longer than it"), None);
    }
}
