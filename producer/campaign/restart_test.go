package campaign_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/millrace/millrace/producer"
	"github.com/millrace/millrace/producer/producertest"
)

const restartSeeds = 15

// With a spool the same holds over restarts of the producer, with little memory
// and in either order of sending.
func TestWhatIsKeptOverRestartsIsWhatWasWritten(t *testing.T) {
	t.Setenv("HOME", t.TempDir())
	for _, seed := range seeds(t, restartSeeds) {
		t.Run(fmt.Sprintf("MILLRACE_SEED=%d", seed), func(t *testing.T) {
			spool := t.TempDir()
			synctest.Test(t, func(t *testing.T) { playRestarts(t, seed, spool) })
		})
	}
}

func playRestarts(t *testing.T, seed uint64, spool string) {
	s, p := stage(t, seed)
	rnd := rand.New(rand.NewPCG(seed, 2))
	c := &camera{
		endpoint: s.Endpoint(), dial: p.Dial, frames: scheduleFrames, spool: spool,
		footage: producertest.Footage{Seed: seed, Began: filmed(), Every: time.Second},
		buffer:  producer.BufferRules{MaxBytes: 1 << (10 + rnd.IntN(8)), Order: producer.Order(rnd.IntN(2))},
	}
	for range rnd.IntN(6) {
		c.restarts = append(c.restarts, 1+rnd.IntN(scheduleFrames-1))
	}
	found := c.shoot(t)
	found.Once = seed%2 == 0
	if err := c.footage.Compare(inOrder(s.Persisted("gate")), found); err != nil {
		t.Errorf("restarted at %v: %v", c.restarts, err)
	}
}
