package timeline

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"strings"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/media"
	"github.com/millrace/millrace/mkv"
)

// A Format is what a header says of its tracks. It is immutable; any number of
// goroutines may use it.
type Format struct {
	Tracks []Track // in the order of the header, with those that are no media
}

// A Track is one track of a Format.
type Track struct {
	Media      media.Track
	Parameters media.Parameters
	Fault      error  // why Parameters are not known: an error of package media; nil if they are
	Timescale  uint32 // ticks a second; never 0

	frame int64 // ticks that a frame of sound lasts whatever its size; 0 if not known or not fixed
	bytes int64 // bytes of sound for each tick, of codecs without frames; 0 for others
	usual int64 // ticks from one frame to the next as the header says; 0 if it does not
	rate  int64 // the same as the codec private data say

	sum [sha256.Size]byte // of codec private data that were too large to be kept
}

// videoScale is the timescale of what is no sound: a millisecond is 90 ticks.
const videoScale = 90_000

// Parse reads the Tracks of a header, which was accepted with its fragments. An
// error means that it is not what a producer sent.
func Parse(h *millrace.Header) (*Format, error) {
	if h == nil {
		return nil, fmt.Errorf("read tracks: no header: %w", millrace.ErrCorrupt)
	}
	e, err := TracksElement(h)
	if err != nil {
		return nil, err
	}
	return parseTracks(e.Data())
}

// TracksElement finds the Tracks of a header, in bytes of its own. A
// header without is millrace.ErrCorrupt.
func TracksElement(h *millrace.Header) (mkv.Element, error) {
	r := mkv.NewReader(bytes.NewReader(h.Bytes), mkv.ReaderOptions{MaxElementSize: int64(len(h.Bytes))})
	for {
		e, err := r.Next()
		if err != nil {
			return mkv.Element{}, fmt.Errorf("read tracks: %w: %w", millrace.ErrCorrupt, err)
		}
		if e.ID == mkv.IDTracks {
			return e, nil
		}
	}
}

func parseTracks(data []byte) (*Format, error) {
	list, err := mkv.ParseTracks(data)
	if err != nil {
		return nil, fmt.Errorf("read tracks: %w: %w", millrace.ErrCorrupt, err)
	}
	f := &Format{Tracks: make([]Track, 0, len(list))}
	for i := range list {
		e := &list[i]
		whole, sum := len(e.CodecPrivate) <= MaxPrivate, [sha256.Size]byte{}
		if !whole {
			sum = sha256.Sum256(e.CodecPrivate)
			e.CodecPrivate = nil
		}
		e.Name, e.CodecID = shortened(e.Name), shortened(e.CodecID)
		t := newTrack(e)
		if !whole {
			t.sum = sum
			t.Fault = fmt.Errorf("codec private data of more than %d bytes: %w", MaxPrivate, media.ErrLimit)
		}
		f.Tracks = append(f.Tracks, t)
	}
	return f, nil
}

// Bounds of what is kept of a track, in bytes. Producers may send megabytes of
// either with every fragment, and what is known of many is in memory at once.
const (
	// MaxPrivate is the longest codec private data: larger ones are not kept, and
	// are the track's Fault.
	MaxPrivate = 32 << 10

	maxText = 256 // of a name or a codec id; the rest is cut off
)

// trackSize is about how many bytes a Track takes beside its private data and texts.
const trackSize = 512

// Size is about how many bytes of memory the format takes.
func (f *Format) Size() int64 {
	size := int64(trackSize)
	for i := range f.Tracks {
		m := &f.Tracks[i].Media
		size += trackSize + int64(len(m.Private)+len(m.Name)+len(m.CodecID))
	}
	return size
}

func shortened(s string) string {
	return strings.Clone(s[:min(len(s), maxText)])
}

// NewTrack returns the Track of what is known without a header.
func NewTrack(m media.Track) Track {
	t := Track{Media: m}
	t.Parameters, t.Fault = t.Media.Parameters()
	t.measure()
	return t
}

func newTrack(e *mkv.Track) Track {
	m, _ := media.NewTrack(media.TrackNumber(e.Number), e.CodecID, e.CodecPrivate) // Fault says it
	m.UID, m.Name = e.UID, e.Name
	if m.Type == 0 {
		m.Type = media.TrackType(e.Type)
	}
	m.DefaultDuration = time.Duration(min(e.DefaultDuration, uint64(time.Hour)))
	if m.SampleRate == 0 {
		m.SampleRate = e.Audio.SamplingFrequency
	}
	if m.Channels == 0 {
		m.Channels = int(min(e.Audio.Channels, 255))
	}
	return NewTrack(m)
}

// measure finds the timescale and the usual length of a frame.
func (t *Track) measure() {
	t.Timescale = videoScale
	switch t.Media.Codec {
	case media.AAC:
		if c, err := media.ParseAACConfig(t.Media.Private); err == nil {
			t.scale(c.SampleRate)
			t.frame = int64(c.SamplesPerFrame())
		}
	case media.Opus:
		t.scale(t.Parameters.SampleRate)
	case media.ALaw, media.MuLaw:
		t.scale(t.Parameters.SampleRate)
		t.bytes = int64(max(t.Parameters.Channels, 1))
	case media.PCMLittle, media.PCMBig, media.PCMFloat:
		t.scale(int(t.Media.SampleRate))
	}
	t.usual = t.Ticks(t.Media.DefaultDuration)
	t.rate = t.Ticks(t.Parameters.FrameRate.Interval())
}

func (t *Track) scale(rate int) {
	if 0 < rate && rate <= 1<<24 {
		t.Timescale = uint32(rate)
	}
}

// SameMedia reports whether the frames of both need the same decoder with the
// same configuration: the same codec and codec private data.
func (t *Track) SameMedia(other *Track) bool {
	return t.Media.Codec == other.Media.Codec && t.Media.CodecID == other.Media.CodecID &&
		bytes.Equal(t.Media.Private, other.Media.Private) && t.sum == other.sum
}

// Ticks is a time in ticks, to the nearest.
func (t *Track) Ticks(d time.Duration) int64 {
	return Rescale(int64(d), int64(time.Second), int64(t.Timescale))
}

// Time is a number of ticks as a time, to the nearest nanosecond.
func (t *Track) Time(ticks int64) time.Duration {
	return time.Duration(Rescale(ticks, int64(t.Timescale), int64(time.Second)))
}

// Rescale is v ticks of one scale in ticks of another, to the nearest; both are in
// ticks a second and above 0. It does not need room for the product.
func Rescale(v, from, to int64) int64 {
	if v < 0 {
		return -Rescale(-v, from, to)
	}
	return v/from*to + (v%from*to+from/2)/from
}

// Find returns the track of a number, nil if there is none.
func (f *Format) Find(n media.TrackNumber) *Track {
	for i := range f.Tracks {
		if f.Tracks[i].Media.Number == n {
			return &f.Tracks[i]
		}
	}
	return nil
}

// First returns the first track of a type, nil if there is none.
func (f *Format) First(k media.TrackType) *Track {
	for i := range f.Tracks {
		if f.Tracks[i].Media.Type == k {
			return &f.Tracks[i]
		}
	}
	return nil
}
