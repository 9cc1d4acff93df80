package limit_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/millrace/millrace/internal/limit"
)

// carry lets n things of a size pass and returns how long that took.
func carry(t *testing.T, f *limit.Flow, n, size int) time.Duration {
	t.Helper()
	began := time.Now()
	for range n {
		if err := f.Wait(t.Context()); err != nil {
			t.Fatal(err)
		}
		f.Pass(size)
	}
	return time.Since(began)
}

func TestAFlowMakesWaitWhatIsTooMuch(t *testing.T) {
	for name, tc := range map[string]struct {
		rate    int64
		n, size int
		want    time.Duration
	}{
		"one second's worth at once":   {5, 5, 1, 0},
		"twelve fragments, five first": {5, 12, 1, 7 * time.Second / 5},
		"bytes":                        {12_500_000, 2000, 12_500, time.Second},
		"what is larger than a second": {1000, 3, 5000, 9*time.Second + time.Millisecond},
		"no bound":                     {0, 100_000, 1 << 20, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				got := carry(t, limit.NewFlow(tc.rate), tc.n, tc.size)
				if off := got - tc.want; off < -time.Millisecond || off > time.Millisecond {
					t.Errorf("took %v, want %v", got, tc.want)
				}
			})
		})
	}
}

func TestAFlowThatRestsGathersNoMoreThanASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := limit.NewFlow(5)
		carry(t, f, 12, 1)
		time.Sleep(time.Hour)
		if got := carry(t, f, 6, 1); got < 199*time.Millisecond || got > 201*time.Millisecond {
			t.Errorf("six after an hour took %v", got)
		}
	})
}

func TestAWaitEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := limit.NewFlow(1)
		carry(t, f, 1, 3600)
		cause := errors.New("over")
		ctx, cancel := context.WithTimeoutCause(t.Context(), time.Second, cause)
		defer cancel()
		began := time.Now()
		if err := f.Wait(ctx); !errors.Is(err, cause) || time.Since(began) != time.Second {
			t.Errorf("%v after %v", err, time.Since(began))
		}
	})
}
