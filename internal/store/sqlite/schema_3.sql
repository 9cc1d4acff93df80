-- Small pieces of control state that are no streams: what streams are
-- configured with, access keys, devices. The value is JSON. Those of a stream
-- go with it; stream is 0 for those that are no stream's.
CREATE TABLE documents (
	kind       TEXT    NOT NULL,
	name       TEXT    NOT NULL,
	stream     INTEGER NOT NULL,
	generation INTEGER NOT NULL,
	revision   INTEGER NOT NULL,
	value      TEXT    NOT NULL,
	sum        INTEGER NOT NULL,
	PRIMARY KEY (kind, name)
) STRICT, WITHOUT ROWID;

CREATE INDEX documents_of_stream ON documents (stream) WHERE stream != 0;
