package producer_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/millrace/millrace/producer"
	"github.com/millrace/millrace/producer/producertest"
)

func TestAStreamThatIsOpenedAgainSendsWhatItsSpoolHas(t *testing.T) {
	t.Setenv("HOME", t.TempDir())
	dir := t.TempDir()
	o := producer.StreamConfig{Tracks: tracks(), Buffer: producer.BufferRules{Spool: true}}
	synctest.Test(t, func(t *testing.T) {
		_, c := served(t, producertest.Config{After: silent()})
		c.Spool = dir
		up, err := c.Open(t.Context(), "gate", o)
		if err != nil {
			t.Fatal(err)
		}
		write(t, up, 0, "AbCdEf")
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		if err := up.Close(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("close: %v", err)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		s, c := served(t, producertest.Config{})
		c.Spool = dir
		up, err := c.Open(t.Context(), "gate", o)
		if err != nil {
			t.Fatal(err)
		}
		write(t, up, 6, "GhI")
		if err := up.Close(t.Context()); err != nil {
			t.Error(err)
		}
		if got := up.Stats(); got.Begun != 5 || got.Persisted != 5 || got.Pending != 0 {
			t.Errorf("stats %+v", got)
		}
		want := []string{at(0, "Ab"), at(2, "Cd"), at(4, "Ef"), at(6, "Gh"), at(8, "I")}
		if got := durables(s, "gate"); !slices.Equal(got, want) {
			t.Errorf("durable are\n%q, want\n%q", got, want)
		}
	})
}
