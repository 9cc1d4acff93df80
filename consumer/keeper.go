package consumer

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/consumer/checkpoint"
)

const (
	// saveInterval is for how long a position may wait for those that come after
	// it, so that a store sees one write of a stream a second.
	saveInterval = time.Second
	// storeTimeout bounds a call of the store. With a lease it is less: the
	// time between two renewals.
	storeTimeout = 10 * time.Second
	// keeperCloseTimeout bounds what close has to save and to give back.
	keeperCloseTimeout = 10 * time.Second
)

// A keeper keeps a reader's position in a store, under a lease or without one.
// It implements positionKeeper.
//
// One goroutine, which begin starts and close ends, saves what was noted and
// renews the lease. A store that fails is asked again, and reading goes on
// meanwhile: without a lease for as long as it takes, with one until it has not
// been renewed for its TTL, counted from before the last call that renewed it. By
// then another owner may have it, and the loop ends with ErrLeaseLost. What such a
// reader has noted and not saved is saved by nobody: the store refuses it (K3 of
// package checkpoint).
type keeper struct {
	store   checkpoint.Store
	key     checkpoint.Key
	lease   Lease       // without an owner there is none
	unsaved func(error) // tells the application; nil if nobody wants to know

	turn chan struct{} // its one place is the right to call the store

	mu      sync.Mutex // guards what follows
	noted   Position
	dirty   bool  // noted is not saved yet
	trouble error // of the store, of which the application was not told
	away    bool  // the store failed when it was asked last
	epoch   uint64
	failed  error // why nothing may be saved any more
	halted  error // why no loop may go on; set with failed, too

	end     context.CancelCauseFunc // of the loop; nil before the first
	stop    context.CancelFunc      // of the goroutine; nil while there is none
	done    chan struct{}           // closed when it has ended
	expires *time.Timer             // calls fail when the lease may be another's; nil without one
}

// newKeeper makes a keeper, which calls nobody before begin.
func newKeeper(store checkpoint.Store, key checkpoint.Key, lease Lease, unsaved func(error)) *keeper {
	lease.TTL = orDefault(lease.TTL, defaultTTL)
	return &keeper{store: store, key: key, lease: lease, unsaved: unsaved, turn: make(chan struct{}, 1)}
}

// begin implements positionKeeper.
func (k *keeper) begin(ctx context.Context, end context.CancelCauseFunc) (Position, error) {
	if err := k.attach(end); err != nil {
		return Position{}, err
	}
	r, err := k.take(ctx)
	if err != nil {
		return Position{}, err
	}
	var p Position
	if err := p.UnmarshalText(r.Position); err != nil {
		return Position{}, errors.Join(k.wrap("load position", err), k.giveBack(ctx))
	}
	p.Stream, p.Epoch = millrace.StreamName(k.key.Stream), r.Epoch
	k.start(ctx)
	return p, nil
}

// attach makes end what ends the loop, unless it has to end at once.
func (k *keeper) attach(end context.CancelCauseFunc) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.end = end
	return k.halted
}

// start starts the goroutine, unless an earlier loop has.
func (k *keeper) start(ctx context.Context) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.stop != nil {
		return
	}
	ctx, k.stop = context.WithCancel(context.WithoutCancel(ctx))
	k.done = make(chan struct{})
	go k.run(ctx, k.done)
}

// run saves and renews until ctx ends.
func (k *keeper) run(ctx context.Context, done chan<- struct{}) {
	defer close(done)
	save := time.NewTicker(saveInterval)
	defer save.Stop()
	renew := time.NewTimer(k.lease.TTL / 3)
	defer renew.Stop()
	if !k.leased() {
		renew.Stop()
	}
	for {
		select {
		case <-ctx.Done():
			return
		case <-save.C:
			_ = k.saveWithin(ctx) // trouble is told, and what is for good ends the loop
		case <-renew.C:
			renew.Reset(k.renew(ctx))
		}
	}
}

