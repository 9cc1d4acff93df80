package consumer

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/consumer/checkpoint"
)

// A view is what a worker sees of the world when it looks.
type view struct {
	streams []millrace.StreamName          // in order
	holders map[millrace.StreamName]string // of those that somebody has
	part    int                            // how many streams should be this worker's
}

func (v view) lists(stream millrace.StreamName) bool {
	_, found := slices.BinarySearch(v.streams, stream)
	return found
}

// look signs in, and reads what there is. It takes less than what is left of the
// worker's lease after a Poll.
func (r *runner) look(ctx context.Context) (view, error) {
	ctx, cancel := context.WithTimeout(ctx, r.o.TTL/2)
	defer cancel()
	if err := r.signIn(ctx); err != nil {
		return view{}, fmt.Errorf("sign in: %w", err)
	}
	workers, err := r.workers(ctx)
	if err != nil {
		return view{}, fmt.Errorf("list workers: %w", err)
	}
	streams, err := r.list(ctx)
	if err != nil {
		return view{}, err
	}
	v := view{streams: streams, holders: map[millrace.StreamName]string{}}
	for e, err := range r.o.Store.List(ctx, r.o.App) {
		if err != nil {
			return view{}, fmt.Errorf("list leases: %w", err)
		}
		if stream := millrace.StreamName(e.Key.Stream); e.Record.Owner != "" && v.lists(stream) {
			v.holders[stream] = e.Record.Owner
		}
	}
	v.part = partOf(r.o.Owner, workers, v)
	return v, nil
}

// partOf is how many streams should be owner's.
func partOf(owner string, workers map[string]int, v view) int {
	held := map[string]int{}
	for _, holder := range v.holders {
		held[holder]++
	}
	var all []worker
	for name, room := range workers {
		all = append(all, worker{name, room, held[name]})
	}
	return share(len(v.streams), all)[owner]
}

func (r *runner) workerKey(owner string) checkpoint.Key {
	return checkpoint.Key{App: r.o.App + workersSuffix, Stream: owner}
}

// signIn renews the lease that says that this worker lives. The position under it
// is how many streams it takes at most.
func (r *runner) signIn(ctx context.Context) error {
	key := r.workerKey(r.o.Owner)
	record, err := r.o.Store.Acquire(ctx, key, r.o.Owner, r.o.TTL)
	if err != nil {
		return err
	}
	most := strconv.Itoa(max(r.o.MaxStreams, 0))
	if string(record.Position) == most {
		return nil
	}
	record.Position = []byte(most)
	return r.o.Store.Save(ctx, key, record)
}

// signOut forgets this worker.
func (r *runner) signOut() error {
	ctx, cancel := context.WithTimeout(context.Background(), storeTimeout)
	defer cancel()
	key := r.workerKey(r.o.Owner)
	err := r.o.Store.Release(ctx, key, r.o.Owner)
	return errors.Join(err, r.o.Store.Delete(ctx, key))
}

// workers returns the room of each worker that lives, and forgets the others.
func (r *runner) workers(ctx context.Context) (map[string]int, error) {
	all := map[string]int{}
	for e, err := range r.o.Store.List(ctx, r.o.App+workersSuffix) {
		if err != nil {
			return nil, err
		}
		if e.Record.Owner == "" {
			if err := r.o.Store.Delete(ctx, e.Key); err != nil && !errors.Is(err, checkpoint.ErrHeld) {
				return nil, err
			}
			continue
		}
		most, err := strconv.Atoi(string(e.Record.Position))
		if err != nil {
			continue // it has not said yet what it takes
		}
		all[e.Record.Owner] = roomFor(most)
	}
	return all, nil
}
