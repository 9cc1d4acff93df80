// Package mem holds implementations of the storage seams that live in memory.
// They are what tests and short-lived servers stand on: each passes the same
// conformance suite as the durable one, and says where it forgets. Nothing here
// outlives the process, and nothing here touches a disk or a clock.
//
// FS is strict where a real file system is often kind: a crash loses, tears or
// keeps whatever was not synced, names included, as the test decides, so that a
// test sees every legal outcome.
package mem
