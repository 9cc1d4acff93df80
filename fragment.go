package millrace

import (
	"crypto/sha256"
	"time"
)

// A SessionID names one PutMedia session, or one session of a producer that
// announces its identity. The zero SessionID is "none".
type SessionID [16]byte

// A ProducerID names a producer that announces its identity, so that what it
// sends again is kept once. The zero ProducerID is "none".
type ProducerID [16]byte

// FragmentFlags are facts about a whole fragment.
type FragmentFlags uint32

// FlagIncomplete marks a fragment whose connection broke before its end; it
// ends with its last whole block.
const FlagIncomplete FragmentFlags = 1 << 0

// A Header is the elements that describe a session's media, from the EBML
// header up to the first Cluster (EBML, Segment head, Info, Tracks and what
// stands between them), verbatim as the producer sent them, but for the
// Segment's size, which is unknown and eight bytes long. Tags are in it only
// where they stood before Tracks, and then only in that of the first fragment.
// Headers are immutable and shared by the fragments of a session.
type Header struct {
	Hash  [32]byte // SHA-256 of Bytes
	Bytes []byte
}

// NewHeader takes b over.
func NewHeader(b []byte) *Header { return &Header{Hash: sha256.Sum256(b), Bytes: b} }

// SampleFlags are facts about one block.
type SampleFlags uint8

// The flags of a sample.
const (
	SampleKey       SampleFlags = 1 << iota // decodable on its own
	SampleInvisible                         // decoded but not shown
	SampleCleanNAL                          // payload is exactly length-prefixed NAL units
	SampleParams                            // payload carries in-band parameter sets
	SampleLaced                             // block holds several frames
	SampleGroup                             // from a BlockGroup, not a SimpleBlock
)

// A Sample locates one block's payload in its fragment's cluster bytes.
type Sample struct {
	Track  uint64
	Offset uint32 // of the payload, in bytes from the first byte of the Cluster's id
	Size   uint32 // bytes of payload
	Time   int32  // relative to the cluster's timecode, in timecode units; may be negative
	Flags  SampleFlags
}

// A Fragment is the media of one Cluster with its numbers, times and tags,
// complete and immutable. It is what the store keeps and gives back.
type Fragment struct {
	Stream        StreamKey
	Number        FragmentNumber // carries the server time
	ProducerTime  time.Time      // UTC, whole milliseconds
	Timecode      uint64         // the Cluster's, raw, in timecode units
	TimecodeScale uint64         // nanoseconds per timecode unit
	Duration      time.Duration  // media time from the first block to the end of the last
	Session       SessionID      //
	Sequence      uint64         // position in the session, from 0
	Producer      ProducerID     //
	Flags         FragmentFlags  //
	Header        *Header        //
	Leading       []byte         // Tags elements that stood before the Cluster, verbatim
	Cluster       [][]byte       // the Cluster verbatim, in pieces
	Trailing      []byte         // elements between this Cluster and the next, verbatim
	Samples       []Sample       // in order of arrival
}

// ServerTime is when the Cluster started to arrive.
func (f *Fragment) ServerTime() time.Time { return f.Number.ServerTime() }

// ClusterSize is the length of the Cluster in bytes.
func (f *Fragment) ClusterSize() int {
	n := 0
	for _, p := range f.Cluster {
		n += len(p)
	}
	return n
}

// Size is the length of leading elements, Cluster and trailing elements in bytes.
func (f *Fragment) Size() int { return len(f.Leading) + f.ClusterSize() + len(f.Trailing) }
