// Package pack is the pack format, version 2: how fragments of many streams
// lie in one append-only file, in the order in which they were committed.
//
// It promises that whatever it hands out has passed its checksums, that one
// damaged byte costs one fragment at most (I7), and that no declared length is
// trusted before its checksum, nor ever for an allocation. It refuses to know
// where packs live, when they are synced and which of them are needed: it
// encodes into byte slices and decodes from them or from an io.ReaderAt.
//
// A pack is a file header, records, and, once sealed, a footer record and a
// trailer. Every record starts on a multiple of Align bytes; the padding before
// the next one is zero. All integers are little endian, except fragment
// numbers. Checksums are CRC-32C.
//
//	+--------+--------+-----+--------+--------+---------+
//	| header | record | ... | record | footer | trailer |
//	+--------+--------+-----+--------+--------+---------+
//	0        8192                    ^ these two only when sealed
//
// The file header is 64 bytes, written at 0 and again at 4096:
//
//	 0  8  magic "MILLPACK"
//	 8  4  format version, 2
//	12  4  epoch of the server that wrote the pack
//	16  8  pack number
//	24  8  created, milliseconds of Unix time
//	32  8  salt: random, stands in every record and in the trailer
//	40  1  retention class, from 1; 0 is not known
//	41 19  zero
//	60  4  checksum of bytes 0 to 59
//
// Right behind each copy stands one byte outside every checksum, which is not
// 00 if records may be marked as deleted. The rest of the first 8192 bytes is
// zero.
//
// A record is a fixed header of 256 bytes, a sample table, and a body:
//
//	  0  4  magic "MREC"
//	  4  1  kind: 1 fragment, 2 header elements, 3 limits, 4 footer
//	  5  1  version of the record's layout, 1
//	  6  1  mark: 00 live, ff deleted; outside every checksum
//	  7  1  cipher of the body; 0 is none, others are reserved
//	  8  8  salt of the pack
//	 16  4  length of the sample table
//	 20  4  length of the leading elements
//	 24  4  length of the cluster
//	 28  4  length of the trailing elements
//	 32  4  length of the body as stored
//	 36  4  number of samples
//	 40  8  synced: length of the pack that was durable when this was written
//	 48  8  stream id
//	 56  4  stream generation
//	 60  4  flags: bit 0 incomplete
//	 64 20  fragment number, big endian; carries the server time
//	 84  4  checksum of the body
//	 88  4  checksum of the sample table
//	 92  4  zero
//	 96  8  producer time, milliseconds of Unix time
//	104  8  duration, nanoseconds
//	112  8  timecode of the cluster
//	120  8  timecode scale
//	128  8  sequence in the session
//	136 16  session id
//	152 16  producer identity
//	168 16  key id, reserved
//	184 32  SHA-256 of the header elements
//	216  8  where the two records of these header elements start, in units of
//	        Align, four bytes each
//	224 28  zero
//	252  4  checksum of bytes 0 to 251, with the mark taken as zero
//	256     sample table, then the body: leading elements, cluster, trailing
//	        elements, all verbatim
//
// The salt cannot be known to a producer, so a body that holds the image of a
// record is never mistaken for one when a scan looks for its next record (I2).
//
// The sample table has five values per sample, varints as in encoding/binary:
//
//	1  flags, one byte
//	v  track
//	s  payload offset, less the end of the payload before it
//	v  payload size
//	s  time, less the time of the sample before it
//
// (v is unsigned, s is signed in zig-zag form.)
//
// The other kinds use the fixed header as well; what they do not need is zero.
// The body of a header record is the header elements; it is written twice per
// pack before the first fragment that needs it, and named by its hash. The body
// of a limits record is a list of (first pack, last pack, offset), each 8
// bytes: whatever lies at or behind offset in those packs was never confirmed
// and does not count. The footer's body is described in footer.go; it holds
// what an index needs to know of each fragment, so that a start need not read
// the records. The trailer is the last 64 bytes of the file:
//
//	 0  8  magic "MILLSEAL"
//	 8  4  format version, 2
//	12  1  retention class, as in the file header
//	13  3  zero
//	16  8  pack number
//	24  8  salt
//	32  8  offset of the footer record
//	40  8  its length
//	48 12  zero
//	60  4  checksum of bytes 0 to 59
//
// Version 1 differs in this: it has no class, and its writers never marked a
// record. Records are the same in both, so their own version is 1 in both, and
// a pack keeps the version that it was begun with: the trailer that a later
// release gives it is of the file header's version.
package pack
