package client

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/millrace/millrace"
)

// Times of a keeper.
const (
	findTimeout = time.Minute       // for one attempt; who waits for it waits as long as its own context lets it
	firstRetry  = time.Second       // bound of the wait after the first failed attempt
	lastRetry   = 30 * time.Second  // and after many
	minRenewal  = time.Second       // between a value and the search for the next
	minDoubt    = time.Minute       // between two searches because a value was refused
	keepWithout = 2 * time.Hour     // how long a value is renewed that nobody asks for
	once        = time.Duration(0)  // the life of a value that is for one use
	renewFrom   = 0.7               // a value is renewed after this part of its life
	renewSpread = 0.2               // and up to this much later, by chance
	atOnce      = time.Duration(-1) // no pause
	lastWait    = time.Second       // for a search that goes on although its context has ended
)

// A keeper keeps one value that somebody else makes and that ends: credentials,
// an endpoint. It looks for the next in the background when 70 to 90 % of the
// life of one are over, by chance, so that many do not come at once, and again
// with growing waits while that fails. Meanwhile the value there is is used, to
// its end. One search is under way at a time, however many ask, and it goes on
// when who asked for it has gone. After a search that failed the next one waits;
// who asks before gets the error of the last. What nobody has asked for in two
// hours is not renewed.
//
// A keeper may be used by any number of goroutines at once. Its first fields do
// not change.
type keeper[V any] struct {
	// find makes a value and says how long it is good, or that it is for one use.
	// again says that there is one already, which may be used if this fails.
	find func(ctx context.Context, again bool) (v V, life time.Duration, err error)
	// report is told of the first failure in a row, and of the success after it.
	report func(err error, ends time.Time)
	// paced says whether the next search has to wait after an error.
	paced func(error) bool
	// gone says that an error means that the value is of no use any more; may be nil.
	gone func(error) bool
	// ended is the error about a value that has ended; nil: it is used on as long
	// as there is no other.
	ended error

	mu      sync.Mutex // guards what follows
	value   V          // the last that was found
	held    bool       // value may be used until ends
	ends    time.Time
	renew   time.Time // from when the next is looked for
	doubted time.Time // when value was refused last; zero: it was not
	doubt   bool      // value has to be renewed before it is used
	asked   time.Time // when somebody asked last
	trouble error     // of the last search; nil: it succeeded
	resume  time.Time // no search before, after one that failed
	backoff Backoff
	search  *search[V] // under way; nil: none
	timer   *time.Timer
	closed  bool
}

// A search is one call of find. What it found may be read when done is closed.
type search[V any] struct {
	done   chan struct{}
	cancel context.CancelFunc
	value  V
	err    error
}

// get returns the value that is good now, and waits for one if need be.
func (k *keeper[V]) get(ctx context.Context) (V, error) {
	k.mu.Lock()
	now := time.Now()
	k.asked = now
	if k.closed {
		defer k.mu.Unlock()
		return k.value, millrace.ErrClosed
	}
	if k.held && !k.doubt && now.Before(k.ends) {
		defer k.mu.Unlock()
		if !now.Before(k.renew) && !now.Before(k.resume) {
			k.begin(ctx) // it was left alone for long, and the timer has stopped
		}
		return k.value, nil
	}
	if now.Before(k.resume) && k.search == nil {
		defer k.mu.Unlock()
		return k.fallback(now)
	}
	s := k.begin(ctx)
	k.mu.Unlock()
	select {
	case <-s.done:
		return s.value, s.err
	case <-ctx.Done():
		var none V
		return none, context.Cause(ctx)
	}
}

// known returns the value if nobody has to look for it.
func (k *keeper[V]) known() (v V, ok bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	now := time.Now()
	if k.held && !k.doubt && now.Before(k.ends) {
		return k.value, true
	}
	return v, false
}

// last returns the value that was found last, whatever has become of it.
func (k *keeper[V]) last() V {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.value
}

