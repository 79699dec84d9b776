//! The event vocabulary of a run, its recorder and its reader. Reports, checks and timing are views of it.

mod circumstance;
mod device;
mod edit;
mod event;
mod recorder;
mod shown;
mod state;

pub use circumstance::Circumstance;
pub use device::{
    AuditEntry, Choice, DeviceEvent, DeviceState, Notice, Phase, QueueRow, QueueStatus, RescuedOperation, ResyncReason,
    Side, Status, SyncOutcome, Trigger,
};
pub use edit::{Edit, OperationRecord};
pub use event::{Event, InTheClear, Message, MessageKind, RecordRef, StepOutcome, What};
pub use recorder::{History, Recorder};
pub use shown::{ChangeLine, ChangeState, Icon, Progress};
pub use state::{Decision, Fault, LinkState, ServerState, Wait};
