package producer_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/millrace/millrace/producer"
	"github.com/millrace/millrace/producer/producertest"
)

// A server that takes calls and ends them at once is not called without a pause.
func TestCallsThatEndAtOnceAreSpaced(t *testing.T) {
	t.Setenv("HOME", t.TempDir())
	synctest.Test(t, func(t *testing.T) {
		s, c := served(t, producertest.Config{After: faulty(producertest.AtHeader, 0, producertest.Finish)})
		up, err := c.Open(t.Context(), "gate", producer.StreamConfig{Tracks: tracks()})
		if err != nil {
			t.Fatal(err)
		}
		write(t, up, 0, "Ab")
		time.Sleep(5 * time.Minute)
		up.Abort()
		if n := len(s.Calls()); n < 8 || n > 60 {
			t.Errorf("%d calls in five minutes", n)
		}
	})
}