// note implements positionKeeper. It is called by the loop's goroutine, and tells
// it what happened to the store.
func (k *keeper) note(p Position) {
	k.mu.Lock()
	k.noted, k.dirty = p, true
	trouble := k.trouble
	k.trouble = nil
	k.mu.Unlock()
	if trouble != nil && k.unsaved != nil {
		k.unsaved(trouble)
	}
}

// flush implements positionKeeper.
func (k *keeper) flush(ctx context.Context, p Position) error {
	if !p.IsZero() {
		k.note(p)
	}
	if err := k.save(ctx); err != nil {
		return err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.failed
}

// saveWithin saves what was noted, and waits for the store for so long only.
func (k *keeper) saveWithin(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, k.timeout())
	defer cancel()
	return k.save(ctx)
}

// timeout is how long a call of the store may take.
func (k *keeper) timeout() time.Duration {
	if !k.leased() {
		return storeTimeout
	}
	return min(storeTimeout, k.lease.TTL/3)
}

// save saves what was noted last, if it is not saved yet.
func (k *keeper) save(ctx context.Context) error {
	if err := k.enter(ctx); err != nil {
		return err
	}
	defer k.leave()
	k.mu.Lock()
	p, dirty, failed, epoch := k.noted, k.dirty, k.failed, k.epoch
	k.dirty = false
	k.mu.Unlock()
	switch {
	case !dirty:
		return nil
	case failed != nil:
		return failed
	}
	text, err := p.MarshalText()
	if err == nil {
		err = k.store.Save(ctx, k.key, checkpoint.Record{Position: text, Owner: k.lease.Owner, Epoch: epoch})
	}
	err = k.wrap("save position", err)
	k.saved(ctx, err)
	return err
}

// saved notes what came of an attempt to save.
func (k *keeper) saved(ctx context.Context, err error) {
	if errors.Is(err, ErrLeaseLost) {
		k.fail(err)
		return
	}
	k.mu.Lock()
	k.dirty = k.dirty || err != nil
	k.mu.Unlock()
	k.reached(ctx, err)
}

// reached notes whether the store could be reached. That its own context has
// ended says nothing about it.
func (k *keeper) reached(ctx context.Context, err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	switch {
	case err == nil:
		k.away = false
	case !k.away && !errors.Is(ctx.Err(), context.Canceled):
		k.away, k.trouble = true, err
	}
}

// halt ends the reader's loop, which has a keeper, with err before its next step.
func (r *Reader) halt(err error) {
	if k, ok := r.keep.keeper.(*keeper); ok {
		k.halt(err)
	}
}

// halt ends the loop with err before its next step; what the body has in hand
// can be noted and saved. A loop that has not begun ends at once. Any goroutine may
// call it.
func (k *keeper) halt(err error) {
	k.mu.Lock()
	if k.halted == nil {
		k.halted = err
	}
	end, err := k.end, k.halted
	k.mu.Unlock()
	if end != nil {
		end(err)
	}
}

// fail ends the loop, all saving and all renewing, for good: who has lost a lease
// must not get it again by accident.
func (k *keeper) fail(err error) {
	k.mu.Lock()
	if k.failed == nil {
		k.failed = err
	}
	if k.stop != nil {
		k.stop()
	}
	err = k.failed
	k.mu.Unlock()
	k.halt(err)
}

// close implements positionKeeper.
func (k *keeper) close() error {
	k.mu.Lock()
	stop, done := k.stop, k.done
	k.stop = nil
	k.mu.Unlock()
	if stop == nil {
		return nil
	}
	stop()
	<-done
	ctx, cancel := context.WithTimeout(context.Background(), keeperCloseTimeout)
	defer cancel()
	return errors.Join(k.save(ctx), k.giveBack(ctx))
}

// enter waits for the turn to call the store.
func (k *keeper) enter(ctx context.Context) error {
	select {
	case k.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (k *keeper) leave() { <-k.turn }

// wrap says what was done, and in the words of this package what the store says
// of the lease.
func (k *keeper) wrap(done string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, checkpoint.ErrHeld):
		err = ErrLeaseHeld
	case errors.Is(err, checkpoint.ErrFenced):
		err = ErrLeaseLost
	}
	return fmt.Errorf("%s of %s: %w", done, k.key.Stream, err)
}
