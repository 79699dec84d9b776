-- The schema that devices had at version 1. Not to be changed: upgrades are tested from it.

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
  -- Stays empty: the record's lane in sync_queue says it, and a copy could only disagree.
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
  FOREIGN KEY (workOrderId) REFERENCES work_orders(workOrderId)
);

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
  sentAs TEXT
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

-- The logs have no key of their own: an operation leaves the queue in the transaction that logs it.
CREATE TABLE conflict_log (
  entityId TEXT NOT NULL,
  record TEXT NOT NULL
);

CREATE TABLE rescue_log (
  queueId TEXT NOT NULL,
  entityId TEXT NOT NULL,
  operation TEXT NOT NULL,
  payload TEXT NOT NULL,
  reason TEXT NOT NULL,
  rescuedAt TEXT NOT NULL
);

CREATE TABLE meta (
  name TEXT PRIMARY KEY,
  value TEXT NOT NULL
) WITHOUT ROWID;

PRAGMA user_version = 1;
