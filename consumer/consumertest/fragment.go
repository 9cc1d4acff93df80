package consumertest

import (
	"cmp"
	"slices"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/wire"
	"github.com/millrace/millrace/mkv"
)

// A Fragment says what a fragment is made of. Its zero value has no frames, a track
// of video, a Cluster of unknown size, and begins when it is added.
type Fragment struct {
	// Number is the fragment's; zero is the next one of its stream.
	Number millrace.FragmentNumber
	// ServerTime is when it began to arrive; zero is the time in its Number, or now.
	ServerTime time.Time
	// ProducerTime is that of its Timecode; zero is ServerTime.
	ProducerTime time.Time
	// Timecode is raw; 0 is ProducerTime in milliseconds of the epoch.
	Timecode uint64

	// App is what the header says of the program that wrote it; a different one is
	// a different header.
	App string
	// Segment is the header's SegmentUID, by which fragments that were sent again are
	// known. Nil is one that all have; empty is none.
	Segment []byte
	// Tracks are those of the header; none is one track of video.
	Tracks []mkv.Track
	// Before and Behind are the producer's tags, in front of the media and behind.
	Before, Behind []mkv.SimpleTag
	Frames         []Frame

	// Known has the Cluster say its size; then all Frames must be there when it begins.
	Known bool
	// Clusters spreads the frames over so many Clusters of one document; 0 is 1. More
	// than 1 needs all Frames when it begins.
	Clusters int
	// Extras are elements that Matroska allows.
	Extras Extras
}

// Extras are elements and forms that readers have to live with. They are combined
// with |.
type Extras uint8

// The extras.
const (
	Void       Extras = 1 << iota // Void elements in the Segment and between blocks
	CRC                           // a CRC-32 in the Cluster and in the Tags
	UnknownIDs                    // elements whose ids nobody knows, in the Segment and the Cluster
	Cues                          // Cues behind the Cluster
	WideSizes                     // sizes of 8 bytes, where they are ours to choose
	EndTag                        // the producer's tag for the end of what it has
)

// unknownID is an id that Matroska has not given away.
const unknownID mkv.ElementID = 0x5FED

// defaults fills in what follows from other fields.
func (f Fragment) defaults(now time.Time, next func(time.Time) millrace.FragmentNumber) Fragment {
	if f.ServerTime.IsZero() && !f.Number.IsZero() {
		f.ServerTime = f.Number.ServerTime()
	}
	if f.ServerTime.IsZero() {
		f.ServerTime = now
	}
	f.ServerTime = f.ServerTime.Truncate(time.Millisecond).UTC()
	if f.ProducerTime.IsZero() {
		f.ProducerTime = f.ServerTime
	}
	f.ProducerTime = f.ProducerTime.Truncate(time.Millisecond).UTC()
	if f.Number.IsZero() {
		f.Number = next(f.ServerTime)
	}
	f.Timecode = cmp.Or(f.Timecode, uint64(max(f.ProducerTime.UnixMilli(), 0)))
	if f.Segment == nil {
		f.Segment = []byte("one for all here")
	}
	if len(f.Tracks) == 0 {
		f.Tracks = []mkv.Track{{Number: 1, UID: 1, Type: mkv.TrackVideo, CodecID: "V_TEST"}}
	}
	f.Clusters = max(f.Clusters, 1)
	return f
}

// width is that of sizes that are ours to choose; 0 is as short as possible.
func (f Fragment) width() int {
	if f.Extras&WideSizes != 0 {
		return 8
	}
	return 0
}

// header is the document up to what is the fragment's own.
func (f Fragment) header() []byte {
	b := mkv.AppendEBML(nil, mkv.EBML{})
	b = mkv.AppendUnknownSize(mkv.AppendID(b, mkv.IDSegment), 8)
	if f.Extras&Void != 0 {
		b = mkv.AppendBytes(b, mkv.IDVoid, make([]byte, 37))
	}
	b = mkv.AppendInfo(b, mkv.Info{SegmentUID: f.Segment, MuxingApp: "consumertest", WritingApp: cmp.Or(f.App, "consumertest")})
	if f.Extras&UnknownIDs != 0 {
		b = mkv.AppendBytes(b, unknownID, []byte("nobody knows"))
	}
	return mkv.AppendTracks(b, f.Tracks)
}

// head is the document up to the first block. listed is that of a list.
func (f Fragment) head(listed bool) []byte {
	b := f.header()
	if len(f.Before) > 0 {
		b = mkv.AppendTags(b, []mkv.Tag{{Simple: f.Before}}, f.width())
	}
	b = append(b, f.openingTags(listed)...)
	return append(b, f.cluster(0)...)
}

