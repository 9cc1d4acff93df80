// Package spool keeps the fragments of one stream on a device's disk until they
// are settled: sent and confirmed, refused, or given up.
//
// A Spool is a directory. One goroutine writes: Begin, Append for each frame,
// End. What Append took is in the file when it returns, so that a process that
// is killed loses nothing of it; a goroutine of the Spool's own syncs, so that a
// power cut loses at most what was not synced yet. Any number of goroutines read
// fragments back and settle them. After a restart, Open finds what is not
// settled, in order, without reading the media. The package knows nothing of
// networks, and of Matroska no more than it takes to make its files playable:
// each of them is a Matroska file, whose records stand in Void elements between
// the elements of the stream. docs/format/spool.md draws them.
//
// The package promises:
//
//	S1: a fragment is pending from Begin until it is settled with a final
//	    outcome, over restarts. The exceptions are what a power cut took before
//	    it was synced, and what the disk destroyed, which is reported.
//	S2: bytes are handed out only after their checksum was verified. A flipped
//	    bit costs one fragment, and is reported.
//	S3: a fragment that a crash cut is kept up to its last whole frame, and
//	    marked as torn.
//	S4: fragments, frames and bytes that are dropped are told exactly. Nothing is
//	    dropped but by Settle and Drop.
//	S5: the directory's size, the number of pending fragments and their age are
//	    bounded; at a bound the writer gets a *FullError and decides.
//	S6: nothing that a failed sync covered is trusted, and no sync is repeated on
//	    the same file: what was not synced is written to a new one.
//	S7: neither Begin nor Append nor End waits for a sync.
//
// It refuses to decide what is dropped, to send, to reorder, and to be opened
// twice at a time.
package spool
