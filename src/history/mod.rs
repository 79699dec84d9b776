//! The event vocabulary of a run, its recorder and its reader. Reports, checks and timing are views of it.

mod circumstance;
mod device;
mod edit;
mod event;
mod fault;
mod recorder;
mod shown;

pub use circumstance::Circumstance;
pub use device::{
    AuditEntry, Choice, DeviceEvent, DeviceState, Notice, Phase, QueueRow, QueueStatus, RescuedOperation, ResyncReason,
    Side, Status, SyncOutcome, Trigger,
};
pub use edit::{Edit, OperationRecord};
pub use event::{
    Decision, Event, InTheClear, LinkState, Message, MessageKind, RecordRef, ServerState, StepOutcome, Wait, What,
};
pub use fault::Fault;
pub use recorder::{History, Recorder};
pub use shown::{ChangeLine, ChangeState, Icon, Progress};