func (f Fragment) openingTags(listed bool) []byte {
	server, producer := seconds(f.ServerTime), seconds(f.ProducerTime)
	tags := []mkv.SimpleTag{
		{Name: wire.TagFragmentNumber, String: f.Number.String()},
		{Name: wire.TagServerTimestamp, String: server},
		{Name: wire.TagProducerTimestamp, String: producer},
	}
	if listed {
		tags = append(tags,
			mkv.SimpleTag{Name: wire.TagServerSide, String: server},
			mkv.SimpleTag{Name: wire.TagProducerSide, String: producer})
	}
	return serviceTags(tags)
}

// serviceTags are tags as the service writes them: every size has 4 bytes.
func serviceTags(tags []mkv.SimpleTag) []byte {
	return mkv.AppendTags(nil, []mkv.Tag{{Simple: tags}}, 4)
}

func seconds(t time.Time) string { return string(wire.AppendSeconds(nil, t)) }

// cluster is the head of a Cluster, with its Timecode.
func (f Fragment) cluster(n int) []byte {
	var inner []byte
	if f.Extras&CRC != 0 {
		inner = mkv.AppendBytes(inner, mkv.IDCRC32, []byte{1, 2, 3, 4})
	}
	inner = mkv.AppendUint(inner, mkv.IDTimecode, f.Timecode)
	if f.Extras&UnknownIDs != 0 {
		inner = mkv.AppendBytes(inner, unknownID, []byte("nor this"))
	}
	b := mkv.AppendID(nil, mkv.IDCluster)
	if !f.Known {
		return append(mkv.AppendUnknownSize(b, max(f.width(), 1)), inner...)
	}
	size := len(inner)
	for i, frame := range f.Frames {
		if f.clusterOf(i) == n {
			size += len(f.block(frame))
		}
	}
	return append(mkv.AppendSize(b, int64(size), f.width()), inner...)
}

// clusterOf is the Cluster that block i stands in.
func (f Fragment) clusterOf(i int) int {
	return min(i*f.Clusters/max(len(f.Frames), 1), f.Clusters-1)
}

// piece is block i of the document, with the head of its Cluster if it begins one.
func (f Fragment) piece(i int) []byte {
	var b []byte
	if i > 0 && f.clusterOf(i) != f.clusterOf(i-1) {
		b = f.cluster(f.clusterOf(i))
	}
	return append(b, f.block(f.Frames[i])...)
}

func (f Fragment) block(frame Frame) []byte {
	var b []byte
	if f.Extras&Void != 0 {
		b = mkv.AppendBytes(b, mkv.IDVoid, make([]byte, 5))
	}
	return frame.append(b)
}

// tail is what follows the last block, up to the service's tags.
func (f Fragment) tail() []byte {
	var b []byte
	if f.Extras&Cues != 0 {
		point := mkv.AppendUint(nil, mkv.IDCueTime, f.Timecode)
		b = mkv.AppendBytes(b, mkv.IDCues, mkv.AppendBytes(nil, mkv.IDCuePoint, point))
	}
	tags := slices.Clone(f.Behind)
	if f.Extras&EndTag != 0 {
		tags = append(tags, mkv.SimpleTag{Name: wire.TagEndOfFragment, String: ""})
	}
	if len(tags) > 0 {
		b = mkv.AppendTags(b, []mkv.Tag{{Simple: tags}}, f.width())
	}
	if f.Extras&Void != 0 {
		b = mkv.AppendBytes(b, mkv.IDVoid, make([]byte, 3))
	}
	return b
}

// Document is the fragment as getMedia sends it, age old. What follows from other
// fields must be filled in, as it is in what Stream.All returns.
func (f Fragment) Document(age time.Duration) []byte {
	b := f.head(false)
	for i := range f.Frames {
		b = append(b, f.piece(i)...)
	}
	return append(append(b, f.tail()...), f.closingTags(age)...)
}

func (f Fragment) closingTags(age time.Duration) []byte {
	return serviceTags([]mkv.SimpleTag{
		{Name: wire.TagMillisBehindNow, String: millis(age)},
		{Name: wire.TagContinuationToken, String: f.Number.String()},
	})
}

// length is how long the fragment plays.
func (f Fragment) length() time.Duration {
	first, last, step := int16(0), int16(0), int16(0)
	for i, frame := range f.Frames {
		if i == 0 {
			first = frame.Time
		} else {
			step = max(frame.Time-last, 0)
		}
		last = max(last, frame.Time)
	}
	return time.Duration(last-first+step) * time.Millisecond
}
