package fmp4

import (
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/Eyevinn/mp4ff/mp4"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/timeline"
	"github.com/millrace/millrace/media"
)

// Sample flags of a frame with which decoding may start, and of others: what
// they depend on, and whether they are sync samples.
const (
	syncFlags  = 0x02000000
	otherFlags = 0x01010000
)

// A Segment is a media segment whose place in a presentation is open. It is
// immutable and may be written any number of times, also at once and with
// different heads.
type Segment struct {
	// Private is what the track's codec private data would have to be for the
	// parameter sets in the first frame to be left out; nil if those only repeat
	// the private data. Until a segment is made of a track with these, the sets
	// stay in the frames.
	Private []byte
	// Suspect says that the first frame is written as one with which decoding may
	// start although its units say otherwise.
	Suspect bool

	head    []byte // all but the payload, without sequence number and decode time
	payload [][]byte
	size    int64
}

// NewSegment makes the segment of a run of frames of the track. The payload
// stays in cluster, which must not change for as long as the segment is used. A
// frame that cannot be written is a *FrameError, a run without frames ErrEmpty,
// one of more than a GiB ErrLimit; errors about the track are those of AppendInit.
func NewSegment(t *timeline.Track, r *timeline.Run, cluster []byte) (*Segment, error) {
	s, err := newSegment(t, r, cluster)
	if err != nil {
		return nil, fmt.Errorf("media segment: %w", err)
	}
	return s, nil
}

func newSegment(t *timeline.Track, r *timeline.Run, cluster []byte) (*Segment, error) {
	if len(r.Samples) == 0 {
		return nil, ErrEmpty
	}
	p, err := newPacker(t, len(r.Samples))
	if err != nil {
		return nil, err
	}
	s := &Segment{}
	samples := make([]mp4.Sample, len(r.Samples))
	for i := range r.Samples {
		sample := &r.Samples[i]
		size, sync, err := p.sample(sample, cluster)
		if err != nil {
			return nil, &FrameError{Track: t.Media.Number, Frame: i, Err: err}
		}
		if i == 0 {
			s.Suspect, sync = !sync, true
			p.sets.closed = true
		}
		sync = sync && (i == 0 || p.marked(sample))
		samples[i] = mp4.Sample{Flags: sampleFlags(sync), Dur: sample.Duration, Size: size, CompositionTimeOffset: sample.Composition}
	}
	s.Private, s.payload = p.sets.renewed(), p.payload
	s.head, err = newHead(samples, p.size)
	s.size = int64(len(s.head)) + p.size
	return s, err
}

func sampleFlags(sync bool) uint32 {
	if sync {
		return syncFlags
	}
	return otherFlags
}

// marked reports whether the producer says that decoding may start with a
// frame; each frame of sound stands alone.
func (p *packer) marked(s *timeline.Sample) bool {
	return s.Flags&millrace.SampleKey != 0 || p.codec.Type() == media.Audio
}

// sample adds the frame that a sample locates.
func (p *packer) sample(s *timeline.Sample, cluster []byte) (size uint32, sync bool, err error) {
	end := uint64(s.Offset) + uint64(s.Size)
	if end > uint64(len(cluster)) {
		return 0, false, ErrRange
	}
	return p.frame(cluster[s.Offset:end:end])
}

// Head returns what stands before the payload: styp, moof and the head of mdat,
// with the number of the segment in its presentation and the decode time of its
// first sample, in ticks of the track's timescale. The result is the caller's.
func (s *Segment) Head(sequence uint32, start uint64) []byte {
	return place(slices.Clone(s.head), sequence, start)
}

// HeadOf is Head for a segment of a file of several tracks (see AppendMovieInit),
// in which its own has the given number, and of which it is known whether decoding
// may start with the first frame.
func (s *Segment) HeadOf(track, sequence uint32, start uint64, sync bool) []byte {
	head := s.Head(sequence, start)
	binary.BigEndian.PutUint32(head[tfhdTrack:], track)
	binary.BigEndian.PutUint32(head[firstFlags:], sampleFlags(sync))
	return head
}

// Payload returns the frames, in pieces. They must not be changed.
func (s *Segment) Payload() [][]byte { return s.payload }

// Size is the length of head and payload in bytes.
func (s *Segment) Size() int64 { return s.size }
