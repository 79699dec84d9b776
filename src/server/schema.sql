-- The order of everything: one row a commit, and who wrote it. What the server itself adds has an empty device.
CREATE TABLE commits (
  seq INTEGER PRIMARY KEY,
  ts_ms INTEGER NOT NULL UNIQUE,
  device TEXT NOT NULL,
  user TEXT NOT NULL,
  role TEXT NOT NULL
);

-- The number of the latest work order.
CREATE TABLE numbering (last INTEGER NOT NULL);

-- What decides who sees a work order stands here as columns; all its content is in fields and lines.
CREATE TABLE work_orders (
  id TEXT PRIMARY KEY,
  version INTEGER NOT NULL,
  updated_at TEXT NOT NULL,
  created_seq INTEGER NOT NULL,
  created_ms INTEGER NOT NULL,
  created_by TEXT,
  deleted INTEGER NOT NULL DEFAULT 0,
  site TEXT,
  asset TEXT,
  status TEXT,
  assigned TEXT
) WITHOUT ROWID;
CREATE INDEX work_orders_by_asset ON work_orders (asset);

-- Each field knows the version and the commit, hence the writer, that last set it (decision f).
CREATE TABLE fields (
  work_order TEXT NOT NULL,
  field TEXT NOT NULL,
  value TEXT NOT NULL,
  version INTEGER NOT NULL,
  seq INTEGER NOT NULL,
  PRIMARY KEY (work_order, field)
) WITHOUT ROWID;

-- Each line of a field of lines likewise (decision d). A removed line stays, to be told of.
CREATE TABLE lines (
  work_order TEXT NOT NULL,
  field TEXT NOT NULL,
  line TEXT NOT NULL,
  position INTEGER NOT NULL,
  value TEXT NOT NULL,
  deleted INTEGER NOT NULL DEFAULT 0,
  version INTEGER NOT NULL,
  seq INTEGER NOT NULL,
  PRIMARY KEY (work_order, field, line)
) WITHOUT ROWID;

-- Assets (kind 1) and inventory (kind 2). Nobody edits them, but stock moves (decision d): `seq` is the last commit that
-- changed the record.
CREATE TABLE catalogue (
  kind INTEGER NOT NULL,
  id TEXT NOT NULL,
  record TEXT NOT NULL,
  seq INTEGER NOT NULL,
  PRIMARY KEY (kind, id)
) WITHOUT ROWID;

-- The view log (decision a): one row for each stay of a record in a user's view.
CREATE TABLE views (
  entry INTEGER PRIMARY KEY,
  user TEXT NOT NULL,
  kind INTEGER NOT NULL,
  id TEXT NOT NULL,
  entered_seq INTEGER NOT NULL,
  live_seq INTEGER NOT NULL,
  retained_seq INTEGER,
  left_seq INTEGER,
  reason TEXT,
  left_device TEXT,
  touched_seq INTEGER NOT NULL,
  expires_ms INTEGER
);
CREATE UNIQUE INDEX views_of_record ON views (kind, id, user, entered_seq);
CREATE INDEX views_changed ON views (user, touched_seq, entry);
CREATE INDEX views_expiring ON views (user, expires_ms) WHERE expires_ms IS NOT NULL;
CREATE INDEX views_ended ON views (left_seq) WHERE left_seq IS NOT NULL;

-- A temporary id names one work order for ever (decision b), even after that is gone: `hash` tells a repeat of its
-- create from another one.
CREATE TABLE creations (
  user TEXT NOT NULL,
  local_id TEXT NOT NULL,
  work_order TEXT NOT NULL,
  device TEXT NOT NULL,
  queue_id TEXT NOT NULL,
  hash BLOB NOT NULL,
  PRIMARY KEY (user, local_id)
) WITHOUT ROWID;

