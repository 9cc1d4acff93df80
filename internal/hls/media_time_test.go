package hls_test

import (
	"testing"
	"time"

	"github.com/millrace/millrace/internal/hls"
	"github.com/millrace/millrace/internal/timeline"
)

// pair is a fragment of picture and sound, whose first frames lie so many
// milliseconds behind its start.
func pair(i int, start time.Time, video, audio int) hls.Facts {
	f := fragment(i, start, 2*time.Second, picture(0))
	f.Tracks[1] = timed(sound(), 2*time.Second)
	for k, offset := range []int{video, audio} {
		t := &f.Tracks[k]
		t.Span.Start = t.Track.Ticks(time.Duration(offset) * time.Millisecond)
		t.Span.Last += t.Span.Start
	}
	return f
}

// TestMediaTime has a case for each thing that is said of media timestamps.
func TestMediaTime(t *testing.T) {
	type times [2]time.Duration // of picture and sound, in milliseconds
	for _, c := range []struct {
		name  string
		set   hls.Settings
		facts []hls.Facts
		want  []times
	}{
		{"0 is the start of the session's first fragment", hls.Settings{}, []hls.Facts{pair(7, after(100), 0, 0)}, []times{{0, 0}}},
		{"it is the fragment's start on the session's clock, and the offset of the track's first frame", hls.Settings{}, []hls.Facts{pair(1, after(0), 0, 7), pair(2, after(2.5), 3, 30)}, []times{{0, 7}, {2503, 2530}}},
		{"the earliest frame is at 0 if it is earlier than the fragment", hls.Settings{}, []hls.Facts{pair(1, after(0), 0, -20), pair(2, after(2), 0, -15)}, []times{{20, 0}, {2020, 2005}}},
		{"it is never negative", hls.Settings{Anchor: after(100)}, []hls.Facts{pair(1, after(50), 0, -10)}, []times{{0, 0}}},
		{"a fragment follows the one before it if it was sent faster", hls.Settings{}, []hls.Facts{pair(1, after(0), 0, 0), pair(2, after(0.1), 0, 7), pair(3, after(0.2), 0, 0)}, []times{{0, 0}, {2000, 2007}, {4000, 4000}}},
		{"and comes back to the clock in a gap", hls.Settings{}, []hls.Facts{pair(1, after(0), 0, 0), pair(2, after(1), 0, 0), pair(3, after(3.5), 0, 0), pair(4, after(9), 0, 0)}, []times{{0, 0}, {2000, 2000}, {4000, 4000}, {9000, 9000}}},
		{"but 50 ms are left to jitter", hls.Settings{}, []hls.Facts{pair(1, after(0), 0, 0), pair(2, after(1.95), 0, 0), pair(3, after(3.899), 0, 0)}, []times{{0, 0}, {1950, 1950}, {3950, 3950}}},
		{"all count from the anchor of a session that is taken up again", hls.Settings{Anchor: after(-100)}, []hls.Facts{pair(1, after(0), 0, -20)}, []times{{100_000, 99_980}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.set.Limit = 9
			w := hls.NewWindow(c.set)
			w.Extend(after(0), c.facts, true)
			for i, want := range c.want {
				e := &w.Listed()[i]
				got := times{toMillis(e, 0), toMillis(e, 1)}
				if got != want || e.Elapsed() < 0 {
					t.Errorf("entry %d begins at %d, not %d, %v after the anchor", i+1, got, want, e.Elapsed())
				}
			}
		})
	}
	t.Run("the anchor is that of the whole session", func(t *testing.T) {
		w := hls.NewWindow(hls.Settings{Limit: 1})
		for i := range 5 {
			w.Extend(after(float64(i)), series(i+1, 1), true)
			if e := w.Listed()[0]; !w.Anchor().Equal(epoch) || e.MediaTime(0) != int64(i)*180_000 || e.Elapsed() != time.Duration(i)*2*time.Second {
				t.Errorf("entry %d begins at %d", e.Sequence, e.MediaTime(0))
			}
		}
	})
	t.Run("a track that is missing begins at 0", func(t *testing.T) {
		w := session(hls.Settings{Limit: 1}, 2, false)
		if e := w.Listed()[0]; e.MediaTime(1) != 0 || e.Duration(1) != 0 {
			t.Errorf("%d and %d", e.MediaTime(1), e.Duration(1))
		}
	})
}

func toMillis(e *hls.Entry, track int) time.Duration {
	return e.Tracks[track].Track.Time(e.MediaTime(track)) / time.Millisecond
}

