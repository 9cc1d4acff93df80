-- What is never forgotten of a name, so that neither its id nor a creation
-- time nor a generation is given out twice.
CREATE TABLE names (
	id         INTEGER PRIMARY KEY AUTOINCREMENT,
	name       TEXT    NOT NULL UNIQUE,
	generation INTEGER NOT NULL,
	created_ms INTEGER NOT NULL
) STRICT;

CREATE TABLE streams (
	id              INTEGER PRIMARY KEY REFERENCES names (id),
	generation      INTEGER NOT NULL,
	name            TEXT    NOT NULL UNIQUE,
	arn             TEXT    NOT NULL,
	version         TEXT    NOT NULL,
	status          TEXT    NOT NULL CHECK (status IN ('ACTIVE', 'DELETING')),
	retention_hours INTEGER NOT NULL CHECK (retention_hours >= 0),
	device_name     TEXT    NOT NULL,
	media_type      TEXT    NOT NULL,
	kms_key_id      TEXT    NOT NULL,
	tier            TEXT    NOT NULL
) STRICT;

-- Deletions that are under way: few, and looked for often.
CREATE INDEX streams_deleting ON streams (name) WHERE status = 'DELETING';

CREATE TABLE tags (
	stream INTEGER NOT NULL REFERENCES streams (id) ON DELETE CASCADE,
	name   TEXT    NOT NULL,
	value  TEXT    NOT NULL,
	PRIMARY KEY (stream, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE meta (
	name  TEXT PRIMARY KEY,
	value ANY NOT NULL
) STRICT, WITHOUT ROWID;
