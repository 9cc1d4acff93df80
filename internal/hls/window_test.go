package hls_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace/internal/hls"
	"github.com/millrace/millrace/internal/timeline"
)

// span is the numbers of the first and the last entry that are listed.
func span(w *hls.Window) string {
	listed := w.Listed()
	if len(listed) == 0 {
		return "none"
	}
	return fmt.Sprintf("%d-%d", listed[0].Sequence, listed[len(listed)-1].Sequence)
}

// series is n fragments of 2 s from the i-th on.
func series(i, n int) []hls.Facts {
	track := picture(0)
	var facts []hls.Facts
	for k := i; k < i+n; k++ {
		facts = append(facts, fragment(k, epoch.Add(time.Duration(k-1)*2*time.Second), 2*time.Second, track))
	}
	return facts
}

// after is so many seconds after the start of the first fragment.
func after(seconds float64) time.Time {
	return epoch.Add(time.Duration(seconds * float64(time.Second)))
}

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

// replay is a window of LIVE_REPLAY whose store holds facts.
func replay(set hls.Settings, facts []hls.Facts) (w *hls.Window, refresh func(seconds float64) string) {
	set.Mode = hls.LiveReplay
	w = hls.NewWindow(set)
	return w, func(seconds float64) string {
		for want := w.Extend(after(seconds), nil, false); want > 0; {
			n := 0
			for n < min(want, len(facts)) && !facts[n].Whole.After(after(seconds)) {
				n++
			}
			given, whole := facts[:n], n < want
			facts = facts[n:]
			want = w.Extend(after(seconds), given, whole)
		}
		return span(w)
	}
}

