package playback

import (
	"context"
	"math"
	"time"

	"github.com/millrace/millrace/internal/fmp4"
	"github.com/millrace/millrace/internal/timeline"
)

// movieScale is the ticks a second of an MP4 file's edits: whole ticks of the
// pictures.
const movieScale = 90_000

// A window is what is shown of a file, in its time.
type window struct{ from, to time.Duration }

// window is what is shown of a range: all of it that there is. It begins with a
// picture, the first in the range.
func (f *mp4File) window(ctx context.Context, r *FileRequest) (window, error) {
	all := window{0, f.length()}
	if r.Cut != CutExact {
		return all, nil
	}
	w := all
	first, last := &f.rows[0], &f.rows[len(f.rows)-1]
	if cut := r.From.Sub(startOf(r.Clock, &first.entry)); cut > 0 {
		from, err := f.pictureFrom(ctx, f.firstAt+cut)
		if err != nil {
			return w, err
		}
		w.from = max(from, 0)
	}
	w.to = min(w.to, f.lastAt+r.To.Sub(startOf(r.Clock, &last.entry)))
	if w.from >= w.to { // a range between two pictures: the next one is shown
		w.to = min(all.to, w.from+time.Millisecond)
	}
	return w, nil
}

// pictureFrom is when the first picture is shown at a time of the first fragment or
// later. Without pictures it is that time.
func (f *mp4File) pictureFrom(ctx context.Context, at time.Duration) (time.Duration, error) {
	row := &f.rows[0]
	if row.tracks[picture].samples == 0 {
		return min(at, f.length()), nil
	}
	x, format, err := f.fragments.outline(ctx, row.entry)
	if err != nil {
		return 0, of(row.entry, err)
	}
	t, err := f.trackOf(picture, format)
	if err != nil {
		return 0, of(row.entry, err)
	}
	run := f.run(picture, t, x)
	r := &f.tracks[picture]
	decoded := r.ticks(f.firstAt) + run.Start
	next, latest := int64(math.MaxInt64), int64(math.MinInt64)
	for i := range run.Samples {
		shown := decoded + int64(run.Samples[i].Composition)
		latest = max(latest, shown)
		if shown >= r.ticks(at) {
			next = min(next, shown)
		}
		decoded += int64(run.Samples[i].Duration)
	}
	switch {
	case next < math.MaxInt64:
		return r.time(next), nil
	case len(f.rows) > 1 && f.rows[1].tracks[picture].samples > 0:
		return r.time(r.begin + row.tracks[picture].last - row.tracks[picture].start + int64(row.tracks[picture].hold)), nil
	default:
		return r.time(latest), nil
	}
}

// edits says what is shown of each track.
func (f *mp4File) edits(w window) (edits [2][]fmp4.Edit, duration uint64) {
	for i := range f.tracks {
		r := &f.tracks[i]
		if !r.seen {
			continue
		}
		begin, end := r.time(r.begin), r.time(r.end)
		var list []fmp4.Edit
		if wait := min(begin, w.to) - w.from; wait > 0 {
			list = append(list, fmp4.Edit{Duration: movieTicks(wait), Media: -1})
		}
		if from, to := max(begin, w.from), min(end, w.to); from < to {
			list = append(list, fmp4.Edit{Duration: movieTicks(to - from), Media: r.delay + max(r.ticks(from)-r.begin, 0)})
		}
		if len(list) == 0 {
			list = []fmp4.Edit{{Duration: movieTicks(w.to - w.from), Media: -1}}
		}
		edits[i] = list
		sum := uint64(0)
		for _, e := range list {
			sum += e.Duration
		}
		duration = max(duration, sum)
	}
	return edits, duration
}

func movieTicks(d time.Duration) uint64 {
	return uint64(timeline.Rescale(int64(d), int64(time.Second), movieScale))
}
