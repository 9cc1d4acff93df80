package hls_test

import (
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace/internal/hls"
)

// manyFacts are those of n fragments.
func manyFacts(n int) []hls.Facts {
	track, tone := picture(0), sound()
	facts := make([]hls.Facts, n)
	for i := range facts {
		facts[i] = fragment(i+1, epoch.Add(time.Duration(i)*2002*time.Millisecond), 2002*time.Millisecond, track)
		facts[i].Tracks[1] = timed(tone, 2002*time.Millisecond)
	}
	return facts
}

// onDemand is a list on demand of as many.
func onDemand(facts []hls.Facts) *hls.Window {
	w := hls.NewWindow(hls.Settings{Mode: hls.OnDemand, Limit: len(facts), Discontinuities: hls.NeverDiscontinuous})
	w.Extend(epoch, facts, true)
	return w
}

// BenchmarkMediaPlaylist renders the longest list there is.
func BenchmarkMediaPlaylist(b *testing.B) {
	w := onDemand(manyFacts(5000))
	r := hls.Rendition{Token: strings.Repeat("t", 152), Timestamps: true}
	room := w.AppendMedia(nil, r)
	b.SetBytes(int64(len(room)))
	b.ReportAllocs()
	for b.Loop() {
		room = w.AppendMedia(room[:0], r)
	}
}

// BenchmarkWindow takes up the longest list there is.
func BenchmarkWindow(b *testing.B) {
	facts := manyFacts(5000)
	b.ReportAllocs()
	for b.Loop() {
		onDemand(facts)
	}
}

func TestMediaPlaylistAllocatesItsOutputAlone(t *testing.T) {
	w := onDemand(manyFacts(1000))
	for _, r := range []hls.Rendition{
		{Token: strings.Repeat("t", 152), Timestamps: true},
		{Token: strings.Repeat("t", 152), Timestamps: true, Track: 1},
		{Token: "t", Container: hls.MPEGTS},
	} {
		room := w.AppendMedia(nil, r)
		if n := testing.AllocsPerRun(10, func() { room = w.AppendMedia(room[:0], r) }); n != 0 {
			t.Errorf("%+v: %v allocations into a buffer that is large enough", r, n)
		}
		if n := testing.AllocsPerRun(10, func() { w.AppendMedia(nil, r) }); n != 1 {
			t.Errorf("%+v: %v allocations into no buffer, want 1", r, n)
		}
	}
}

// BenchmarkFind looks for the entries of the longest list.
func BenchmarkFind(b *testing.B) {
	w := onDemand(manyFacts(5000))
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		w.Find(number(i%5000 + 1))
	}
}
