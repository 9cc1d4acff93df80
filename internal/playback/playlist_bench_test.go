package playback_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/hls"
	"github.com/millrace/millrace/internal/playback"
	"github.com/millrace/millrace/internal/store"
)

// BenchmarkPlaylist is the first media playlist of a session of 5,000 fragments,
// with nothing of it in playback's memory and all of the store in the system's
// cache. The stream has a fragment each second, for a day and for thirty days.
//
//	go test -run '^$' -bench Playlist -benchtime 20x ./internal/playback
func BenchmarkPlaylist(b *testing.B) {
	for _, days := range []int{1, 30} {
		b.Run(fmt.Sprintf("days=%d", days), func(b *testing.B) {
			f := newFilmOnDisk(b, b.TempDir())
			f.shootDays(days)
			middle := epoch.Add(time.Duration(days) * 12 * time.Hour)
			for name, o := range map[string]playback.Order{
				"server":       {Mode: hls.OnDemand, Limit: 5000, From: middle, To: middle.Add(2 * time.Hour)},
				"producer":     {Mode: hls.OnDemand, Clock: store.ProducerClock, Limit: 5000, From: middle, To: middle.Add(2 * time.Hour)},
				"producer-12h": {Mode: hls.OnDemand, Clock: store.ProducerClock, Limit: 5000, From: middle, To: middle.Add(12 * time.Hour)},
			} {
				b.Run(name, func(b *testing.B) { f.playlists(b, o) })
			}
		})
	}
}

// playlists makes a first playlist again and again, for a server that has just
// started each time.
func (f *film) playlists(b *testing.B, o playback.Order) {
	var took []time.Duration
	for b.Loop() {
		players := playback.NewHLS(playback.HLSConfig{Archive: f.store})
		began := time.Now()
		order, err := players.Begin(b.Context(), f.scope(), o, time.Now())
		if err != nil {
			b.Fatal(err)
		}
		list, err := players.Playlist(b.Context(), playback.Visit{Order: order, Scope: f.scope(), Now: time.Now(), Text: "token"}, 0)
		if err != nil {
			b.Fatal(err)
		}
		took = append(took, time.Since(began))
		if n := list.Size(); n < 5000*100 {
			b.Fatalf("the playlist has %d bytes", n)
		}
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "median-ms")
}

// shootDays keeps a fragment of 25 small pictures for each second.
func (f *film) shootDays(days int) {
	header := avHeader(f.t)
	cluster := make([]byte, 25*12+16)
	var samples []millrace.Sample
	for i := range 25 {
		s := millrace.Sample{Track: 1, Offset: uint32(16 + i*12), Size: 12, Time: int32(i * 40), Flags: millrace.SampleCleanNAL}
		if i == 0 {
			s.Flags |= millrace.SampleKey
		}
		samples = append(samples, s)
	}
	done := make(chan error, 512)
	waiting := 0
	for i := range days * 86_400 {
		at := epoch.Add(time.Duration(i) * time.Second)
		f.next++
		x := &millrace.Fragment{
			Stream: f.key, Sequence: f.next, Number: millrace.NewFragmentNumber(f.next, at, uint32(i)), ProducerTime: at,
			Header: header, TimecodeScale: 1_000_000, Duration: time.Second, Cluster: [][]byte{cluster}, Samples: samples,
		}
		if waiting == cap(done) {
			f.settle(done)
			waiting--
		}
		f.submit(x, done)
		waiting++
	}
	for range waiting {
		f.settle(done)
	}
}

// submit gives a fragment to the store, again while its index has to catch up.
func (f *film) submit(x *millrace.Fragment, done chan<- error) {
	err := f.store.Submit(f.t.Context(), x, func(err error) { done <- err })
	for errors.Is(err, store.ErrUnavailable) {
		time.Sleep(10 * time.Millisecond)
		err = f.store.Submit(f.t.Context(), x, func(err error) { done <- err })
	}
	if err != nil {
		f.t.Fatal(err)
	}
}

func (f *film) settle(done <-chan error) {
	if err := <-done; err != nil {
		f.t.Fatal(err)
	}
}
