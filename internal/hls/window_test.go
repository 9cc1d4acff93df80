package hls_test

import (
	"testing"
	"time"

	"github.com/millrace/millrace/internal/hls"
)

func TestListOnDemandStaysAsItWasFirstRendered(t *testing.T) {
	w := hls.NewWindow(hls.Settings{Mode: hls.OnDemand, Limit: 10, Discontinuities: hls.NeverDiscontinuous})
	track := picture(0)
	want := w.Extend(epoch, nil, false)
	if want != 10 {
		t.Fatalf("an empty window wants %d fragments, not 10", want)
	}
	w.Extend(epoch, []hls.Facts{fragment(1, epoch, 2*time.Second, track)}, true)
	before := string(w.AppendMedia(nil, hls.Rendition{Token: "TOK~"}))
	if want = w.Extend(epoch.Add(time.Hour), []hls.Facts{fragment(2, epoch.Add(2*time.Second), 2*time.Second, track)}, false); want != 0 {
		t.Errorf("a complete list wants %d more", want)
	}
	if after := string(w.AppendMedia(nil, hls.Rendition{Token: "TOK~"})); after != before {
		t.Errorf("the list changed from\n%s\nto\n%s", before, after)
	}
}

func TestEarliestFrameOfTheFirstFragmentIsMediaTime0(t *testing.T) {
	f := fragment(1, epoch, 2*time.Second, picture(0))
	f.Tracks[1] = timed(sound(), 2*time.Second)
	f.Tracks[1].Span.Start = -480 // 10 ms
	if got, want := hls.Anchor(&f), epoch.Add(-10*time.Millisecond); !got.Equal(want) {
		t.Fatalf("the anchor is %v, not %v", got, want)
	}
	w := hls.NewWindow(hls.Settings{Mode: hls.Live, Limit: 5})
	w.Extend(epoch, []hls.Facts{f}, true)
	e, ok := w.Find(f.Number)
	if !ok || e.MediaTime(0) != 900 || e.MediaTime(1) != 0 {
		t.Errorf("media times %d and %d, want 900 and 0 (%v)", e.MediaTime(0), e.MediaTime(1), ok)
	}
}
