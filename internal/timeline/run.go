package timeline

import (
	"math"
	"slices"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/media"
)

// A Sample is one frame and its times, in decode order.
type Sample struct {
	Offset      uint32 // of the payload, in bytes from the first byte of the Cluster's id
	Size        uint32 // bytes of payload
	Duration    uint32 // ticks until the next one is decoded; never 0
	Composition int32  // ticks from its decode time to its presentation; may be negative
	Flags       millrace.SampleFlags
}

// A Run is the samples of one track of one fragment.
type Run struct {
	Start   int64 // when the first is decoded, and the first to be shown is shown, in ticks from the fragment's start; may be negative
	Usual   int64 // usual ticks from one frame to the next, for the Hint of the next fragment
	Samples []Sample
}

// A Span is a Run in short.
type Span struct {
	Start    int64 // as a Run's
	Duration int64 // as a Run's
	Last     int64 // when the last sample is decoded, in ticks from the fragment's start
	Usual    int64 // as a Run's
	Bytes    int64 // of payload
	Samples  int   // 0 if the fragment has nothing of the track
}

// A Hint is what is known of a fragment's neighbours. The zero Hint is nothing.
type Hint struct {
	Next    int64 // where the track's next run begins, in ticks from this fragment's start
	HasNext bool
	Usual   int64 // of the fragment before, 0 if not known
}

// Seam is how far the next run may be from a run's own end for the two to be joined,
// and a fragment from the end of the one before to follow without a break.
const Seam = 50 * time.Millisecond

// guess is how long a frame lasts of which nothing else is known.
const guess = 40 * time.Millisecond

// Duration is the sum of the samples' durations, in ticks.
func (r *Run) Duration() int64 {
	var sum int64
	for i := range r.Samples {
		sum += int64(r.Samples[i].Duration)
	}
	return sum
}

// Run times the samples of the track in a fragment, of which only the sample
// table is looked at. Laced samples count as one frame: see Unlace.
func (t *Track) Run(f *millrace.Fragment, h Hint) Run {
	var room, shownRoom [256]int64
	times := t.times(f, room[:0])
	if len(times) == 0 {
		return Run{}
	}
	samples := make([]Sample, 0, len(times))
	for i := range f.Samples {
		if s := &f.Samples[i]; s.Track == uint64(t.Media.Number) {
			samples = append(samples, Sample{Offset: s.Offset, Size: s.Size, Flags: s.Flags})
		}
	}
	shown := times
	if !t.isSound() {
		shown = append(shownRoom[:0], times...)
		arrange(times)
	}
	end, usual := t.place(f, times, h)
	for i := range samples {
		next := end
		if i+1 < len(times) {
			next = times[i+1]
		}
		samples[i].Duration = uint32(min(next-times[i], math.MaxUint32))
		samples[i].Composition = int32(max(min(shown[i]-times[i], math.MaxInt32), math.MinInt32))
	}
	return Run{Start: times[0], Usual: usual, Samples: samples}
}

// Span is Run without the samples, for those who ask about many fragments. It
// allocates nothing for fragments of at most 256 samples.
func (t *Track) Span(f *millrace.Fragment, h Hint) Span {
	var room [256]int64
	times := t.times(f, room[:0])
	if len(times) == 0 {
		return Span{}
	}
	s := Span{Samples: len(times)}
	for i := range f.Samples {
		if f.Samples[i].Track == uint64(t.Media.Number) {
			s.Bytes += int64(f.Samples[i].Size)
		}
	}
	if !t.isSound() {
		arrange(times)
	}
	end, usual := t.place(f, times, h)
	s.Start, s.Duration, s.Last, s.Usual = times[0], end-times[0], times[len(times)-1], usual
	return s
}

// Join is how long a run lasts if the next one begins at next, in ticks from the
// start of the run's fragment: until then if that is not far from its own end,
// and else as long as by itself. s is the Span without such a Hint, and a Run
// with it lasts as long as Join says.
func (t *Track) Join(s Span, next int64) int64 {
	reach := t.Ticks(Seam)
	if t.isSound() && t.frame > 0 {
		reach = t.frame - 1
	}
	if off := next - (s.Start + s.Duration); off > reach || off < -reach || next <= s.Last {
		return s.Duration
	}
	return next - s.Start
}

func (t *Track) isSound() bool { return t.Media.Type == media.Audio }

// times appends the presentation times of the track's samples in a fragment.
func (t *Track) times(f *millrace.Fragment, times []int64) []int64 {
	scale := int64(f.TimecodeScale)
	for i := range f.Samples {
		if s := &f.Samples[i]; s.Track == uint64(t.Media.Number) {
			times = append(times, t.Ticks(time.Duration(int64(s.Time)*scale)))
		}
	}
	return times
}

// arrange turns presentation times into decode times: sorted, and no two alike.
func arrange(times []int64) {
	slices.Sort(times)
	ascend(times)
}

// place makes of times in decode order those at which the samples of a fragment
// are decoded, and returns when the last one ends.
func (t *Track) place(f *millrace.Fragment, times []int64, h Hint) (end, usual int64) {
	last := len(times) - 1
	switch {
	case t.isSound() && (t.frame > 0 || t.bytes > 0):
		end = t.sound(f, times)
		usual = (end - times[0]) / int64(len(times))
	default:
		if t.isSound() {
			ascend(times)
		}
		usual = t.between(times, h)
		end = times[last] + usual
	}
	if h.HasNext {
		own := Span{Start: times[0], Duration: end - times[0], Last: times[last]}
		end = own.Start + t.Join(own, h.Next)
	}
	return end, usual
}

// ascend keeps times in their order, and moves apart what does not ascend.
func ascend(times []int64) {
	for i := 1; i < len(times); i++ {
		times[i] = max(times[i], times[i-1]+1)
	}
}

// sound lays frames whose length is known one behind the other, and follows the
// times only where they are more than a frame away: those are rounded to
// milliseconds. It returns when the last one ends.
func (t *Track) sound(f *millrace.Fragment, times []int64) (end int64) {
	at, i := times[0], 0
	for k := range f.Samples {
		s := &f.Samples[k]
		if s.Track != uint64(t.Media.Number) {
			continue
		}
		length := t.frame
		if t.bytes > 0 {
			length = int64(s.Size) / t.bytes
		}
		length = max(length, 1)
		if off := times[i] - at; off > length {
			at = times[i]
		}
		times[i] = at
		at += length
		i++
	}
	return at
}

// between is the usual distance of frames: what the track says if that is near
// the median of those that are there, else the median; of a single frame what
// was usual before it.
func (t *Track) between(times []int64, h Hint) int64 {
	if len(times) > 1 {
		median := medianStep(times)
		if t.usual > 0 && 2*t.usual >= median && 2*t.usual <= 3*median {
			return t.usual
		}
		return median
	}
	for _, d := range []int64{h.Usual, t.usual, t.rate} {
		if d > 0 {
			return d
		}
	}
	return t.Ticks(guess)
}

// medianStep is the median of the distances between times that ascend.
func medianStep(times []int64) int64 {
	var room [256]int64
	steps := room[:0]
	same := true
	for i := 1; i < len(times); i++ {
		steps = append(steps, times[i]-times[i-1])
		same = same && steps[i-1] == steps[0]
	}
	if !same {
		slices.Sort(steps)
	}
	return max(steps[len(steps)/2], 1)
}
