-- From version 2 to version 3: conflicts that wait for the user, and the audit log. What was on record was decided.

ALTER TABLE conflict_log RENAME TO conflict_log_2;

CREATE TABLE conflict_log (
  entityId TEXT NOT NULL,
  conflictId TEXT NOT NULL UNIQUE,
  open BOOLEAN NOT NULL,
  record TEXT NOT NULL
);

INSERT INTO conflict_log (entityId, conflictId, open, record)
SELECT entityId, record ->> 'conflictId', 0, json_set(
  record,
  '$.entityType', 'work-order',
  '$.conflictingFields', json((SELECT json_group_array(value ->> 'field') FROM json_each(record, '$.fields'))),
  '$.resolutionStrategy', (
    SELECT CASE WHEN count(DISTINCT value ->> 'outcome') > 1 THEN 'merge' ELSE max(value ->> 'outcome') END
    FROM json_each(record, '$.fields')
  ),
  '$.resolvedAt', record ->> 'detectedAt',
  '$.resolution', json((SELECT json_group_object(value ->> 'field', value ->> 'outcome') FROM json_each(record, '$.fields')))
) FROM conflict_log_2 ORDER BY rowid;

DROP TABLE conflict_log_2;

CREATE TABLE real_ids (
  temporaryId TEXT PRIMARY KEY,
  id TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE preferences (
  entityId TEXT NOT NULL,
  field TEXT NOT NULL,
  keeps TEXT NOT NULL,
  PRIMARY KEY (entityId, field)
) WITHOUT ROWID;

CREATE TABLE audit_log (
  sequence INTEGER PRIMARY KEY,
  entry TEXT NOT NULL,
  previous TEXT NOT NULL,
  hash TEXT NOT NULL
);

-- Files: the captures that wait, and what is cached.
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

ALTER TABLE sync_queue ADD COLUMN attachmentId TEXT;
-- Queue payloads and long texts are stored compressed from now on, as BLOBs; what is there stays as it is. The text of a
-- payload names what it names.
ALTER TABLE sync_queue ADD COLUMN names TEXT;
UPDATE sync_queue SET names = payload WHERE instr(payload, 'tmp-');
ALTER TABLE rescue_log ADD COLUMN attachmentId TEXT;
ALTER TABLE pending_attachments ADD COLUMN uploadUrl TEXT;
ALTER TABLE pending_attachments ADD COLUMN sha256 TEXT;

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
