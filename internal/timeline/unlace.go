package timeline

import (
	"bytes"
	"fmt"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/mkv"
)

// Laced reports whether blocks of the fragment hold several frames, so that it
// has to be unlaced before it is timed.
func Laced(f *millrace.Fragment) bool {
	for i := range f.Samples {
		if f.Samples[i].Flags&millrace.SampleLaced != 0 {
			return true
		}
	}
	return false
}

// mostFrames is how many frames the blocks of a fragment may hold, as many as it may
// have blocks. A block of a few bytes can say that it has 256 frames of none, and
// those of one fragment would be gigabytes of samples.
const mostFrames = 1 << 17

// Unlace replaces the samples of f that are blocks of several frames by one for
// each frame. The frames of a block follow one another at the length that the
// track knows of a frame. f must have its Cluster, in one piece or several; its
// samples are replaced and not changed. Lacing that does not add up, or to more
// frames than a fragment can have blocks, is millrace.ErrCorrupt.
func Unlace(f *millrace.Fragment, format *Format) error {
	if !Laced(f) {
		return nil
	}
	cluster := Cluster(f)
	samples := make([]millrace.Sample, 0, 2*len(f.Samples))
	for i := range f.Samples {
		s := &f.Samples[i]
		if s.Flags&millrace.SampleLaced == 0 {
			samples = append(samples, *s)
			continue
		}
		var err error
		if samples, err = unlace(samples, s, cluster, f.TimecodeScale, format); err != nil {
			return fmt.Errorf("frames of a block of fragment %v: %w", f.Number, err)
		}
	}
	f.Samples = samples
	return nil
}

// Cluster returns the Cluster of a fragment in one piece: its own if it is one, which
// must not be changed, else a copy.
func Cluster(f *millrace.Fragment) []byte {
	if len(f.Cluster) == 1 {
		return f.Cluster[0]
	}
	return bytes.Join(f.Cluster, nil)
}

// unlace appends the frames of one block. The byte before its payload says how
// they are laced.
func unlace(to []millrace.Sample, s *millrace.Sample, cluster []byte, scale uint64, format *Format) ([]millrace.Sample, error) {
	end := int64(s.Offset) + int64(s.Size)
	if s.Offset == 0 || end > int64(len(cluster)) {
		return to, fmt.Errorf("it is not in its Cluster: %w", millrace.ErrCorrupt)
	}
	block := mkv.Block{Flags: mkv.BlockFlags(cluster[s.Offset-1]), Payload: cluster[s.Offset:end]}
	first := len(to)
	behind := int64(0) // bytes of the frames so far
	for frame, err := range block.Frames() {
		if err != nil {
			return to, fmt.Errorf("%w: %w", err, millrace.ErrCorrupt)
		}
		to = append(to, millrace.Sample{
			Track: s.Track, Size: uint32(len(frame)), Time: s.Time, Flags: s.Flags &^ millrace.SampleLaced,
		})
		behind += int64(len(frame))
	}
	if len(to) > mostFrames {
		return to, fmt.Errorf("there are more than %d: %w", mostFrames, millrace.ErrCorrupt)
	}
	length := frameLength(s.Track, format)
	at := end - behind // frames fill the block to its end
	for i := range to[first:] {
		l := &to[first+i]
		l.Offset = uint32(at)
		l.Time += int32(int64(i) * int64(length) / int64(max(scale, 1)))
		at += int64(l.Size)
	}
	return to, nil
}

// frameLength is how long a frame of a track lasts that is laced.
func frameLength(number uint64, format *Format) time.Duration {
	for i := range format.Tracks {
		t := &format.Tracks[i]
		if uint64(t.Media.Number) != number {
			continue
		}
		for _, ticks := range []int64{t.frame, t.usual, t.rate} {
			if ticks > 0 {
				return t.Time(ticks)
			}
		}
	}
	return guess
}
