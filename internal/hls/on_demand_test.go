package hls_test

import (
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace/internal/hls"
)

// TestOnDemand has a case for each thing that is said of ON_DEMAND sessions.
func TestOnDemand(t *testing.T) {
	set := hls.Settings{Mode: hls.OnDemand, Limit: 3, Discontinuities: hls.NeverDiscontinuous}
	t.Run("the oldest fragments are listed, and the rest silently left out", func(t *testing.T) {
		w := hls.NewWindow(set)
		if want := w.Extend(epoch, nil, false); want != 3 {
			t.Errorf("it wants %d", want)
		}
		if want := w.Extend(epoch, series(1, 9), false); want != 0 || span(w) != "1-3" || !w.Ended() {
			t.Errorf("it lists %s and wants %d more; it has ended: %v", span(w), want, w.Ended())
		}
	})
	t.Run("nothing is listed until the list is complete", func(t *testing.T) {
		w := hls.NewWindow(set)
		if want := w.Extend(epoch, series(1, 2), false); want != 1 || span(w) != "none" {
			t.Errorf("it lists %s and wants %d more", span(w), want)
		}
	})
	t.Run("it stays as it was first rendered", func(t *testing.T) {
		w := hls.NewWindow(set)
		w.Extend(epoch, series(1, 2), true)
		before := string(w.AppendMedia(nil, hls.Rendition{}))
		if want := w.Extend(after(3600), series(3, 1), false); want != 0 {
			t.Errorf("it wants %d more", want)
		}
		if now := string(w.AppendMedia(nil, hls.Rendition{})); now != before || strings.Count(now, "#EXTINF") != 2 {
			t.Errorf("it is\n%s", now)
		}
	})
	t.Run("the target duration is that of the longest in it", func(t *testing.T) {
		w := hls.NewWindow(set)
		facts := series(1, 3)
		facts[2] = fragment(3, facts[2].Start, 7*time.Second, picture(0))
		w.Extend(epoch, facts, true)
		if w.TargetDuration() != 7*time.Second {
			t.Errorf("it is %v", w.TargetDuration())
		}
	})
	t.Run("what has expired meanwhile stays listed", func(t *testing.T) {
		w := hls.NewWindow(set)
		w.Extend(epoch, series(1, 3), true)
		w.Extend(after(1e6), nil, true)
		if _, ok := w.Find(number(1)); !ok || span(w) != "1-3" {
			t.Errorf("it lists %s (%v)", span(w), ok)
		}
	})
	t.Run("by the producer's clock numbers need not ascend", func(t *testing.T) {
		facts := series(1, 3)
		facts[0].Number, facts[1].Number = facts[1].Number, facts[0].Number
		w := hls.NewWindow(hls.Settings{Mode: hls.OnDemand, Limit: 3, ProducerClock: true})
		w.Extend(epoch, facts, true)
		if span(w) != "1-3" {
			t.Errorf("it lists %s", span(w))
		}
		for i, want := range map[int]bool{1: true, 2: true, 3: true, 4: false} {
			if e, ok := w.Find(number(i)); ok != want || ok && e.Number != number(i) {
				t.Errorf("fragment %d: %+v (%v)", i, e, ok)
			}
		}
	})
}
