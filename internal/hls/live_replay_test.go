package hls_test

import (
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace/internal/hls"
)

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
			for i := range 39 {
				if e, ok := w.Find(number(i + 1)); ok && !e.Hint(0).HasNext {
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
