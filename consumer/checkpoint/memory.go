package checkpoint

import (
	"context"
	"fmt"
	"iter"
	"sync"
	"time"
)

// Memory is a store that ends with its process. The zero value is empty and
// ready. It grows with the keys that it is given.
type Memory struct {
	mu   sync.Mutex
	rows table // guarded by mu; nil while empty
}

var _ Store = (*Memory)(nil)

// do calls f with the table, alone.
func (m *Memory) do(ctx context.Context, f func(t table, now time.Time) error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.rows == nil {
		m.rows = table{}
	}
	return f(m.rows, time.Now())
}

// Load returns what is kept under a key, or ErrNotFound.
func (m *Memory) Load(ctx context.Context, k Key) (r Record, err error) {
	if err := k.check(); err != nil {
		return Record{}, err
	}
	err = m.do(ctx, func(t table, now time.Time) error {
		r, err = t.load(k, now)
		return err
	})
	return r, wrap("load", k, err)
}

// Save keeps a position, as Store says.
func (m *Memory) Save(ctx context.Context, k Key, r Record) error {
	if err := checkRecord(k, r); err != nil {
		return err
	}
	return wrap("save", k, m.do(ctx, func(t table, now time.Time) error { return t.save(k, r, now) }))
}

// Acquire takes or renews a lease, as Store says.
func (m *Memory) Acquire(ctx context.Context, k Key, owner string, ttl time.Duration) (r Record, err error) {
	if ttl, err = checkLease(k, owner, ttl); err != nil {
		return Record{}, err
	}
	err = m.do(ctx, func(t table, now time.Time) error {
		r, err = t.acquire(k, owner, ttl, now)
		return err
	})
	return r, wrap("acquire", k, err)
}

// Release gives a lease back, if owner has it.
func (m *Memory) Release(ctx context.Context, k Key, owner string) error {
	if err := checkOwner(k, owner); err != nil {
		return err
	}
	return wrap("release", k, m.do(ctx, func(t table, _ time.Time) error {
		t.release(k, owner)
		return nil
	}))
}

// Delete forgets a key that nobody has a lease of.
func (m *Memory) Delete(ctx context.Context, k Key) error {
	if err := k.check(); err != nil {
		return err
	}
	return wrap("delete", k, m.do(ctx, func(t table, now time.Time) error { return t.remove(k, now) }))
}

// List walks the records of an application as they are when the loop begins.
func (m *Memory) List(ctx context.Context, app string) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		var all []Entry
		err := m.do(ctx, func(t table, now time.Time) error {
			all = t.list(app, now)
			return nil
		})
		walk(all, wrap("list", Key{App: app}, err), yield)
	}
}

// walk yields what there is, and then the error, if there is one.
func walk(all []Entry, err error, yield func(Entry, error) bool) bool {
	for _, e := range all {
		if !yield(e, nil) {
			return false
		}
	}
	if err != nil {
		yield(Entry{}, err)
	}
	return err == nil
}

// wrap says what was done with which key.
func wrap(verb string, k Key, err error) error {
	switch {
	case err == nil:
		return nil
	case k.Stream == "":
		return fmt.Errorf("%s checkpoints of %s: %w", verb, k.App, err)
	}
	return fmt.Errorf("%s checkpoint of %s in %s: %w", verb, k.Stream, k.App, err)
}
