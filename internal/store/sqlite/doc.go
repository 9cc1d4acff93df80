// Package sqlite keeps the control state in one SQLite file, control.db, and the
// index of fragments in another, index.db. The control state is the streams with
// their settings, tags and deleted ranges, the epochs, the clock stamp and the
// server's own keys; the index is derived from the packs, and can be thrown away.
//
// Control promises what store.Control asks for: a change is on disk before it is
// answered (write-ahead log, synchronous=FULL, so that every commit ends in an
// fsync), and calls are linearizable (one writing connection; a reader's
// snapshot is taken when its call starts). Index promises what store.Pages asks
// for: a change is whole, and on disk once it was synced (synchronous=NORMAL,
// index_sync.go). Both refuse a file that a newer release wrote, and one that is
// not ours, before they change anything in it. They keep no media.
//
// # The control database
//
// PRAGMA application_id is 0x4d6c7263 ("Mlrc"). The table schema_version has
// one row for each step of the schema that has been applied, 1 upwards; the
// steps are made of schema_1.sql and its successors, which are never edited
// once released. A release applies the steps that it knows and the file lacks,
// each in a transaction of its own, so that a crash in between leaves a file
// that the next start continues with.
//
//	names      id, name, generation, created_ms     outlives its stream
//	streams    id → names, generation, settings     one row per stream that exists
//	tags       stream → streams, name, value
//	meta       name, value                          epoch, clock stamp, keys
//	deletions  id, stream, range, who, when, why    audit record, never changed
//	tallies    table, number of rows, their total
//
// Times are milliseconds since 1970, retentions whole hours.
//
// # The index
//
// PRAGMA application_id is 0x4d6c7269 ("Mlri"). Its schema has versions of its
// own, whose steps are index_1.sql and its successors.
//
//	pages      clock, stream, key of the first fragment → what they have in common
//	page_data  id → the fragments of a page, encoded as package store says
//	packs      number → how far it is in the pages, and how much of it
//	facts      name, value
//	coverage   the pages as a view for people
//
// # Checksums
//
// Every row of the control database ends in a checksum of its table's name and
// of all its values (sum.go), which is written with every change and compared
// whenever the row is read: a row that does not verify is millrace.ErrCorrupt with the names of
// table and row, is never served and never written over. A row that is not
// there has no checksum that could fail; therefore tallies keeps the number of
// rows of each table and the sum of their checksums.
package sqlite
