package fragment

import (
	"math"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/media"
	"github.com/millrace/millrace/mkv"
)

// A header collects the elements between the start of a body and its first
// Cluster, and what they say of the tracks.
type header struct {
	plain   []byte // without Tags: what every fragment of the session carries
	tagged  []byte // with the Tags that stood before Tracks; equal to plain if there were none
	leading []byte // Tags that stood after Tracks
	scale   uint64
	tracks  []track
	segment bool // the Segment has begun
	done    bool // tracks are known
	used    bool // a fragment carries it
}

// fresh reports whether no fragment carries the header yet.
func (h *header) fresh() bool { return !h.used }

// A track is what is needed of a TrackEntry to judge a block.
type track struct {
	number     uint64
	codec      media.Codec
	lengthSize int // of length-prefixed NAL units; 0 for other codecs
	video      bool
	blocks     int // in the open fragment
}

// segmentHead is a Segment of unknown size in eight bytes, the form in which
// readers receive it, whatever form the producer sent.
const segmentHead = "\x18\x53\x80\x67\x01\xff\xff\xff\xff\xff\xff\xff"

// defaultScale is Matroska's: one millisecond.
const defaultScale = 1_000_000

// maxScale keeps every span of block times, at most 1<<16 units, within a
// time.Duration. It is more than a day.
const maxScale = math.MaxInt64 >> 16

func newHeader(ebml []byte) *header {
	h := &header{scale: defaultScale}
	h.add(ebml)
	return h
}

func (h *header) add(raw []byte) {
	h.plain = append(h.plain, raw...)
	h.tagged = append(h.tagged, raw...)
}

// size is the bytes that the header holds.
func (h *header) size() int64 { return int64(len(h.tagged) + len(h.leading)) }

// addTags keeps Tags where the producer placed them: before Tracks they stay
// inside the header of the first fragment, after it they lead that fragment.
func (h *header) addTags(raw []byte) {
	if h.done {
		h.leading = append(h.leading, raw...)
		return
	}
	h.tagged = append(h.tagged, raw...)
}

func (h *header) addInfo(e mkv.Element) error {
	info, err := mkv.ParseInfo(e.Data())
	if err != nil {
		return invalidMKV(err)
	}
	if info.TimecodeScale == 0 || info.TimecodeScale > maxScale {
		return fault(millrace.CodeInvalidMKV, "the timecode scale is %d", info.TimecodeScale)
	}
	h.scale = info.TimecodeScale
	h.add(e.Raw)
	return nil
}

func (h *header) addTracks(e mkv.Element, limit int) error {
	tracks, err := mkv.ParseTracks(e.Data())
	if err != nil {
		return invalidMKV(err)
	}
	if len(tracks) == 0 {
		return fault(millrace.CodeInvalidMKV, "there is no track")
	}
	if h.done {
		return fault(millrace.CodeInvalidMKV, "a second Tracks element")
	}
	if len(tracks) > limit {
		return fault(millrace.CodeTooManyTracks, "%d tracks, and at most %d are allowed", len(tracks), limit)
	}
	for _, t := range tracks {
		if h.track(t.Number) != nil {
			return fault(millrace.CodeInvalidMKV, "two tracks have the number %d", t.Number)
		}
		h.tracks = append(h.tracks, newTrack(t))
	}
	h.add(e.Raw)
	h.done = true
	return nil
}

func newTrack(t mkv.Track) track {
	// Codec private data are not judged at ingest: without them a frame's form
	// is guessed.
	m, _ := media.NewTrack(media.TrackNumber(t.Number), t.CodecID, t.CodecPrivate)
	p, _ := m.Parameters()
	return track{number: t.Number, codec: m.Codec, lengthSize: p.LengthSize, video: t.Type == mkv.TrackVideo}
}

// track finds the track of a block.
func (h *header) track(number uint64) *track {
	for i := range h.tracks {
		if h.tracks[i].number == number {
			return &h.tracks[i]
		}
	}
	return nil
}
