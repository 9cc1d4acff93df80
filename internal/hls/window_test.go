package hls_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace/internal/hls"
	"github.com/millrace/millrace/internal/timeline"
	"github.com/millrace/millrace/media"
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

// TestTransportStreamNeedsOnlyOneTrack: it has all of them, so that none is missing
// as long as there is one.
func TestTransportStreamNeedsOnlyOneTrack(t *testing.T) {
	f := pair(1, epoch, 0, 0)
	f.Tracks[0].Span = timeline.Span{}
	f.Tracks[1].Span.Duration = 72_000
	w := hls.NewWindow(hls.Settings{Limit: 2})
	w.Extend(epoch, []hls.Facts{f}, true)
	for r, gaps := range map[hls.Rendition]int{{Container: hls.MPEGTS}: 0, {Track: 1}: 0, {}: 1} {
		all := lines(w, r)
		if count(all, "#EXT-X-GAP") != gaps || count(all, "#EXTINF:1.5,") != 1 {
			t.Errorf("%+v:\n%s", r, strings.Join(all, "\n"))
		}
	}
}

// TestFormsAreMarked: where that is asked for, with every mode of discontinuities.
func TestFormsAreMarked(t *testing.T) {
	change := func(do func(t *timeline.Track)) func() *timeline.Track {
		return func() *timeline.Track {
			t := picture(1)
			do(t)
			return t
		}
	}
	for name, c := range map[string]struct {
		next func() *timeline.Track
		want bool
	}{
		"private data alone": {change(func(*timeline.Track) {}), false},
		"another codec":      {change(func(t *timeline.Track) { t.Media.Codec = media.HEVC }), true},
		"another codec id":   {change(func(t *timeline.Track) { t.Media.CodecID = "V_MPEGH/ISO/HEVC" }), true},
		"another width":      {change(func(t *timeline.Track) { t.Parameters.Width++ }), true},
		"another height":     {change(func(t *timeline.Track) { t.Parameters.Height++ }), true},
		"another rate":       {change(func(t *timeline.Track) { t.Parameters.SampleRate++ }), true},
		"other channels":     {change(func(t *timeline.Track) { t.Parameters.Channels++ }), true},
		"another timescale":  {change(func(t *timeline.Track) { t.Timescale++ }), true},
	} {
		for _, mark := range []bool{true, false} {
			w := hls.NewWindow(hls.Settings{Limit: 2, Discontinuities: hls.NeverDiscontinuous, MarkForms: mark})
			second := fragment(2, after(2), 2*time.Second, c.next())
			w.Extend(epoch, append(series(1, 1), second), true)
			if e := w.Listed()[1]; e.Discontinuity != (c.want && mark) || e.Generation != 1 {
				t.Errorf("%s, marked %v: %v, generation %d", name, mark, e.Discontinuity, e.Generation)
			}
		}
	}
}

// A live session for which a producer changes its private data with every fragment
// holds those of the entries that it knows.
func TestALiveSessionForgetsWhatNothingIsDecodedWith(t *testing.T) {
	w := hls.NewWindow(hls.Settings{Mode: hls.Live, Limit: 5})
	const changes = 300
	for i := 1; i <= changes; i++ {
		f := fragment(i, epoch.Add(time.Duration(i-1)*2*time.Second), 2*time.Second, picture(byte(i)))
		w.Extend(after(float64(2*i)), []hls.Facts{f}, true)
	}
	listed := w.Listed()
	if last := listed[len(listed)-1].Generation; last != changes-1 {
		t.Fatalf("%d changes", last)
	}
	held := 0
	for g := range changes {
		if w.Init(g, 0) != nil {
			held++
		}
	}
	if one := int64(len(picture(0).Media.Private)); held > 20 || w.Private() != int64(held)*one || one == 0 {
		t.Errorf("%d generations are held, and %d bytes of private data", held, w.Private())
	}
	for i := range listed {
		if w.Init(listed[i].Generation, 0) == nil {
			t.Errorf("the generation of entry %d is not there", listed[i].Sequence)
		}
	}
}
