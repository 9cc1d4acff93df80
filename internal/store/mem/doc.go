// Package mem holds implementations of the storage seams that live in memory.
// They are what tests and short-lived servers stand on: each passes the same
// conformance suite as the durable one, and says where it forgets. Nothing here
// outlives the process, and nothing here touches a disk or a clock.
//
// FS is strict where a real file system is often kind: a crash loses, tears or
// keeps whatever was not synced, names included, as the test decides, so that a
// test sees every legal outcome. A Power drives the parts of one machine, and
// fails in the mutation that a test names.
//
// # What a crash leaves
//
// The model is at least as hostile as ext4, XFS and Btrfs in their usual modes,
// on a disk that keeps what a flush has confirmed.
//
//   - Names. Of what happened since the last SyncDir, any part may have
//     happened: a file whose name was not synced may be gone although its bytes
//     were, one that was removed may be back, and a later change may be there
//     without an earlier one. A rename is one step: the file has one name or the
//     other, and what had the name before is there until then.
//   - Length. What was appended may be there up to the end of any block or of
//     any write, whether its bytes are there or not.
//   - Bytes. Files are kept in blocks of 4,096 bytes. Each block is left as it
//     was at the last sync or after any write since, whatever is left of others;
//     one that was never written reads as zeros. One of the blocks may be torn:
//     a part of what was written last is there, from its front or from its back,
//     and the rest is as before.
//   - Cuts are durable in order, each whole or not at all. What was written
//     behind a cut is not found unless the cut is, and what was cut off never
//     comes back behind one that is.
//   - Holes. Each block of a hole is there or not, whatever is of the others.
//
// A program that is killed loses nothing, but what was not synced is still not
// durable.
package mem
