//! The judge: ledger, invariants, claims, verdict. A pure function of a history.

mod claim;

pub use claim::{
    BytesClaim, Claim, ConflictClaim, ConflictsClaim, DeviceClaim, DeviceOrderClaim, DocumentsClaim, OrderClaim, Part,
    PushedClaim, RejectedClaim, RemovedClaim, RequestKind, RequestsClaim, ServerClaim, TookClaim, WaitsClaim,
};
