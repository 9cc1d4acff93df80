package timeline

import (
	"math"
	"time"

	"github.com/millrace/millrace/media"
)

// silentMono and silentStereo are frames of AAC-LC without any spectrum: one
// element of sound with no scale factor bands (max_sfb 0), and the end.
const (
	silentMono   = "\x00\x00\x00\x07"
	silentStereo = "\x21\x00\x00\x00\x00\x1c"
)

// Silence is what a session plays of a track of sound where a fragment has
// nothing of it: frames from start, after the fragment's, until at least length
// later. The Span has no samples if there is no such frame of the track's codec.
func (t *Track) Silence(start, length time.Duration) Span {
	if t.SilentFrame() == nil || t.frame == 0 {
		return Span{}
	}
	n := min(max((t.Ticks(length)+t.frame-1)/t.frame, 1), maxSilence)
	begin := t.Ticks(start)
	return Span{Start: begin, Duration: n * t.frame, Last: begin + (n-1)*t.frame, Usual: t.frame, Samples: int(n)}
}

// maxSilence bounds the frames of one Silence: hours of them.
const maxSilence = 1 << 20

// SilentRun is the Run of a Silence. Each of its samples is the SilentFrame, which
// lies at offset 0.
func (t *Track) SilentRun(s Span, h Hint) Run {
	frame := uint32(len(t.SilentFrame()))
	if s.Samples == 0 || frame == 0 {
		return Run{}
	}
	r := Run{Start: s.Start, Usual: s.Usual, Samples: make([]Sample, s.Samples)}
	for i := range r.Samples {
		r.Samples[i] = Sample{Size: frame, Duration: uint32(t.frame)}
	}
	end := s.Start + s.Duration
	if h.HasNext {
		end = s.Start + t.Join(s, h.Next)
	}
	last := s.Start + int64(s.Samples-1)*t.frame
	r.Samples[s.Samples-1].Duration = uint32(min(max(end-last, 1), math.MaxUint32))
	return r
}

// SilentFrame is a frame of the track in which nothing is heard, nil if none is
// known: there is one of AAC with one channel or two.
func (t *Track) SilentFrame() []byte {
	if t.Media.Codec != media.AAC {
		return nil
	}
	c, err := media.ParseAACConfig(t.Media.Private)
	const lowComplexity = 2
	switch {
	case err != nil || c.ObjectType != lowComplexity:
		return nil
	case c.ChannelConfig == 1:
		return []byte(silentMono)
	case c.ChannelConfig == 2:
		return []byte(silentStereo)
	}
	return nil
}
