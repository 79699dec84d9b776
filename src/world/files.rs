//! Steps about files.

use sha2::{Digest, Sha256};

use super::device::{Ask, Content, FileSettingsChange, Reply};
use super::faults::Named;
use super::fixture;
use super::stage::{Member, World};
use super::steps::{Done, StepError, impossible, simply, together, unexpected};
use crate::base::hex;
use crate::history::{Circumstance, What};
use crate::protocol::{OperationKind, Record};
use crate::scenario::{self, Action, Broken, NetworkKind};

const JPEG: &str = "image/jpeg";

impl World {
    #[expect(clippy::wildcard_enum_match_arm, reason = "the caller sends the steps of this file here")]
    pub(super) async fn about_files(&self, all: Named<'_, '_>, action: &Action) -> Done {
        match action {
            Action::Attach(step) => together(all(&step.device), async |member| self.attach(member, step).await).await,
            Action::LoseFiles(name) => all(name).into_iter().try_for_each(|member| self.lose_files(member)),
            Action::OpenFile(step) => {
                together(all(&step.device), async |member| self.open_file(member, step).await).await
            }
            Action::SyncEvery(step) => {
                together(all(&step.device), async |member| self.sync_every(member, step).await).await
            }
            Action::FileSettings(step) => {
                together(all(&step.device), async |member| self.file_settings(member, step).await).await
            }
            Action::Network(step) => together(all(&step.device), async |member| self.network(member, step).await).await,
            Action::DiskSpace(step) => {
                all(&step.device).into_iter().try_for_each(|member| Self::disk_space(member, step))
            }
            other => Err(impossible(format!("`{other}` is not about files"))),
        }
    }

    async fn attach(&self, member: &Member, step: &scenario::Attach) -> Done {
        for _ in 0..step.times {
            self.attach_one(member, step).await?;
        }
        Ok(())
    }

    async fn attach_one(&self, member: &Member, step: &scenario::Attach) -> Done {
        let order = self.order(&step.order).await?;
        let nth = self.next_file.replace(self.next_file.get() + 1);
        let (file_name, mime_type, bytes) = match (step.photo, step.document) {
            (Some(size), _) => (format!("photo-{nth}.jpg"), JPEG, fixture::photo(size.bytes(), nth).to_vec()),
            (None, Some(size)) => {
                let bytes = fixture::document(size.bytes(), nth).to_vec();
                (format!("document-{nth}.pdf"), "application/pdf", bytes)
            }
            (None, None) => return Err(impossible("a photo or a document must be named")),
        };
        let bytes = match step.broken {
            None => bytes,
            Some(Broken::Truncated) => bytes[..bytes.len() / 2].to_vec(),
            Some(Broken::Bomb) => fixture::bomb(),
            Some(Broken::Empty) => Vec::new(),
            Some(Broken::NoPicture) => b"GIF89a is no photo".to_vec(),
        };
        let fields = Record::from_iter([("attachments".to_owned(), serde_json::json!([{"fileName": file_name}]))]);
        self.attempt(member, OperationKind::Update, Some(order.clone()), &fields);
        self.recorder.record(What::Captured {
            device: member.name.clone(),
            entity_id: order.clone(),
            mime_type: mime_type.to_owned(),
            bytes: bytes.len() as u64,
            sha256: hex(&Sha256::digest(&bytes)),
        });
        let (mime_type, content, critical) = (mime_type.to_owned(), Content(bytes), step.critical);
        let ask = Ask::Attach { order, file_name, mime_type, content, critical };
        match self.made(member, ask).await {
            // What cannot be attached is refused, and that is what a broken file is for.
            Err(StepError::Impossible(detail)) => Err(StepError::Failed(detail)),
            done => done.map(drop),
        }
    }

    async fn open_file(&self, member: &Member, step: &scenario::OpenFile) -> Done {
        let (device, file) = (member.name.clone(), step.file.clone());
        let order = self.order(&step.order).await?;
        let opening = What::Opening { device: device.clone(), entity_id: order.clone(), file: file.clone() };
        self.recorder.record(opening);
        match member.device.ask(Ask::OpenFile { order, file }).await? {
            Reply::Refused(detail) => {
                self.recorder.record(What::Refused { device, detail: detail.clone() });
                Err(StepError::Failed(detail))
            }
            Reply::Done => Ok(()),
            reply @ (Reply::Made(_) | Reply::Synced(_) | Reply::Unsynced(_) | Reply::Row(_) | Reply::State(_)) => {
                Err(unexpected(&reply))
            }
        }
    }

    async fn sync_every(&self, member: &Member, step: &scenario::SyncEvery) -> Done {
        let every_ms = step.every.0.map(crate::base::Span::millis);
        self.recorder.record(What::SyncEvery { device: member.name.clone(), every_ms });
        simply(member, Ask::SyncEvery { every_ms }).await
    }

    async fn file_settings(&self, member: &Member, step: &scenario::FileSettings) -> Done {
        let scenario::FileSettings {
            wifi_only, thumbnails_on_cellular, full_images_on_cellular, compress_photos, ..
        } = step.clone();
        member.hampered.set(member.hampered.get() || wifi_only == Some(true) || thumbnails_on_cellular == Some(false));
        self.recorder.record(What::FileSettings {
            device: member.name.clone(),
            wifi_only,
            thumbnails_on_cellular,
            full_images_on_cellular,
            compress_photos,
        });
        let change = FileSettingsChange { wifi_only, thumbnails_on_cellular, full_images_on_cellular, compress_photos };
        simply(member, Ask::FileSettings(change)).await
    }

    async fn network(&self, member: &Member, step: &scenario::Network) -> Done {
        let wifi = step.kind == NetworkKind::Wifi;
        member.hampered.set(member.hampered.get() || !wifi);
        let what = Circumstance::Network { wifi };
        self.recorder.record(What::Told { device: member.name.clone(), what });
        simply(member, Ask::Told { what }).await
    }

    /// The files vanish, as if something else on the device had taken them.
    fn lose_files(&self, member: &Member) -> Done {
        if !member.device.lose_files() {
            return Err(impossible("the files of a real device are its own"));
        }
        self.recorder.record(What::FilesLost { device: member.name.clone() });
        Ok(())
    }

    fn disk_space(member: &Member, step: &scenario::DiskSpace) -> Done {
        let free = step.free.map(|free| usize::try_from(free.bytes()).unwrap_or(usize::MAX));
        if member.device.limit_disk(free) { Ok(()) } else { Err(impossible("a real disk cannot be filled")) }
    }
}
