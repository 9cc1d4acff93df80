-- One row for each page of the index: what up to 512 fragments of a stream,
-- which follow each other on one clock, have in common. stream and generation
-- are those of control.db. For people there is the view coverage.
CREATE TABLE pages (
	clock      INTEGER NOT NULL CHECK (clock IN (0, 1)), -- 0 the server's, 1 the producer's
	stream     INTEGER NOT NULL,
	generation INTEGER NOT NULL,
	first      BLOB    NOT NULL, -- the key of the first fragment
	last       BLOB    NOT NULL, -- and of the last
	start_ms   INTEGER NOT NULL, -- when the first one starts
	latest_ms  INTEGER NOT NULL, -- none starts later
	end_ms     INTEGER NOT NULL, -- none ends later
	count      INTEGER NOT NULL, -- fragments
	bytes      INTEGER NOT NULL, -- of their media
	data_id    INTEGER NOT NULL UNIQUE,
	PRIMARY KEY (clock, stream, generation, first)
) STRICT, WITHOUT ROWID;

CREATE INDEX pages_start ON pages (clock, stream, generation, start_ms);

-- The fragments of each page, encoded. They have a table of their own, so that
-- a look at many pages does not read them.
CREATE TABLE page_data (
	id   INTEGER PRIMARY KEY,
	data BLOB NOT NULL
) STRICT;

CREATE TRIGGER page_goes AFTER DELETE ON pages BEGIN
	DELETE FROM page_data WHERE id = OLD.data_id;
END;

-- One row for each pack: how far its fragments are in the pages, and how many
-- of them there are. sum is a checksum of the row.
CREATE TABLE packs (
	number     INTEGER PRIMARY KEY,
	salt       INTEGER NOT NULL,
	class      INTEGER NOT NULL,
	sealed     INTEGER NOT NULL,
	size       INTEGER NOT NULL,
	fed        INTEGER NOT NULL,
	fragments  INTEGER NOT NULL,
	live       INTEGER NOT NULL,
	live_bytes INTEGER NOT NULL,
	punched    INTEGER NOT NULL,
	oldest_ms  INTEGER NOT NULL,
	newest_ms  INTEGER NOT NULL,
	limits     BLOB    NOT NULL,
	sum        INTEGER NOT NULL
) STRICT;

CREATE TABLE facts (
	name  TEXT PRIMARY KEY,
	value TEXT NOT NULL,
	sum   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- SELECT * FROM coverage WHERE stream = 1 AND clock = 'server' ORDER BY start;
CREATE VIEW coverage (stream, generation, clock, start, "end", fragments, bytes) AS
SELECT stream, generation, CASE clock WHEN 0 THEN 'server' ELSE 'producer' END,
	strftime('%Y-%m-%dT%H:%M:%fZ', start_ms / 1000.0, 'unixepoch'),
	strftime('%Y-%m-%dT%H:%M:%fZ', end_ms / 1000.0, 'unixepoch'), count, bytes
FROM pages;
