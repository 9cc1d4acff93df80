package ingest

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/store"
)

// The bounds of the search for what is sent again.
const (
	claimPatience = 10 * time.Second // for another session that sends the same fragment
	twinPage      = 8                // entries that are asked for at once
	maxTwins      = 256              // fragments of the same producer time that are looked at
)

// An identity names one fragment of one producer for ever.
type identity struct {
	stream   millrace.StreamKey
	producer millrace.ProducerID
	millrace.Identity
}

// repeats sees to it that a fragment with an identity is kept once, whoever
// sends it how often, over restarts too. A session claims the identity when its
// fragment begins, and lets go of it when it is known what became of the
// fragment. So there is at most one in the making, and what was made before
// is found in the store, which is all that has to survive a crash: a fragment
// that the crash cut off is not there and is kept when it comes again, one that
// was durable is found, whether its PERSISTED was sent or not.
//
// In the store it is found by its producer time, which a repeat has in common
// with the fragment that it repeats. No search is needed for one that begins
// later than all before it, as nearly every fragment does that is live.
//
// There are as many claims as open fragments and commits under way, both of
// which are bounded elsewhere. Any number of goroutines may use repeats.
type repeats struct {
	store Store
	since func(retention time.Duration) time.Time

	mu       sync.Mutex // guards what follows
	claims   map[identity]*claim
	edges    map[millrace.StreamKey]*edge
	fleeting fleeting
}

// A claim is the right of one session to make the fragment of an identity.
type claim struct {
	identity   identity
	holder     *session
	over       chan struct{} // closed when it is known what became of the fragment
	committing bool          // it is the store's to decide; guarded by repeats.mu
}

func newRepeats(s Store, since func(time.Duration) time.Time) *repeats {
	return &repeats{store: s, since: since, claims: map[identity]*claim{}, edges: map[millrace.StreamKey]*edge{}}
}

// errSuperseded ends a session whose open fragment comes in a newer one. Its
// client is gone, most likely, and else it sends again.
func errSuperseded() error {
	return millrace.Errorf(millrace.CodeMediaInternal, "a newer session sends the same fragment")
}

// errContested ends a session that waited for another for too long.
func errContested() error {
	return millrace.Errorf(millrace.CodeMediaInternal, "another session is sending the same fragment")
}

// claim returns the right to make the fragment of id, which begins at a time of
// its producer, or the number under which it is kept already. While another
// session has the right it waits, at most for claimPatience: for the store's
// answer, or for the other session's end, which it brings about if that is the
// older one. An error means that s has to end, and that its client should send
// the fragment again.
func (r *repeats) claim(ctx context.Context, s *session, id identity, at time.Time, retention time.Duration) (*claim, millrace.FragmentNumber, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, claimPatience, errContested())
	defer cancel()
	for {
		c, other, open := r.enter(s, id)
		if c != nil {
			number, err := r.find(ctx, id, at, retention)
			if err != nil || !number.IsZero() {
				r.leave(c)
				return nil, number, err
			}
			return c, number, nil
		}
		if open && other.holder.order < s.order {
			other.holder.end(errSuperseded())
		}
		select {
		case <-other.over:
		case <-ctx.Done():
			return nil, millrace.FragmentNumber{}, context.Cause(ctx)
		}
	}
}

// enter makes a claim, or returns the one that is in its way and whether its
// fragment is still open.
func (r *repeats) enter(s *session, id identity) (mine, other *claim, open bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if c := r.claims[id]; c != nil {
		return nil, c, !c.committing
	}
	c := &claim{identity: id, holder: s, over: make(chan struct{})}
	r.claims[id] = c
	r.holdEdge(id.stream)
	return c, nil, false
}

// commit says that the store is asked to keep the claim's fragment. A nil claim
// is that of a fragment without an identity, here and in what follows.
func (r *repeats) commit(c *claim) {
	if c == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	c.committing = true
}

// leave gives a claim back. What was kept is found in the store by now.
func (r *repeats) leave(c *claim) {
	if c == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.leaveLocked(c)
}

func (r *repeats) leaveLocked(c *claim) {
	delete(r.claims, c.identity)
	r.releaseEdge(c.identity.stream)
	close(c.over)
}

// remember gives back the claim of a fragment that lives in memory alone.
func (r *repeats) remember(c *claim, n millrace.FragmentNumber) {
	if c == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.fleeting.add(c.identity, n)
	r.leaveLocked(c)
}

// find returns the number under which a fragment is kept, none if it is not.
// The caller has the claim.
func (r *repeats) find(ctx context.Context, id identity, at time.Time, retention time.Duration) (millrace.FragmentNumber, error) {
	var none millrace.FragmentNumber
	if retention == 0 {
		return r.recent(id), nil
	}
	if r.isLatest(id.stream, at) {
		return none, nil
	}
	scope := store.Scope{Stream: id.stream, Since: r.since(retention)}
	l := store.Listing{Clock: store.ProducerClock, From: at, Limit: twinPage}
	for range maxTwins / twinPage {
		list, err := r.store.List(ctx, scope, l)
		if err != nil {
			return none, notKnown(err)
		}
		for _, e := range list {
			if !e.ProducerTime.Equal(at) {
				return none, nil
			}
			if is, err := r.is(ctx, scope, e, id); is || err != nil {
				return e.Number, err
			}
			l.After = store.KeyOf(l.Clock, e.Number, e.ProducerTime)
		}
		if len(list) < twinPage {
			r.nothingLater(id.stream)
			return none, nil
		}
	}
	return none, nil
}

// is reports whether an entry is the fragment of id. One that is damaged is
// nobody's: it had better come again. Only the one that is asked for is looked at
// more closely than at its name: a producer may have made many of that time, each
// with a table of megabytes.
func (r *repeats) is(ctx context.Context, scope store.Scope, e store.Entry, id identity) (bool, error) {
	producer, made, err := r.store.Identify(ctx, scope, e)
	if err == nil && (producer != id.producer || made != id.Identity) {
		return false, nil
	}
	if err == nil {
		_, err = r.store.Outline(ctx, scope, e)
	}
	if errors.Is(err, millrace.ErrNotFound) || errors.Is(err, millrace.ErrCorrupt) {
		return false, nil
	}
	if err != nil {
		return false, notKnown(err)
	}
	return true, nil
}

// notKnown ends a session because the store cannot say what it keeps.
func notKnown(err error) error {
	return &millrace.Error{Code: millrace.CodeArchival, Message: "it cannot be found out whether the fragment is kept already", Err: err}
}

func (r *repeats) recent(id identity) millrace.FragmentNumber {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.fleeting.numbers[id]
}
