package producer_test

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/millrace/millrace/producer"
)

// A server that takes calls and ends them at once is not called without a pause.
func TestCallsThatEndAtOnceAreSpaced(t *testing.T) {
	t.Setenv("HOME", t.TempDir())
	s := newServer(t, slices.Repeat([]func(*call){func(*call) {}}, 1000)...)
	synctest.Test(t, func(t *testing.T) {
		c, stop := s.start()
		defer stop()
		up, err := c.Open(t.Context(), "gate", producer.StreamConfig{Tracks: tracks()})
		if err != nil {
			t.Fatal(err)
		}
		write(t, up, 0, "Ab")
		time.Sleep(5 * time.Minute)
		up.Abort()
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.count < 8 || s.count > 60 {
			t.Errorf("%d calls in five minutes", s.count)
		}
	})
}
