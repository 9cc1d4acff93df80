package export

import (
	"fmt"
	"math"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/consumer"
	"github.com/millrace/millrace/internal/timeline"
)

// maxBatch bounds the media of one fragment that are kept until it ends, in bytes.
const maxBatch = 512 << 20

// A batch is the frames of one fragment, for containers that take it as a whole.
type batch struct {
	at       time.Duration // of the fragment
	timecode int64
	fragment millrace.Fragment
	media    []byte
}

func (b *batch) start(f *consumer.Fragment, at time.Duration) {
	b.at, b.timecode, b.media = at, int64(f.Timecode), b.media[:0]
	b.fragment = millrace.Fragment{TimecodeScale: uint64(scaleOf(f)), Samples: b.fragment.Samples[:0]}
}

// add keeps a frame, unless it is without a byte.
func (b *batch) add(f *consumer.Frame) error {
	if len(f.Data) == 0 {
		return nil
	}
	if len(b.media)+len(f.Data) > maxBatch || len(b.fragment.Samples) == maxSamples {
		return fmt.Errorf("fragment of more than %d bytes: %w", maxBatch, ErrTooLarge)
	}
	s := sampleOf(f, b.timecode, uint32(len(f.Data)), f.Key)
	s.Offset = uint32(len(b.media))
	b.media = append(b.media, f.Data...)
	b.fragment.Samples = append(b.fragment.Samples, s)
	return nil
}

// A progress is how far a track has come, in its ticks.
type progress struct {
	begun bool
	last  int64 // when the latest frame is decoded
	usual int64
}

// run times the batch's frames of a track, and returns when the first of them is
// decoded: as its time says, and not before the latest one.
func (p *progress) run(t *timeline.Track, b *batch, zero time.Duration) (run timeline.Run, begin int64) {
	run = t.Run(&b.fragment, timeline.Hint{Usual: p.usual})
	n := len(run.Samples)
	if n == 0 {
		return run, 0
	}
	begin = max(t.Ticks(b.at-zero)+run.Start, 0)
	if p.begun {
		begin = max(begin, p.last+1)
	}
	p.begun, p.usual = true, run.Usual
	p.last = begin + run.Duration() - int64(run.Samples[n-1].Duration)
	return run, begin
}

// zeroOf is what has to be taken from an output's times so that none is below 0:
// 0, or how far before it a frame of the first batch is.
func zeroOf(tracks []*track, b *batch) (zero time.Duration) {
	for _, t := range tracks {
		if run := t.Run(&b.fragment, timeline.Hint{}); len(run.Samples) > 0 {
			zero = min(zero, t.Time(t.Ticks(b.at)+run.Start))
		}
	}
	return max(zero, math.MinInt32*time.Millisecond)
}