// TestLiveReplay has a case for each thing that is said of LIVE_REPLAY sessions.
func TestLiveReplay(t *testing.T) {
	type row struct {
		at   float64
		want string
	}
	late := series(1, 6)
	late[3].Whole = after(107) // instead of 104
	short := series(1, 3)
	for i := range short {
		short[i].Whole = after(float64(100 + 5*i))
	}
	uneven := series(1, 5)
	for i := range uneven {
		uneven[i].Tracks[0].Span.Duration = int64(i+1) * 90_000
		uneven[i].Start = epoch.Add(time.Duration(i*10) * time.Second)
	}
	for _, c := range []struct {
		name  string
		set   hls.Settings
		facts []hls.Facts
		rows  []row
	}{
		{
			"the clock starts at the first request, whenever that is, with a full list",
			hls.Settings{Limit: 3},
			series(1, 9),
			[]row{{5000, "1-3"}, {5000, "1-3"}, {5001.999, "1-3"}, {5002, "2-4"}, {5012, "7-9"}, {5099, "7-9"}},
		},
		{"fewer if there are fewer", hls.Settings{Limit: 3}, series(1, 2), []row{{100, "1-2"}, {200, "1-2"}}},
		{"an entry comes when its own duration has passed", hls.Settings{Limit: 1}, uneven, []row{{100, "1-1"}, {101.999, "1-1"}, {102, "2-2"}, {104.999, "2-2"}, {105, "3-3"}, {109, "4-4"}, {114, "5-5"}}},
		{"what is late is listed when it is there, and delays the others by as much", hls.Settings{Limit: 2}, late, []row{{100, "1-2"}, {102, "2-3"}, {104, "2-3"}, {106.999, "2-3"}, {107, "3-4"}, {108.999, "3-4"}, {109, "4-5"}}},
		{"late or not is when it was there, not when somebody asked", hls.Settings{Limit: 2}, late, []row{{100, "1-2"}, {103, "2-3"}, {108, "3-4"}, {108.999, "3-4"}, {109, "4-5"}}},
		{"a first list that fills late delays those behind it", hls.Settings{Limit: 2}, short, []row{{100, "1-1"}, {104, "1-1"}, {105, "1-2"}, {109, "1-2"}, {110, "2-3"}}},
		{"a client that stayed away finds the list where it would have been", hls.Settings{Limit: 2}, series(1, 99), []row{{1000, "1-2"}, {1100, "51-52"}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, refresh := replay(c.set, c.facts)
			for _, r := range c.rows {
				if got := refresh(r.at); got != r.want {
					t.Errorf("at %v s it lists %s, not %s", r.at, got, r.want)
				}
			}
		})
	}
	t.Run("with an end it ends when all is listed and the end is 30 seconds past", func(t *testing.T) {
		w, refresh := replay(hls.Settings{Limit: 2, End: after(4)}, series(1, 3))
		for _, r := range []struct {
			at   float64
			want bool
		}{{33, false}, {34, false}, {34.9, false}, {35, true}} {
			if refresh(r.at); w.Ended() != r.want {
				t.Errorf("at %v s: %v (%s)", r.at, w.Ended(), span(w))
			}
		}
	})
	t.Run("a range that is long past ends with its last fragment", func(t *testing.T) {
		w, refresh := replay(hls.Settings{Limit: 2, End: after(4)}, series(1, 3))
		if refresh(9000); w.Ended() {
			t.Error("it ends before its last fragment")
		}
		if refresh(9002); !w.Ended() {
			t.Error("it does not end")
		}
	})
	t.Run("without an end it never does", func(t *testing.T) {
		w, refresh := replay(hls.Settings{Limit: 9}, series(1, 3))
		if refresh(9000); w.Ended() {
			t.Error("it ends")
		}
	})
	t.Run("the map before the first entry is that of its generation", func(t *testing.T) {
		facts := series(1, 3)
		facts[1].Tracks[0].Track = picture(1)
		facts[2].Tracks[0].Track = facts[1].Tracks[0].Track
		w, refresh := replay(hls.Settings{Limit: 2}, facts)
		refresh(100)
		refresh(102)
		if v, _ := value(lines(w, hls.Rendition{}), "#EXT-X-MAP"); !strings.HasSuffix(v, `&SequenceNumber=1"`) {
			t.Errorf("it is %s", v)
		}
	})
	t.Run("the successor of each is known when it is listed, if there is one", func(t *testing.T) {
		facts := series(1, 40)
		for i := range facts {
			facts[i].Start = facts[i].Start.Add(time.Duration(i) * 10 * time.Millisecond)
		}
		w, refresh := replay(hls.Settings{Limit: 2}, facts)
		for _, at := range []float64{1000, 1002.02, 1004.03, 1010, 1020, 1040, 1060, 1074} {
			refresh(at)
			for _, e := range w.Listed() {
				if !e.Hint(0).HasNext {
					t.Errorf("entry %d at %v s: %+v", e.Sequence, at, e.Hint(0))
				}
			}
		}
		if got := refresh(1080); got != "39-40" || w.Listed()[1].Hint(0).HasNext {
			t.Errorf("it lists %s, and the last has a successor", got)
		}
	})
	t.Run("what is there is listed, though it was sent faster than it lasts", func(t *testing.T) {
		w := hls.NewWindow(hls.Settings{Mode: hls.LiveReplay, Limit: 3})
		for at, want := range []string{"1-3", "1-3", "2-4"} {
			if w.Extend(after(float64(at)), series(1, 4), true); span(w) != want {
				t.Errorf("at %d s it lists %s, not %s", at, span(w), want)
			}
		}
	})
	t.Run("what is not listed yet is not known", func(t *testing.T) {
		w, refresh := replay(hls.Settings{Limit: 2}, series(1, 3))
		refresh(100)
		if _, ok := w.Find(number(3)); ok {
			t.Error("it is")
		}
	})
	t.Run("it is resumed by telling the moment at which it began first", func(t *testing.T) {
		_, refresh := replay(hls.Settings{Limit: 2}, series(1, 9))
		refresh(100)
		if got := refresh(105); got != "3-4" {
			t.Errorf("it lists %s", got)
		}
	})
}

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
		facts := series(1, 2)
		facts[0].Number, facts[1].Number = facts[1].Number, facts[0].Number
		w := hls.NewWindow(hls.Settings{Mode: hls.OnDemand, Limit: 3, ProducerClock: true})
		w.Extend(epoch, facts, true)
		if span(w) != "1-2" {
			t.Errorf("it lists %s", span(w))
		}
	})
}

