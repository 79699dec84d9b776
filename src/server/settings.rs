//! How long things last.

use std::time::Duration;

/// How long an access token lives (decision m).
pub const ACCESS_TOKEN_LIFE: Duration = Duration::from_secs(15 * 60);
/// How long a refresh token lives after it was issued; each refresh issues a new one (decision m).
pub const REFRESH_TOKEN_LIFE: Duration = Duration::from_secs(30 * 24 * 3600);
/// For so long after a refresh the use of the new access token alone does not prove that the answer arrived, so that the
/// refresh token used for it gives its successor again (decision m).
pub const REFRESH_GRACE: Duration = Duration::from_secs(60);
/// How long a technician sees what they created (spec 2.3).
pub const CREATED_VISIBLE: Duration = Duration::from_secs(30 * 24 * 3600);

/// How long the server knows what it answered to a `queueId` (decision q).
pub const RESULTS_KEPT: Duration = Duration::from_secs(30 * 24 * 3600);
/// How long tombstones, the ended stays of the view log and dead letters are kept (decision q).
pub const TOMBSTONES_KEPT: Duration = Duration::from_secs(90 * 24 * 3600);
/// How long an unfinished upload waits for its next byte: as long as a device may be away (spec 1.1).
pub const UPLOADS_KEPT: Duration = Duration::from_secs(7 * 24 * 3600);
/// How long a file is kept that no work order refers to: as long as what could still come to refer to it.
pub const ORPHANS_KEPT: Duration = TOMBSTONES_KEPT;
/// How often the server looks for what it need not know any more.
pub(super) const PURGE_EVERY: Duration = Duration::from_secs(24 * 3600);

/// Whole milliseconds, as the database counts them.
pub(super) fn millis(span: Duration) -> i64 {
    i64::try_from(span.as_millis()).unwrap_or(i64::MAX)
}
