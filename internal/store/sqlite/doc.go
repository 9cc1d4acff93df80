// Package sqlite keeps the control state in one SQLite file, control.db: the
// streams with their settings and tags, the epochs, the clock stamp and the
// server's own keys.
//
// It promises what store.Control asks for: a change is on disk before it is
// answered (write-ahead log, synchronous=FULL, so that every commit ends in an
// fsync), and calls are linearizable (one writing connection; a reader's
// snapshot is taken when its call starts). It refuses a file that a newer
// release wrote, and one that is not ours, before it changes anything in it. It
// keeps no media and no index: those are derived from packs and live elsewhere.
//
// # The file
//
// PRAGMA application_id is 0x4d6c7263 ("Mlrc"). The table schema_version has
// one row for each step of the schema that has been applied, 1 upwards; the
// steps are schema_1.sql and its successors, which are never edited once
// released. A release applies the steps that it knows and the file lacks, each
// in a transaction of its own, so that a crash in between leaves a file that
// the next start continues with.
//
//	names     id, name, generation, created_ms     outlives its stream
//	streams   id → names, generation, settings     one row per stream that exists
//	tags      stream → streams, name, value
//	meta      name, value                          epoch, clock stamp, keys
//
// Times are milliseconds since 1970, retentions whole hours.
package sqlite