func TestPlaylistStopsBeforeTheChangeThatIsTooMuch(t *testing.T) {
	const most = 500
	for _, set := range kinds(5000) {
		set.Changes = most
		w := session(set, most+9, true)
		if listed := w.Listed(); len(listed) != most+1 || listed[most].Generation != most {
			t.Errorf("%+v: it lists %s", set, span(w))
		}
		if want := w.Extend(after(1e6), nil, false); want != 0 {
			t.Errorf("%+v: it wants %d more", set, want)
		}
	}
}

func TestGenerations(t *testing.T) {
	a, b, c := picture(0), picture(1), sound()
	set := func(f hls.Facts, tracks ...*timeline.Track) hls.Facts {
		for i, track := range tracks {
			f.Tracks[i] = hls.Timed{}
			if track != nil {
				f.Tracks[i] = timed(track, 2*time.Second)
			}
		}
		return f
	}
	facts := series(1, 5)
	facts[0] = set(facts[0], a, nil)
	facts[1] = set(facts[1], a, c)
	facts[2] = set(facts[2], picture(0), nil)
	facts[3] = set(facts[3], b, nil)
	facts[4] = set(facts[4], a, c)
	w := hls.NewWindow(hls.Settings{Limit: 9})
	w.Extend(after(10), facts, true)
	for i, want := range []int{0, 0, 0, 1, 2} {
		if e := w.Listed()[i]; e.Generation != want {
			t.Errorf("entry %d needs generation %d, not %d", i+1, e.Generation, want)
		}
	}
	for _, row := range []struct {
		generation, track int
		want              *timeline.Track
	}{{0, 0, a}, {0, 1, c}, {1, 0, b}, {1, 1, c}, {2, 0, a}, {2, 1, c}, {3, 0, nil}, {-1, 0, nil}, {0, 2, nil}, {0, -1, nil}} {
		if got := w.Init(row.generation, row.track); got != row.want {
			t.Errorf("generation %d of track %d is decoded with %v", row.generation, row.track, got)
		}
	}
}

func TestFragmentsWithNothingToPlayArePassedOver(t *testing.T) {
	facts := series(1, 4)
	facts[1].Damaged = true
	facts[3].Tracks[0].Span = timeline.Span{}
	w := hls.NewWindow(hls.Settings{Limit: 9, Discontinuities: hls.OnDiscontinuity})
	w.Extend(after(8), facts, true)
	e, _ := w.Find(number(3))
	if span(w) != "1-2" || !e.Discontinuity || e.Sequence != 2 {
		t.Errorf("it lists %s, and %+v", span(w), e)
	}
	if w.Newest().Number != number(4) {
		t.Errorf("the newest is %v", w.Newest().Number)
	}
}

func TestUnreadableFragmentBecomesAGap(t *testing.T) {
	w := hls.NewWindow(hls.Settings{Limit: 9})
	w.Extend(after(8), series(1, 2), true)
	w.MarkGap(number(2))
	w.MarkGap(number(7))
	for _, r := range []hls.Rendition{{}, {Track: 1}, {Container: hls.MPEGTS}} {
		all := lines(w, r)
		if n := len(all); all[1] != "#EXT-X-VERSION:8" || count(all[n-3:], "#EXT-X-GAP") != 1 || r.Track == 0 && count(all, "#EXT-X-GAP") != 1 {
			t.Errorf("%+v:\n%s", r, strings.Join(all, "\n"))
		}
	}
	if e, ok := w.Find(number(2)); !ok || !e.Gap {
		t.Errorf("%+v", e)
	}
}
