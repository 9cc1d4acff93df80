package playback_test

import (
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace/internal/hls"
	"github.com/millrace/millrace/internal/playback"
	"github.com/millrace/millrace/internal/store"
)

// Of fragments that start together by the producer's clock and come between two
// looks at a live playlist, the one with the greatest number is listed; by the
// server's clock all are.
func TestALivePlaylistListsOneOfTwins(t *testing.T) {
	for clock, want := range map[store.Clock]string{store.ProducerClock: "100111", store.ServerClock: "111111"} {
		f := newFilm(t)
		header := avHeader(t)
		f.seconds(header, 0, 1)
		s := &show{t: t, film: f, HLS: playback.NewHLS(playback.HLSConfig{Archive: f.store})}
		s.visit = playback.Visit{Text: "TOKEN", Scope: f.scope(), Now: f.made[0].ServerTime().Add(second)}
		var err error
		if s.visit.Order, err = s.Begin(t.Context(), s.visit.Scope, playback.Order{Mode: hls.Live, Limit: 9, Clock: clock}, s.visit.Now); err != nil {
			t.Fatal(err)
		}
		s.playlist(0)
		for range 3 {
			f.seconds(header, second, 1)
		}
		f.seconds(header, 2*time.Second, 2)
		list, got := s.playlist(0), ""
		for _, x := range f.made {
			if strings.Contains(list, x.Number.String()) {
				got += "1"
			} else {
				got += "0"
			}
		}
		if got != want {
			t.Errorf("by clock %v: %s of the fragments are listed, want %s:\n%s", clock, got, want, list)
		}
	}
}
