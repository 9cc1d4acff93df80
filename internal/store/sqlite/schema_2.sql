-- Each row ends in its checksum, sum (see sum.go), and tallies has what all
-- rows of a table come to, so that a row that is missing is noticed too.

-- What is never forgotten of a name, so that neither its id nor a creation
-- time nor a generation is given out twice.
CREATE TABLE names (
	id         INTEGER PRIMARY KEY,
	name       TEXT    NOT NULL UNIQUE,
	generation INTEGER NOT NULL,
	created_ms INTEGER NOT NULL,
	sum        INTEGER NOT NULL
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
	tier            TEXT    NOT NULL,
	kept_since_ms   INTEGER NOT NULL CHECK (kept_since_ms >= 0),
	sum             INTEGER NOT NULL
) STRICT;

-- Deletions that are under way: few, and looked for often.
CREATE INDEX streams_deleting ON streams (name) WHERE status = 'DELETING';

-- The rows of a stream that goes are deleted before it, one table at a time.
CREATE TABLE tags (
	stream INTEGER NOT NULL REFERENCES streams (id),
	name   TEXT    NOT NULL,
	value  TEXT    NOT NULL,
	sum    INTEGER NOT NULL,
	PRIMARY KEY (stream, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE meta (
	name  TEXT PRIMARY KEY,
	value ANY     NOT NULL,
	sum   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- The audit record of what was deleted of streams that go on. No row of it is
-- ever changed or deleted.
CREATE TABLE deletions (
	id         INTEGER PRIMARY KEY,
	stream     INTEGER NOT NULL REFERENCES names (id),
	generation INTEGER NOT NULL,
	clock      TEXT    NOT NULL CHECK (clock IN ('SERVER', 'PRODUCER')),
	from_ms    INTEGER NOT NULL,
	to_ms      INTEGER NOT NULL,
	last       TEXT    NOT NULL,
	name       TEXT    NOT NULL,
	at_ms      INTEGER NOT NULL,
	by_key     TEXT    NOT NULL,
	reason     TEXT    NOT NULL,
	sum        INTEGER NOT NULL
) STRICT;

CREATE INDEX deletions_of_stream ON deletions (stream, generation, id);

CREATE TABLE tallies (
	name  TEXT PRIMARY KEY,
	rows  INTEGER NOT NULL,
	total INTEGER NOT NULL,
	sum   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
