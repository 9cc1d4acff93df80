package consumer

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"math"
	"time"

	"github.com/millrace/millrace/media"
	"github.com/millrace/millrace/mkv"
)

// A Header is what stands in front of a fragment's media: what the session that
// sent it said about its tracks. It is immutable. As long as a producer does
// not change it, successive fragments share one Header, so that a change shows
// as a different pointer.
type Header struct {
	EBML   mkv.EBML
	Info   mkv.Info
	Tracks []mkv.Track

	formats []media.Track // what the tracks say, taken apart

	raw    []byte // the elements from EBML up to the first Tags or Cluster, and what stood between those
	tracks []byte // the Tracks element alone
}

// Bytes returns the header's elements as they came. The caller must not change
// them.
func (h *Header) Bytes() []byte { return h.raw }

// RawTracks returns the Tracks element as it came, with what this library has
// no name for, or nil if there was none. The caller must not change it.
func (h *Header) RawTracks() []byte { return h.tracks }

// Track returns the track with the given number, and false if there is none.
func (h *Header) Track(number uint64) (mkv.Track, bool) {
	for _, t := range h.Tracks {
		if t.Number == number {
			return t, true
		}
	}
	return mkv.Track{}, false
}

// Format returns what the header says of a track, or nil if it says nothing. The
// caller must not change it. What its codec private data tell is filled in as far
// as it can be read.
func (h *Header) Format(track media.TrackNumber) *media.Track {
	for i := range h.formats {
		if h.formats[i].Number == track {
			return &h.formats[i]
		}
	}
	return nil
}

// format takes apart what a header says of a track. What its codec private data
// tell goes before what the container says.
func format(t mkv.Track) media.Track {
	m, _ := media.NewTrack(media.TrackNumber(t.Number), t.CodecID, t.CodecPrivate) // usable all the same
	m.UID, m.Name, m.Type = t.UID, t.Name, media.TrackType(t.Type)
	m.Width = cmp.Or(m.Width, count(t.Video.PixelWidth))
	m.Height = cmp.Or(m.Height, count(t.Video.PixelHeight))
	m.SampleRate = cmp.Or(m.SampleRate, t.Audio.SamplingFrequency)
	m.Channels = cmp.Or(m.Channels, count(t.Audio.Channels))
	m.BitDepth = cmp.Or(m.BitDepth, count(t.Audio.BitDepth))
	if t.DefaultDuration > 0 && t.DefaultDuration < math.MaxInt64 {
		m.DefaultDuration = time.Duration(t.DefaultDuration)
	}
	return m
}

// count is v as an int, 0 if it is beyond all use.
func count(v uint64) int {
	if v > math.MaxInt32 {
		return 0
	}
	return int(v)
}

// headerBuilder collects a header while its document begins. It is taken apart
// when it is whole, and only if it is not the one of the document before.
type headerBuilder struct {
	raw  []byte // reused
	last *Header
}

// begin starts the header of a new document.
func (b *headerBuilder) begin() { b.raw = b.raw[:0] }

func (b *headerBuilder) add(e mkv.Element) { b.raw = append(b.raw, e.Raw...) }

// finish returns the header, or the last one if they are the same.
func (b *headerBuilder) finish() (*Header, error) {
	if b.last != nil && bytes.Equal(b.last.raw, b.raw) {
		return b.last, nil
	}
	h, err := parseHeader(bytes.Clone(b.raw))
	if err != nil {
		return nil, fmt.Errorf("read header: %w", err)
	}
	b.last = h
	return h, nil
}

// parseHeader takes a header apart. What this library has no name for stays in
// its bytes.
func parseHeader(raw []byte) (*Header, error) {
	h := &Header{raw: raw, Info: mkv.Info{TimecodeScale: mkv.DefaultTimecodeScale}}
	elements := mkv.NewReader(bytes.NewReader(raw), mkv.ReaderOptions{})
	for {
		e, err := elements.Next()
		switch {
		case errors.Is(err, io.EOF):
			return h, nil
		case err != nil:
			return nil, err
		}
		switch e.ID {
		case mkv.IDEBML:
			h.EBML, err = mkv.ParseEBML(e.Data())
		case mkv.IDInfo:
			h.Info, err = mkv.ParseInfo(e.Data())
		case mkv.IDTracks:
			h.tracks = bytes.Clone(e.Raw)
			if h.Tracks, err = mkv.ParseTracks(e.Data()); err == nil {
				h.formats = formats(h.Tracks)
			}
		}
		if err != nil {
			return nil, err
		}
	}
}

func formats(tracks []mkv.Track) (all []media.Track) {
	for _, t := range tracks {
		all = append(all, format(t))
	}
	return all
}
