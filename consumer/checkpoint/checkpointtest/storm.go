package checkpointtest

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/millrace/millrace/consumer/checkpoint"
)

const (
	stormWorkers = 12
	stormRounds  = 8
)

// checkStorm: workers want the same lease at the same time, from several clients;
// one gets it, and the epoch goes up by one: when nobody has it, and when
// somebody had it and it has expired.
func checkStorm(t *testing.T, open func() checkpoint.Store) {
	clients := []checkpoint.Store{open(), open(), open()}
	for round := range stormRounds {
		winner := storm(t, clients, fmt.Sprint(round))
		got := load(t, clients[0], gate(1))
		if got.Owner != winner || got.Epoch != uint64(2*round+1) {
			t.Fatalf("round %d: %s has won, and the record is %+v", round, winner, got)
		}
		must(t, clients[0].Release(context.Background(), gate(1), winner))
		expire(t, clients[1], gate(1), "before")
	}
}

// storm returns who got the lease.
func storm(t *testing.T, clients []checkpoint.Store, round string) string {
	t.Helper()
	winners, errs := make(chan string, stormWorkers), make(chan error, stormWorkers)
	var all sync.WaitGroup
	start := make(chan struct{})
	for n := range stormWorkers {
		all.Go(func() {
			owner := fmt.Sprintf("worker-%d-%s", n, round)
			<-start
			switch r, err := clients[n%len(clients)].Acquire(context.Background(), gate(1), owner, long); {
			case err == nil && r.Owner == owner:
				winners <- owner
			case !errors.Is(err, checkpoint.ErrHeld):
				errs <- fmt.Errorf("%s got %+v, %w", owner, r, err)
			}
		})
	}
	close(start)
	all.Wait()
	close(winners)
	close(errs)
	for err := range errs {
		t.Fatal(err)
	}
	if len(winners) != 1 {
		t.Fatalf("%d workers have the lease", len(winners))
	}
	return <-winners
}

// checkExclusion: a lease is a lock. Workers count in a position, which they
// read and write in two calls; none of their steps is lost, and no two of them
// are inside at once.
func checkExclusion(t *testing.T, open func() checkpoint.Store) {
	const workers, steps = 6, 5
	clients := []checkpoint.Store{open(), open()}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	var inside atomic.Int32
	var all sync.WaitGroup
	for n := range workers {
		all.Go(func() {
			s, owner := clients[n%len(clients)], fmt.Sprint("worker-", n)
			for range steps {
				if err := countUnderLease(ctx, s, owner, &inside); err != nil {
					t.Errorf("%s: %v", owner, err)
					return
				}
			}
		})
	}
	all.Wait()
	if got := load(t, clients[0], gate(1)); string(got.Position) != strconv.Itoa(workers*steps) {
		t.Errorf("%d steps were made, and the position is %s", workers*steps, got.Position)
	}
}

func countUnderLease(ctx context.Context, s checkpoint.Store, owner string, inside *atomic.Int32) error {
	for {
		r, err := s.Acquire(ctx, gate(1), owner, long)
		if errors.Is(err, checkpoint.ErrHeld) {
			time.Sleep(time.Millisecond)
			continue
		}
		if err != nil {
			return err
		}
		if inside.Add(1) != 1 {
			return errors.New("somebody else is inside")
		}
		count, _ := strconv.Atoi(string(r.Position)) // 0 at first
		err = save(s, gate(1), r, strconv.Itoa(count+1))
		inside.Add(-1)
		return errors.Join(err, s.Release(ctx, gate(1), owner))
	}
}
