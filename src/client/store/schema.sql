-- Spec 2.2, every column, with decision t's; then what the engine needs beside them.

CREATE TABLE work_orders (
  workOrderId TEXT PRIMARY KEY,
  siteId TEXT NOT NULL,
  assetId TEXT,
  type TEXT NOT NULL,
  title TEXT NOT NULL,
  description TEXT,
  priority TEXT NOT NULL,
  status TEXT NOT NULL,
  assignedTo TEXT,
  scheduledStart TEXT,
  scheduledEnd TEXT,
  tasks TEXT,
  partsRequired TEXT,
  partsUsed TEXT,
  laborRecords TEXT,
  attachments TEXT,
  actualStart TEXT,
  actualEnd TEXT,
  completionNotes TEXT,
  rootCause TEXT,
  customFields TEXT,
  _localId TEXT UNIQUE,
  _version INTEGER DEFAULT 1,
  _synced BOOLEAN DEFAULT 0,
  _lastSyncAt TEXT,
  -- The ids of the record's operations in sync_queue, as many as one batch holds.
  _pendingChanges TEXT,
  _conflictDetected BOOLEAN DEFAULT 0,
  _createdOffline BOOLEAN DEFAULT 0,
  _serverUpdatedAt TEXT
);

CREATE TABLE assets (
  assetId TEXT PRIMARY KEY,
  siteId TEXT NOT NULL,
  type TEXT,
  category TEXT,
  manufacturer TEXT,
  model TEXT,
  status TEXT,
  location TEXT,
  _synced BOOLEAN DEFAULT 1,
  _lastSyncAt TEXT
);

CREATE TABLE inventory (
  partId TEXT PRIMARY KEY,
  description TEXT,
  quantityAvailable INTEGER,
  unit TEXT,
  _synced BOOLEAN DEFAULT 1,
  _lastSyncAt TEXT
);

CREATE TABLE pending_attachments (
  attachmentId TEXT PRIMARY KEY,
  workOrderId TEXT NOT NULL,
  localFilePath TEXT NOT NULL,
  fileName TEXT NOT NULL,
  fileSize INTEGER,
  mimeType TEXT,
  description TEXT,
  attachmentType TEXT,
  capturedAt TEXT,
  capturedBy TEXT,
  location TEXT,
  _uploaded BOOLEAN DEFAULT 0,
  _uploadAttempts INTEGER DEFAULT 0,
  _lastAttemptAt TEXT,
  -- Where its upload goes on, once the server has made one (decision s).
  uploadUrl TEXT,
  -- Of the whole file as it goes up.
  sha256 TEXT,
  FOREIGN KEY (workOrderId) REFERENCES work_orders(workOrderId)
);

-- Encrypted files on the device's disk (decision p), each with its key, wrapped under the data key. `localFilePath` of a
-- pending attachment is the name of one.
CREATE TABLE files (
  name TEXT PRIMARY KEY,
  attachmentId TEXT NOT NULL,
  wrappedKey BLOB NOT NULL,
  size INTEGER NOT NULL,
  -- Of the whole file, in the clear; NULL while it is still on its way down.
  sha256 TEXT
) WITHOUT ROWID;

-- Files on their way down: what the server said of the whole with their first part.
CREATE TABLE downloads (
  name TEXT PRIMARY KEY,
  tag TEXT NOT NULL,
  sha256 TEXT NOT NULL
) WITHOUT ROWID;

-- Files that the user has opened and that have yet to come.
CREATE TABLE wanted_files (
  attachmentId TEXT PRIMARY KEY
) WITHOUT ROWID;

CREATE TABLE sync_queue (
  queueId TEXT PRIMARY KEY,
  entityType TEXT NOT NULL,
  entityId TEXT NOT NULL,
  operation TEXT NOT NULL,
  payload TEXT NOT NULL,
  priority INTEGER DEFAULT 5,
  createdAt TEXT NOT NULL,
  attempts INTEGER DEFAULT 0,
  lastAttemptAt TEXT,
  error TEXT,
  status TEXT DEFAULT 'pending',
  -- The 7.1 code behind `error`.
  errorCode TEXT,
  -- The id under which the operation first went out: from then on it is frozen, whatever its record is called since.
  sentAs TEXT,
  -- The file that must be with the server before the operation goes out: a lane of its own (decision f).
  attachmentId TEXT,
  -- The temporary ids that the payload names. It may be compressed (a BLOB), so that no query looks into it.
  names TEXT
);

CREATE INDEX sync_queue_lane ON sync_queue(entityId);

CREATE TABLE user_profile (
  userId TEXT PRIMARY KEY,
  email TEXT,
  firstName TEXT,
  lastName TEXT,
  role TEXT,
  skills TEXT,
  siteIds TEXT,
  _synced BOOLEAN DEFAULT 1
);

-- The server's last known state of each record that has queued operations (decision g).
CREATE TABLE base_rows (
  workOrderId TEXT PRIMARY KEY,
  record TEXT NOT NULL
) WITHOUT ROWID;

-- Conflicts as they stand now (spec 4.4); `open` while there is something that the user has yet to react to.
CREATE TABLE conflict_log (
  entityId TEXT NOT NULL,
  conflictId TEXT NOT NULL UNIQUE,
  open BOOLEAN NOT NULL,
  record TEXT NOT NULL
);

-- What temporary ids came to be called (decision b); an operation that is frozen, or the user, may still use one.
CREATE TABLE real_ids (
  temporaryId TEXT PRIMARY KEY,
  id TEXT NOT NULL
) WITHOUT ROWID;

-- What the user keeps in later conflicts on a field (spec 4.3); without an entityId, on every record.
CREATE TABLE preferences (
  entityId TEXT NOT NULL,
  field TEXT NOT NULL,
  keeps TEXT NOT NULL,
  PRIMARY KEY (entityId, field)
) WITHOUT ROWID;

-- All that ever happened to conflicts and rescued operations, each entry with the hash of the one before it.
CREATE TABLE audit_log (
  sequence INTEGER PRIMARY KEY,
  entry TEXT NOT NULL,
  previous TEXT NOT NULL,
  hash TEXT NOT NULL
);

-- It has no key of its own: an operation leaves the queue in the transaction that logs it.
CREATE TABLE rescue_log (
  queueId TEXT NOT NULL,
  entityId TEXT NOT NULL,
  operation TEXT NOT NULL,
  payload TEXT NOT NULL,
  reason TEXT NOT NULL,
  rescuedAt TEXT NOT NULL,
  -- The file that is kept with it.
  attachmentId TEXT
);

CREATE TABLE meta (
  name TEXT PRIMARY KEY,
  value TEXT NOT NULL
) WITHOUT ROWID;

-- The records that the full pull under way has named: what the device holds beside them leaves when it ends.
CREATE TABLE snapshot (
  kind TEXT NOT NULL,
  id TEXT NOT NULL,
  PRIMARY KEY (kind, id)
) WITHOUT ROWID;

-- Answers that are kept for a while (spec 6.4), each for the user who got it.
CREATE TABLE responses (
  userId TEXT NOT NULL,
  target TEXT NOT NULL,
  tag TEXT,
  body TEXT NOT NULL,
  storedAt TEXT NOT NULL,
  freshFor INTEGER NOT NULL,
  PRIMARY KEY (userId, target)
) WITHOUT ROWID;
