package consumer

import (
	"context"
	"errors"
	"time"

	"github.com/millrace/millrace/consumer/checkpoint"
)

// defaultTTL is that of a Lease which has none.
const defaultTTL = 30 * time.Second

// renewalAttempts is how often within a TTL renewing is tried while it fails.
const renewalAttempts = 12

// leased reports whether the keeper has to have a lease.
func (k *keeper) leased() bool { return k.lease.Owner != "" }

// take returns what the store has, with the lease if there is to be one.
func (k *keeper) take(ctx context.Context) (checkpoint.Record, error) {
	if err := k.enter(ctx); err != nil {
		return checkpoint.Record{}, err
	}
	defer k.leave()
	if !k.leased() {
		r, err := k.store.Load(ctx, k.key)
		if errors.Is(err, checkpoint.ErrNotFound) {
			return checkpoint.Record{}, nil
		}
		return r, k.wrap("load position", err)
	}
	asked := time.Now()
	r, err := k.store.Acquire(ctx, k.key, k.lease.Owner, k.lease.TTL)
	if err != nil {
		return checkpoint.Record{}, k.wrap("take lease", err)
	}
	k.mu.Lock()
	first := k.stop == nil
	taken := !first && r.Epoch != k.epoch
	k.epoch = r.Epoch
	k.mu.Unlock()
	if taken {
		err := k.wrap("take lease", checkpoint.ErrFenced)
		k.fail(err)
		return checkpoint.Record{}, err
	}
	k.prolong(asked)
	return r, nil
}

// renew renews the lease, and returns when to do so again.
func (k *keeper) renew(ctx context.Context) time.Duration {
	ctx, cancel := context.WithTimeout(ctx, k.timeout())
	defer cancel()
	err := k.renewOnce(ctx)
	switch {
	case errors.Is(err, ErrLeaseLost):
		k.fail(err)
	case err != nil:
		k.reached(ctx, err)
		return max(k.lease.TTL/renewalAttempts, time.Millisecond)
	}
	return k.lease.TTL / 3
}

// renewOnce asks the store for more time. An epoch that has changed means that
// somebody else had the lease in between, and has moved the position on.
func (k *keeper) renewOnce(ctx context.Context) error {
	if err := k.enter(ctx); err != nil {
		return err
	}
	defer k.leave()
	asked := time.Now()
	r, err := k.store.Acquire(ctx, k.key, k.lease.Owner, k.lease.TTL)
	k.mu.Lock()
	epoch := k.epoch
	k.mu.Unlock()
	if err == nil && r.Epoch != epoch || errors.Is(err, checkpoint.ErrHeld) {
		err = checkpoint.ErrFenced
	}
	if err == nil {
		k.prolong(asked)
	}
	return k.wrap("renew lease", err)
}

// prolong takes it that the lease is ours for its TTL from when it was asked
// for, which is not later than when the store gave it.
func (k *keeper) prolong(asked time.Time) {
	left := time.Until(asked.Add(k.lease.TTL))
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.expires == nil {
		k.expires = time.AfterFunc(left, func() { k.fail(k.wrap("keep lease", checkpoint.ErrFenced)) })
		return
	}
	k.expires.Reset(left)
}

// giveBack gives the lease back, if there is one.
func (k *keeper) giveBack(ctx context.Context) error {
	if !k.leased() {
		return nil
	}
	k.mu.Lock()
	if k.expires != nil {
		k.expires.Stop()
		k.expires = nil
	}
	k.mu.Unlock()
	if err := k.enter(ctx); err != nil {
		return err
	}
	defer k.leave()
	return k.wrap("give back lease", k.store.Release(ctx, k.key, k.lease.Owner))
}
