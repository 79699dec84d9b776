//! The specification, requirement by requirement: what a scenario may say that it covers.

/// One checkable statement of the specification.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Requirement {
    /// The spec's section and a word, or the id of a functional (F), performance (P) or security (X) test.
    pub id: &'static str,
    /// The statement.
    pub text: &'static str,
    /// Why no scenario can prove it, if none can: it is shown as not proven, whatever passes.
    pub beyond: Option<&'static str>,
}

/// The requirement called `id`, if there is one.
#[must_use]
pub fn requirement(id: &str) -> Option<&'static Requirement> {
    REQUIREMENTS.iter().find(|requirement| requirement.id == id)
}

const fn is(id: &'static str, text: &'static str) -> Requirement {
    Requirement { id, text, beyond: None }
}

impl Requirement {
    const fn beyond(self, why: &'static str) -> Self {
        Self { beyond: Some(why), ..self }
    }
}

/// Every requirement, in the specification's order.
pub const REQUIREMENTS: &[Requirement] = &[
    is("1.1/offline-work", "A technician views and executes work orders with no network at all."),
    is("1.1/queue", "Every offline change is queued durably and syncs when connectivity returns."),
    is("1.1/auto-resolve", "Conflicts are detected, and resolved without a person where the rules allow it."),
    is("1.1/critical-first", "Critical data syncs before the rest."),
    is("1.1/bandwidth", "Bytes on a cellular link are kept to a minimum (figure reported per run)."),
    is("1.1/seven-days", "Seven days offline are survived with nothing lost."),
    is("1.1/platforms", "iOS, Android and web clients: any of them can be driven in place of the reference engine.")
        .beyond(
            "a client on a real platform proves it: the device protocol lets one take the reference engine's place",
        ),
    is("2.1/sqlcipher", "Structured data is in SQLite encrypted by SQLCipher."),
    is("2.1/files", "Attachments are encrypted files on the local file system."),
    is("2.1/secrets", "Tokens and settings are in the platform's secure store (a keychain seam), not in the database."),
    is("2.1/pwa", "Web: IndexedDB for records, Cache API for attachments, a service worker queues requests.")
        .beyond("a browser's storage is part of a web client; the reference engine has none"),
    is("2.2/work_orders", "Table as given, every column."),
    is("2.2/assets", "Table as given, read-only cache."),
    is("2.2/inventory", "Table as given, read-only cache."),
    is("2.2/pending_attachments", "Table as given, with its foreign key."),
    is("2.2/sync_queue", "Table as given; statuses pending, in-progress, completed, failed."),
    is("2.2/user_profile", "Table as given."),
    is("2.3/assigned", "Work orders assigned to the user in assigned, in-progress, on-hold are synced."),
    is("2.3/created", "Work orders that the user created in the last 30 days are synced."),
    is("2.3/assets", "Only assets that the user's work orders reference."),
    is("2.3/inventory", "Only inventory of the user's sites, quantities only."),
    is("2.3/profile", "The user's own profile."),
    is("2.3/never", "Never: all work orders, the full asset registry, telemetry, other users' work orders."),
    is("2.3/selective", "The user picks further work orders to sync (next week's, say)."),
    is("3.1A/trigger", "Full download on first launch and after a cache clear."),
    is(
        "3.1A/order",
        "Authenticate, profile, work orders (last 30 days and future), assets, inventory, critical attachments and thumbnails, in that order.",
    ),
    is("3.1A/size", "A realistic first sync is 5 to 20 MB."),
    is(
        "3.1B/since",
        "Delta asks with the last sync timestamp and the entity kinds; the server returns only what changed.",
    ),
    is("3.1B/shape", "Response: syncTimestamp, changes by kind, deletedIds."),
    is("3.1B/merge", "Changes are merged into the local database in one transaction with the new cursor."),
    is("3.1B/conflicts", "A pulled change that meets an unsynced local edit is a conflict, not an overwrite."),
    is(
        "3.1C/push",
        "The queue is pushed in priority order as operations with queueId, entityType, entityId, operation, payload.",
    ),
    is("3.1C/result", "Each operation gets its own result: success with newVersion, conflict, or an error of 7.1."),
    is("4.1/optimistic", "An update carrying `_version: N` against a server at N+1 or higher is a conflict."),
    is("4.1/increment", "`_version` grows by one on every update; `_serverUpdatedAt` is the server's."),
    is(
        "4.2/server-wins",
        "Default: the client's change is dropped, the server's merged in, the user told, the dropped change kept in the conflict log.",
    ),
    is("4.2/server-fields", "Server wins: asset status, scheduled dates, status that a supervisor changed."),
    is("4.2/client-wins", "Client wins: attachments, measurements, labor records, task completion, parts used."),
    is("4.2/merge", "Fields that do not overlap are taken from both sides; partsUsed and other arrays merge."),
    is("4.2/manual", "Root cause and completion notes: both versions are kept until the user chooses."),
    is("4.3/dialog", "A conflict shows entity, field, mine, theirs, and Keep mine / Use server / Details."),
    is("4.3/detail", "Side by side, with times and authors, resolved field by field."),
    is("4.3/preference", "A choice can be saved for later conflicts."),
    is("4.4/audit", "Every conflict leaves an audit record with all the fields of the spec's example."),
    is("5.1/launch", "App launch: full if the last sync is over an hour old, else delta."),
    is("5.1/foreground", "Foreground after more than 5 min in the background: delta."),
    is("5.1/refresh", "Pull to refresh: delta and push."),
    is("5.1/periodic", "Every 15 min, battery and network permitting: delta and push."),
    is("5.1/reconnect", "Connectivity back after offline: push."),
    is("5.1/critical", "Status change or emergency: push at once."),
    is("5.2/levels", "The ten priorities, each operation mapped to its level."),
    is("5.2/order", "Higher priority first; first in, first out within one."),
    is("5.3/status", "Syncing n of m, synced x ago, offline with n queued, failed with the retry time."),
    is("5.3/icons", "Each work order shows synced, syncing, queued or conflict."),
    is("6.1/patch", "Only changed fields travel, with `_version`."),
    is("6.2/on-demand", "Full attachments download only when asked for."),
    is("6.2/thumbnails", "Thumbnails are prefetched."),
    is("6.2/compress", "Photos become JPEG quality 80 before upload."),
    is("6.2/resize", "Photos are at most 1920 px on the long side."),
    is("6.2/chunked", "Large files upload in chunks and resume where they stopped."),
    is("6.2/wifi-only", "With WiFi-only on, no large upload starts on cellular."),
    is("6.2/settings", "The five settings of the example, each obeyed."),
    is("6.3/gzip", "All API requests and responses are gzip-encoded."),
    is("6.3/queue", "Queue payloads are stored compressed."),
    is("6.3/text", "Large text fields are stored compressed."),
    is("6.4/cache-control", "Static data carries Cache-Control, and the client obeys it."),
    is("6.4/etag", "ETag and If-None-Match; 304 costs no body."),
    is("6.4/local", "Responses are cached locally with an expiry; unchanged data is not fetched again."),
    is("7.1/network", "NETWORK_ERROR: retry with backoff."),
    is("7.1/auth", "AUTH_ERROR: refresh the token, retry."),
    is("7.1/version", "VERSION_CONFLICT: run conflict resolution."),
    is("7.1/validation", "VALIDATION_ERROR: shown, correctable, never retried blindly."),
    is("7.1/not-found", "NOT_FOUND: removed locally, user told."),
    is("7.1/permission", "PERMISSION_DENIED: removed locally, user told."),
    is("7.1/server", "SERVER_ERROR: retry with backoff, escalate if it persists."),
    is("7.2/table", "Attempts at 0, 5, 10, 30, 60 s, then every 5 min."),
    is("7.2/max", "After 10 attempts: failed in the queue, a lasting notice, manual retry."),
    is("7.3/failed", "The failure notice: what, why, saved locally, Retry, Details."),
    is("7.3/queue-view", "The queue as the user sees it, one line a change with its state."),
    is("8.1/key", "Key from the user's credentials and a device salt, held in the keychain."),
    is("8.1/locked", "A locked device's database cannot be read."),
    is("8.1/attachment-keys", "AES-256, a key of its own for each file."),
    is("8.2/access", "The access token is in memory only and gone after a restart."),
    is("8.2/refresh", "The refresh token is in the keychain only."),
    is("8.3/tls13", "TLS 1.3 only; anything older is refused."),
    is("8.3/pinning", "A certificate that is not the pinned one is refused before a byte is sent."),
    is("8.3/bearer", "Every sync call carries a bearer token; without one, or with another user's, nothing is given."),
    is("8.3/e2e", "Optional: payloads sealed to the device's public key; the server cannot read them."),
    is("8.4/cleanup", "Closed or cancelled for 90 days: deleted on launch, with their attachments."),
    is("8.4/clear", "Clear cache on request; a full sync follows. Queued changes are not lost without a warning."),
    is("8.4/logout", "Logout deletes all records and files, wipes keys, clears the queue."),
    is("F1", "Offline, update, online: the change syncs."),
    is("F2", "Technician and supervisor edit the same work order: conflict detected and resolved."),
    is("F3", "Created offline with a temporary id; the real id after upload."),
    is("F4", "A photo taken offline is queued and uploaded when online."),
    is("F5", "The token expires during a sync: refreshed, retried."),
    is("F6", "Network error during a sync: retried with backoff."),
    is("F7", "Deleted on the server while the client is offline: removed at the next sync."),
    is("F8", "The queue is processed in priority order."),
    is("F9", "Local cache cleared: the next sync brings everything back."),
    is("F10", "The app crashes during a sync: it resumes on restart, without duplicates."),
    is("P1", "100 work orders on first launch over WiFi: under 10 s."),
    is("P2", "Delta after a day offline with 10 changes: under 2 s."),
    is("P3", "Ten photos of 5 MB: chunked, resumable."),
    is("P4", "A sync over 3G degrades gracefully: no time-out."),
    is("X1", "Device locked: the database is not accessible without unlock."),
    is("X2", "App uninstalled: all local data is gone."),
    is("X3", "A stolen token gives no data (multi-factor sign-in required)."),
    is("X4", "A man in the middle is stopped by certificate pinning."),
];
