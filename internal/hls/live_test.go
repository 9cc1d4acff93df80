package hls_test

import (
	"testing"
	"time"

	"github.com/millrace/millrace/internal/hls"
	"github.com/millrace/millrace/internal/timeline"
)

// TestLive has a case for each thing that is said of LIVE sessions.
func TestLive(t *testing.T) {
	t.Run("the window is the newest fragments, as many as were asked for", func(t *testing.T) {
		w := hls.NewWindow(hls.Settings{Limit: 5})
		for n, want := range []string{"1-1", "1-2", "1-3", "1-4", "1-5", "2-6", "3-7"} {
			w.Extend(after(float64(2*n)), series(n+1, 1), true)
			if got := span(w); got != want {
				t.Errorf("after %d fragments it is %s, not %s", n+1, got, want)
			}
		}
	})
	t.Run("the list is append-only: what is late is never inserted", func(t *testing.T) {
		w := hls.NewWindow(hls.Settings{Limit: 5})
		all := series(1, 4)
		w.Extend(epoch, []hls.Facts{all[0], all[2]}, true)
		w.Extend(epoch, []hls.Facts{all[1], all[0], all[2], all[3]}, true)
		if _, ok := w.Find(number(2)); ok || span(w) != "1-3" {
			t.Errorf("it lists %s, and the late one (%v)", span(w), ok)
		}
	})
	t.Run("late by the producer's clock is what starts no later, whatever its number", func(t *testing.T) {
		for _, shift := range []time.Duration{-time.Hour, 0} {
			w := hls.NewWindow(hls.Settings{Limit: 5, ProducerClock: true})
			again := fragment(9, epoch.Add(shift), 2*time.Second, picture(0))
			w.Extend(epoch, append(series(1, 1), again), true)
			if span(w) != "1-1" || w.Newest().Number != number(1) {
				t.Errorf("%v: it lists %s", shift, span(w))
			}
		}
	})
	t.Run("by the server's clock times do not matter", func(t *testing.T) {
		w := hls.NewWindow(hls.Settings{Limit: 5})
		w.Extend(epoch, append(series(1, 1), fragment(9, epoch.Add(-time.Hour), 2*time.Second, picture(0))), true)
		if span(w) != "1-2" {
			t.Errorf("it lists %s", span(w))
		}
	})
	t.Run("two who refresh at once do not disagree", func(t *testing.T) {
		one, two := hls.NewWindow(hls.Settings{Limit: 2}), hls.NewWindow(hls.Settings{Limit: 2})
		one.Extend(after(8), series(1, 4), true)
		two.Extend(after(8), series(1, 3), false)
		two.Extend(after(8), series(1, 4), false)
		two.Extend(after(8), series(2, 2), true)
		for track := range hls.MaxTracks {
			a, b := one.AppendMedia(nil, hls.Rendition{Track: track}), two.AppendMedia(nil, hls.Rendition{Track: track})
			if string(a) != string(b) {
				t.Errorf("\n%s\nand\n%s", a, b)
			}
		}
	})
	t.Run("numbers begin at 1 where the session begins", func(t *testing.T) {
		w := hls.NewWindow(hls.Settings{Limit: 3})
		w.Extend(epoch, series(1001, 3), true)
		if span(w) != "1-3" {
			t.Errorf("it lists %s", span(w))
		}
	})
	t.Run("while nothing comes the list stays as it is", func(t *testing.T) {
		w := hls.NewWindow(hls.Settings{Limit: 3})
		w.Extend(after(6), series(1, 3), true)
		before := string(w.AppendMedia(nil, hls.Rendition{}))
		w.Extend(after(12*3600), nil, true)
		if now := string(w.AppendMedia(nil, hls.Rendition{})); now != before {
			t.Errorf("it is\n%s", now)
		}
	})
	t.Run("after a pause a tag stands before what is new, but never with NEVER, where the gap stays in media time", func(t *testing.T) {
		for mode, want := range map[hls.DiscontinuityMode]bool{hls.AlwaysDiscontinuous: true, hls.OnDiscontinuity: true, hls.NeverDiscontinuous: false} {
			w := hls.NewWindow(hls.Settings{Limit: 3, Discontinuities: mode})
			w.Extend(after(2), series(1, 1), true)
			w.Extend(after(70), series(35, 1), true)
			e, _ := w.Find(number(35))
			if e.Discontinuity != want || e.MediaTime(0) != 68*90_000 {
				t.Errorf("%v: %v at %d", mode, e.Discontinuity, e.MediaTime(0))
			}
		}
	})
	t.Run("a single entry is a list", func(t *testing.T) {
		w := session(hls.Settings{Limit: 1}, 1, false)
		if n := count(lines(w, hls.Rendition{}), "#EXTINF"); n != 1 {
			t.Errorf("%d entries", n)
		}
	})
	t.Run("what has left is known for the window and a target duration more", func(t *testing.T) {
		w := hls.NewWindow(hls.Settings{Limit: 3})
		w.Extend(after(6), series(1, 3), true)
		w.Extend(after(8), series(4, 1), true)
		for _, at := range []float64{8, 15.999, 16} {
			w.Extend(after(at), nil, true)
			if _, ok := w.Find(number(1)); ok != (at < 16) {
				t.Errorf("%v s after: %v", at-8, ok)
			}
		}
	})
	t.Run("it never ends", func(t *testing.T) {
		w := session(hls.Settings{Limit: 3, Changes: 1}, 5, true)
		if n := w.Extend(after(3600), series(9, 1), false); n != 0 || w.Ended() || span(w) != "1-2" {
			t.Errorf("it wants %d, lists %s, has ended: %v", n, span(w), w.Ended())
		}
	})
	t.Run("every fragment is timed by itself", func(t *testing.T) {
		w := hls.NewWindow(hls.Settings{Limit: 3})
		facts := series(1, 2)
		facts[1].Start = after(2.03)
		w.Extend(after(6), facts, true)
		if e, _ := w.Find(number(1)); e.Hint(0) != (timeline.Hint{}) || e.Duration(0) != 180_000 {
			t.Errorf("it lasts %d, with %+v", e.Duration(0), e.Hint(0))
		}
	})
}
