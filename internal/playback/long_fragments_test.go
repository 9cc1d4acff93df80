package playback_test

import (
	"slices"
	"testing"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/hls"
	"github.com/millrace/millrace/internal/playback"
	"github.com/millrace/millrace/internal/store"
)

// A fragment of twenty seconds is there twenty seconds after its start, and the next
// one forty: a stream of such is live all the time.
func TestAStreamOfLongFragmentsIsLive(t *testing.T) {
	for name, tc := range map[string]struct {
		lasts, now float64
		want       []int
	}{
		"before the next one is there":       {20, 60, []int{1, 2}},
		"while the next one is late":         {20, 64, []int{1, 2}},
		"until no next one came":             {20, 66, []int{}},
		"short ones are live for 30 seconds": {2, 50.001, []int{}},
	} {
		t.Run(name, func(t *testing.T) {
			var s shelf
			for i := range 2 {
				at := time.Duration(i) * 20 * second
				s.add(uint64(i+1), at, at, time.Duration(tc.lasts*float64(second)))
			}
			got, err := playback.Newest(t.Context(), &s, store.Scope{}, store.ServerClock, epoch.Add(time.Duration(tc.now*float64(second))), 5)
			if err != nil || !slices.Equal(numbersOf(got), tc.want) {
				t.Errorf("got %v, %v, want %v", numbersOf(got), err, tc.want)
			}
		})
	}
}

// Where live playlists end with their stream, those of long fragments do not end
// between two of them.
func TestAPlaylistOfLongFragmentsDoesNotEndBetweenThem(t *testing.T) {
	f := newFilm(t)
	f.seconds(avHeader(t), 0, 1)
	long := newFilm(t)
	x := *f.made[0]
	x.Number, x.Duration = millrace.FragmentNumber{}, 20*second
	came := long.keep(&x).ServerTime()

	s := &show{t: t, film: long, HLS: playback.NewHLS(playback.HLSConfig{Archive: long.store, Idle: 30 * second})}
	s.visit = playback.Visit{Text: "TOKEN", Scope: long.scope(), Now: came.Add(20 * second)}
	var err error
	if s.visit.Order, err = s.Begin(t.Context(), s.visit.Scope, playback.Order{Mode: hls.Live, Limit: 5}, s.visit.Now); err != nil {
		t.Fatal(err)
	}
	s.visit.Now = came.Add(44 * second) // the next one is awaited
	s.playlist(0)
	s.visit.Now = came.Add(46 * second)
	if _, err := s.Playlist(t.Context(), s.visit, 0); millrace.CodeOf(err) != millrace.CodeNotFound {
		t.Errorf("when none came: %v", err)
	}
}