// refuse says that the value was refused, so that the next get looks for
// another. It does nothing, and says so, if that happened within pause already.
func (k *keeper[V]) refuse(pause time.Duration) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	now := time.Now()
	if k.search != nil || k.doubt {
		return true // one is on its way
	}
	if !k.doubted.IsZero() && now.Sub(k.doubted) <= pause {
		return false
	}
	k.doubted, k.doubt = now, true
	return true
}

// begin returns the search that is under way, and starts one if there is none.
// The mutex is held. close waits for it.
func (k *keeper[V]) begin(ctx context.Context) *search[V] {
	if k.search != nil {
		return k.search
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), findTimeout)
	s := &search[V]{done: make(chan struct{}), cancel: cancel}
	k.search = s
	go func(again bool) {
		defer close(s.done)
		defer cancel()
		v, life, err := k.find(ctx, again)
		k.settle(s, v, life, err)
	}(k.held)
	return s
}

// settle takes over what a search has found.
func (k *keeper[V]) settle(s *search[V], v V, life time.Duration, err error) {
	k.mu.Lock()
	news := (k.trouble == nil) != (err == nil)
	now := time.Now()
	k.search = nil
	if err == nil {
		k.take(now, v, life)
		s.value = v
	} else {
		k.fail(now, err)
		s.value, s.err = k.fallback(now)
	}
	ends, closed := k.ends, k.closed
	k.mu.Unlock()
	if news && !closed && k.report != nil {
		k.report(err, ends)
	}
}

// take keeps a value. The mutex is held.
func (k *keeper[V]) take(now time.Time, v V, life time.Duration) {
	k.value, k.held, k.ends = v, life > once, now.Add(life)
	k.doubt, k.trouble, k.resume = false, nil, time.Time{}
	k.backoff.Reset()
	if !k.held {
		return
	}
	wait := max(minRenewal, time.Duration(float64(life)*(renewFrom+renewSpread*rand.Float64())))
	k.renew = now.Add(wait)
	k.wake(wait)
}

// fail remembers that a search failed. The mutex is held.
func (k *keeper[V]) fail(now time.Time, err error) {
	k.trouble, k.resume = err, time.Time{}
	if k.gone != nil && k.gone(err) {
		k.held = false
	}
	if !k.paced(err) {
		return
	}
	k.backoff.Min, k.backoff.Max = firstRetry, lastRetry
	wait := max(k.backoff.Next(), RetryAfter(err))
	k.resume = now.Add(wait)
	if k.held {
		k.wake(wait)
	}
}

// fallback is what there is when a search has failed: the value as long as it is
// good, or why there is none. The mutex is held.
func (k *keeper[V]) fallback(now time.Time) (V, error) {
	if k.held && (k.ended == nil || now.Before(k.ends)) {
		return k.value, nil
	}
	err := k.trouble
	if k.held {
		err = fmt.Errorf("%w, %v ago: %w", k.ended, now.Sub(k.ends).Round(time.Second), err)
	}
	var none V
	return none, &laterError{err, k.resume.Sub(now)}
}

// wake looks for the next value after a wait, unless nobody wants it. The mutex
// is held.
func (k *keeper[V]) wake(wait time.Duration) {
	if k.timer != nil {
		k.timer.Stop()
	}
	if k.closed {
		return
	}
	k.timer = time.AfterFunc(wait, func() {
		k.mu.Lock()
		defer k.mu.Unlock()
		if !k.closed && k.held && time.Since(k.asked) <= keepWithout {
			k.begin(context.Background())
		}
	})
}

// idle reports whether nobody has asked for long.
func (k *keeper[V]) idle() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return time.Since(k.asked) > keepWithout
}

// close ends the search that is under way and waits for it. There is none
// afterwards, unless find does not heed its context: nobody waits for that for
// longer than lastWait.
func (k *keeper[V]) close() {
	k.mu.Lock()
	k.closed = true
	s := k.search
	if k.timer != nil {
		k.timer.Stop()
	}
	k.mu.Unlock()
	if s == nil {
		return
	}
	s.cancel()
	patience := time.NewTimer(lastWait)
	defer patience.Stop()
	select {
	case <-s.done:
	case <-patience.C:
	}
}