// TestSegmentsReachToTheNext: where the next fragment is known and near, the last
// frame lasts until it begins.
func TestSegmentsReachToTheNext(t *testing.T) {
	for _, c := range []struct {
		name         string
		mode         hls.Mode
		next         float64 // where the second fragment begins, s
		video, sound int64   // how long the first lasts, ms
	}{
		{"a gap of 50 ms is closed; to sound it is too far", hls.OnDemand, 2.05, 2050, 2000},
		{"a gap of 51 ms is not", hls.OnDemand, 2.051, 2000, 2000},
		{"a gap of less than a frame of sound is closed", hls.OnDemand, 2.021, 2021, 2021},
		{"an overlap of 30 ms is cut off; of sound it stays", hls.OnDemand, 1.97, 1970, 2000},
		{"an overlap of the whole last frame stays", hls.OnDemand, 1.96, 2000, 2000},
		{"the same in LIVE_REPLAY", hls.LiveReplay, 2.02, 2020, 2020},
		{"in LIVE each is timed by itself", hls.Live, 2.02, 2000, 2000},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, d := range []hls.DiscontinuityMode{hls.AlwaysDiscontinuous, hls.NeverDiscontinuous, hls.OnDiscontinuity} {
				w := hls.NewWindow(hls.Settings{Mode: c.mode, Limit: 9, Discontinuities: d})
				w.Extend(after(100), []hls.Facts{pair(1, after(0), 0, 0), pair(2, after(c.next), 0, 0)}, true)
				e, _ := w.Find(number(1))
				for k, want := range []int64{c.video, c.sound} {
					track := e.Tracks[k].Track
					if e.Duration(k) != track.Ticks(time.Duration(want)*time.Millisecond) {
						t.Errorf("track %d lasts %v, not %d ms", k+1, track.Time(e.Duration(k)), want)
					}
					if h := e.Hint(k); h.HasNext != (want != 2000) || h.HasNext && h.Next != e.Duration(k) {
						t.Errorf("track %d has the hint %+v", k+1, h)
					}
				}
			}
		})
	}
	t.Run("to the tick, where a millisecond is no whole number of them", func(t *testing.T) {
		track := aac(0x12, 0x10)
		var facts []hls.Facts
		for i := range 100 {
			f := pair(i+1, after(2.003*float64(i)), 0, 0)
			f.Tracks[1] = timed(track, 2*time.Second)
			facts = append(facts, f)
		}
		w := hls.NewWindow(hls.Settings{Mode: hls.OnDemand, Limit: 100})
		w.Extend(epoch, facts, true)
		listed := w.Listed()
		for i := range listed[1:] {
			if e := &listed[i]; !e.Hint(1).HasNext || e.MediaTime(1)+e.Duration(1) != listed[i+1].MediaTime(1) {
				t.Errorf("entry %d ends at %d, the next begins at %d", e.Sequence, e.MediaTime(1)+e.Duration(1), listed[i+1].MediaTime(1))
			}
		}
	})
	t.Run("not across a change of the timescale", func(t *testing.T) {
		facts := []hls.Facts{pair(1, after(0), 0, 0), pair(2, after(2.18), 0, 0)} // 2 s in ticks of the other
		other := *facts[1].Tracks[1].Track
		other.Timescale = 44_100
		facts[1].Tracks[1].Track = &other
		w := hls.NewWindow(hls.Settings{Mode: hls.OnDemand, Limit: 2})
		w.Extend(epoch, facts, true)
		if e := w.Listed()[0]; e.Hint(1).HasNext {
			t.Errorf("%+v", e.Hint(1))
		}
	})
	t.Run("not to a fragment that has nothing of the track", func(t *testing.T) {
		facts := []hls.Facts{pair(1, after(0), 0, 0), pair(2, after(2.01), 0, 0)}
		facts[1].Tracks[1].Span = timeline.Span{}
		w := hls.NewWindow(hls.Settings{Mode: hls.OnDemand, Limit: 2})
		w.Extend(epoch, facts, true)
		if e := w.Listed()[0]; e.Hint(1).HasNext {
			t.Errorf("%+v", e.Hint(1))
		}
	})
	t.Run("what is usual is passed on", func(t *testing.T) {
		f := pair(1, after(0), 0, 0)
		f.Tracks[0].Usual = 3003
		w := hls.NewWindow(hls.Settings{Limit: 2})
		w.Extend(epoch, []hls.Facts{f}, true)
		if h := w.Listed()[0].Hint(0); h != (timeline.Hint{Usual: 3003}) {
			t.Errorf("%+v", h)
		}
	})
}

func TestDiscontinuityIsMoreThan50Milliseconds(t *testing.T) {
	for next, want := range map[float64]bool{2: false, 2.05: false, 2.051: true, 1.95: false, 1.949: true, 100: true, 0.5: true} {
		w := hls.NewWindow(hls.Settings{Limit: 9, Discontinuities: hls.OnDiscontinuity})
		w.Extend(after(0), []hls.Facts{pair(1, after(0), 0, 0), pair(2, after(next), 0, 0)}, true)
		if e := w.Listed()[1]; e.Discontinuity != want || w.Listed()[0].Discontinuity {
			t.Errorf("at %v s: %v", next, e.Discontinuity)
		}
	}
}
