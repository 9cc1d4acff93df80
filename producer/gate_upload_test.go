package producer_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/millrace/millrace/producer"
	"github.com/millrace/millrace/producer/producertest"
)

// What was recorded of an event is durable when its last fragment has ended, and
// not when the call ends because nothing more comes.
func TestTheEndOfAnEventIsDurableAtOnce(t *testing.T) {
	t.Setenv("HOME", t.TempDir())
	synctest.Test(t, func(t *testing.T) {
		s, c := served(t, producertest.Millrace())
		up, err := c.Open(t.Context(), "gate", producer.StreamConfig{
			Tracks: tracks(), Mode: producer.Delayed, Delay: 4 * time.Second, Fragment: producer.FragmentRules{Idle: time.Hour},
		})
		if err != nil {
			t.Fatal(err)
		}
		up.Gate(true)
		write(t, up, 0, "AbCd")
		up.Gate(false)
		write(t, up, 4, "EfGhIj") // E ends what was recorded
		time.Sleep(time.Second)
		if n := len(s.Persisted("gate")); n != 2 {
			t.Errorf("%d fragments are durable", n)
		}
		up.Abort()
	})
}