-- What was answered to an operation that had its effect (decision c), in the order of the answers, so that the old ones
-- are the first ones.
CREATE TABLE results (
  entry INTEGER PRIMARY KEY,
  user TEXT NOT NULL,
  device TEXT NOT NULL,
  queue_id TEXT NOT NULL,
  hash BLOB NOT NULL,
  result TEXT NOT NULL,
  at_ms INTEGER NOT NULL,
  UNIQUE (user, device, queue_id)
);

-- Updates of work orders that were deleted (decision e).
CREATE TABLE dead_letters (
  entry INTEGER PRIMARY KEY,
  at_ms INTEGER NOT NULL,
  user TEXT NOT NULL,
  device TEXT NOT NULL,
  queue_id TEXT NOT NULL,
  work_order TEXT NOT NULL,
  site TEXT,
  payload TEXT NOT NULL,
  UNIQUE (user, device, queue_id)
);

-- A session is the family of all tokens that stem from one sign-in (decision m).
CREATE TABLE sessions (
  session INTEGER PRIMARY KEY,
  user TEXT NOT NULL,
  device TEXT NOT NULL,
  -- The thumbprint of the key that refreshes must be proven with (RFC 9449); none for a client that proves nothing.
  key TEXT,
  revoked INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE access_tokens (
  token TEXT PRIMARY KEY,
  session INTEGER NOT NULL,
  expires_ms INTEGER NOT NULL,
  used INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;
CREATE TABLE refresh_tokens (
  token TEXT PRIMARY KEY,
  session INTEGER NOT NULL,
  access TEXT NOT NULL,
  expires_ms INTEGER NOT NULL,
  successor TEXT,
  rotated_ms INTEGER
) WITHOUT ROWID;

-- The audit of conflicts (spec 4.4): one row for each operation that met foreign changes.
CREATE TABLE conflicts (
  conflict_id TEXT NOT NULL UNIQUE,
  user TEXT NOT NULL,
  work_order TEXT NOT NULL,
  record TEXT NOT NULL
);
CREATE INDEX conflicts_of_order ON conflicts (work_order);

-- What technicians picked to sync beyond what is theirs (spec 2.3).
CREATE TABLE selections (
  user TEXT NOT NULL,
  work_order TEXT NOT NULL,
  PRIMARY KEY (user, work_order)
) WITHOUT ROWID;

-- Uploads (decision s): files that have come, or are coming. `offset` is how many bytes are there; `generation` grows when
-- an upload begins anew. `expires_ms` is absent once a work order refers to the file.
CREATE TABLE attachments (
  entry INTEGER PRIMARY KEY,
  user TEXT NOT NULL,
  id TEXT NOT NULL,
  work_order TEXT,
  file_name TEXT NOT NULL,
  mime_type TEXT NOT NULL,
  kind TEXT,
  captured_at TEXT,
  location TEXT,
  description TEXT,
  length INTEGER NOT NULL,
  offset INTEGER NOT NULL DEFAULT 0,
  generation INTEGER NOT NULL DEFAULT 1,
  complete INTEGER NOT NULL DEFAULT 0,
  sha256 TEXT,
  expires_ms INTEGER,
  UNIQUE (user, id)
);
CREATE INDEX attachments_by_id ON attachments (id);
CREATE INDEX attachments_expiring ON attachments (expires_ms) WHERE expires_ms IS NOT NULL;

-- Their bytes, in pieces, each with the place of its first byte.
CREATE TABLE segments (
  attachment INTEGER NOT NULL,
  at INTEGER NOT NULL,
  bytes BLOB NOT NULL,
  PRIMARY KEY (attachment, at)
);

-- Thumbnails that were asked for; NULL where the file is no picture that can be read.
CREATE TABLE thumbnails (
  attachment INTEGER PRIMARY KEY,
  jpeg BLOB
);

-- The public keys of devices, to which fields are sealed.
CREATE TABLE sealing_keys (
  user TEXT NOT NULL,
  device TEXT NOT NULL,
  public_key TEXT NOT NULL,
  PRIMARY KEY (user, device)
) WITHOUT ROWID;
