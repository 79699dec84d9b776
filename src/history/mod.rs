//! The event vocabulary of a run, its recorder and its reader. Reports, checks and timing are views of it.

mod circumstance;
mod device;
mod event;
mod recorder;
mod shown;

pub use circumstance::Circumstance;
pub use device::{
    AuditEntry, Choice, DeviceEvent, DeviceState, Notice, Phase, QueueRow, QueueStatus, RescuedOperation, ResyncReason,
    Side, Status, SyncOutcome, Trigger,
};
pub use event::{
    Decision, Edit, Event, Fault, LinkState, Message, MessageKind, OperationRecord, RecordRef, ServerState,
    StepOutcome, Wait, What,
};
pub use recorder::{History, Recorder};
pub use shown::{ChangeLine, ChangeState, Icon, Progress};
