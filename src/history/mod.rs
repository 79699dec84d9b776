//! The event vocabulary of a run, its recorder and its reader. Reports, checks and timing are views of it.

mod capability;
mod circumstance;
mod device;
mod edit;
mod event;
mod fault;
mod files;
mod link;
mod message;
mod outcome;
mod recorder;
mod sealed;
mod secret;
mod shown;
mod tls;

pub use capability::Capability;
pub use circumstance::Circumstance;
pub use device::{
    AuditEntry, Choice, DeviceEvent, DeviceState, Notice, Phase, QueueRow, QueueStatus, RescuedOperation, ResyncReason,
    Side, Source, Status, SyncOutcome, Trigger,
};
pub use edit::{Edit, OperationRecord};
pub use event::{Event, ServerState, What};
pub use fault::Fault;
pub use files::{FileEvent, HeldFile};
pub use link::LinkState;
pub use message::{Message, MessageKind, RecordRef, Upload, UploadStep};
pub use outcome::{Decision, StepOutcome, Wait};
pub use recorder::{History, Recorder};
pub use sealed::{ENVELOPES, UNREADABLE};
pub use secret::{Form, Guarded, Part, Place, Secret, Sighting};
pub use shown::{ChangeLine, ChangeState, Icon, Progress};
pub use tls::{Certificate, Tls};
