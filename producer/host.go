package producer

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/wire"
	"github.com/millrace/millrace/internal/wire/client"
)

// How often a host is tried that does not answer, and the pace at which those
// who waited come to it when it does.
const (
	minAbsence   = 200 * time.Millisecond // bounds of the backoff between probes
	maxAbsence   = 30 * time.Second
	releaseEvery = 20 * time.Millisecond // on average; each time a half to three halves of it
)

// untilWoken is the wait of who is woken when there is something to wait for.
const untilWoken time.Duration = -1

// A host is what the streams of a client know together of one server's address.
//
//	        a visit failed, or a connection broke
//	up ─────────────────────────────────────────────▶ down
//	   ◀─────────────────────────────────────────────
//	                a probe was answered
//
// While it is up, visitors are let in at once. While it is down there is one
// visit at a time, the probe, and behind each that fails a longer wait; everybody
// else waits in line. When a probe was answered, those in line are let in one by
// one, and who comes meanwhile stands behind them. So neither a break that all
// connections notice at once, nor the return of a server that all wait for, is
// a storm.
//
// The line has nothing but goroutines that are in enter, so it is as long as the
// callers make it; the one in front keeps the time, and a host has no goroutine.
type host struct {
	mu      sync.Mutex // guards everything below
	down    bool
	outages int // how often it went down
	backoff client.Backoff
	next    time.Time       // nobody is let in before
	probe   *visit          // under way; nil while there is none, or the host is up
	line    []chan struct{} // who waits, in order of arrival; each is woken by a send
}

// A visit is one call that a host was asked to take.
type visit struct {
	host    *host
	outages int          // those that there had been when it began
	ended   func() error // the error of the visitor's context
}

// enter waits until a call to the host may be made, or for the end of ctx. A call
// that fails because ctx was cancelled says nothing of the host; one that has run out
// of time does, whether the time is that of ctx or its own.
func (h *host) enter(ctx context.Context) (*visit, error) {
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	woken := make(chan struct{}, 1)
	v := h.arrive(ctx, woken)
	for v == nil {
		var wait time.Duration
		if v, wait = h.proceed(ctx, woken); v != nil {
			break
		}
		if err := waitFor(ctx, woken, wait); err != nil {
			h.leave(woken)
			return nil, err
		}
	}
	return v, nil
}

// waitFor waits to be woken, and no longer than that.
func waitFor(ctx context.Context, woken <-chan struct{}, wait time.Duration) error {
	var due <-chan time.Time
	if wait != untilWoken {
		t := time.NewTimer(wait)
		defer t.Stop()
		due = t.C
	}
	select {
	case <-due:
		return nil
	case <-woken:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// arrive lets a visitor in, or puts it at the end of the line.
func (h *host) arrive(ctx context.Context, woken chan struct{}) *visit {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.line) == 0 {
		if v, _ := h.admit(ctx, time.Now()); v != nil {
			return v
		}
	}
	h.line = append(h.line, woken)
	return nil
}

// proceed lets the first in line in, or says how long it has to wait.
func (h *host) proceed(ctx context.Context, woken chan struct{}) (*visit, time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.line[0] != woken {
		return nil, untilWoken
	}
	now := time.Now()
	v, wait := h.admit(ctx, now)
	if v == nil {
		return nil, wait
	}
	h.line = slices.Delete(h.line, 0, 1)
	if !h.down {
		h.next = now.Add(pace())
	}
	h.wakeFirst()
	return v, 0
}

// admit lets somebody in if it is time, or says how long that will be.
func (h *host) admit(ctx context.Context, now time.Time) (*visit, time.Duration) {
	if h.probe != nil {
		return nil, untilWoken
	}
	if wait := h.next.Sub(now); wait > 0 {
		return nil, wait
	}
	v := &visit{host: h, outages: h.outages, ended: ctx.Err}
	if h.down {
		h.probe = v
	}
	return v, 0
}

// leave takes somebody out of the line.
func (h *host) leave(woken chan struct{}) {
	h.mu.Lock()
	defer h.mu.Unlock()
	at := slices.Index(h.line, woken)
	h.line = slices.Delete(h.line, at, at+1)
	h.wakeFirst()
}

// wakeFirst has the first in line look again.
func (h *host) wakeFirst() {
	if len(h.line) > 0 {
		select {
		case h.line[0] <- struct{}{}:
		default: // it was woken before
		}
	}
}

// pace is the time between two of those who are let in when a host is back.
func pace() time.Duration { return releaseEvery/2 + rand.N(releaseEvery) }

// done tells how a visit went: nil, or what it failed with. It must be called
// exactly once for each, or nobody may enter any more. An answer that is a refusal
// shows that the host is there; a visit that its own caller has cancelled, or for
// which there were no credentials, shows
// nothing, and if it was the probe the next one may be made at once. A visit that
// began before the host went down is of no account, except for what the server
// asks for.
func (v *visit) done(err error) {
	h, now := v.host, time.Now()
	h.mu.Lock()
	defer h.mu.Unlock()
	probing := h.probe == v
	if probing {
		h.probe = nil
	}
	switch {
	case answered(err):
		if probing {
			h.down, h.next = false, now.Add(pace())
		}
	case errors.Is(v.ended(), context.Canceled) || errors.Is(err, context.Canceled) || errors.Is(err, client.ErrKeys):
	case probing || !h.down && v.outages == h.outages:
		h.fall(now, client.RetryAfter(err))
	case h.down:
		if asked := now.Add(client.RetryAfter(err)); asked.After(h.next) {
			h.next = asked
		}
	}
	h.wakeFirst()
}

// fall notes that the host is down, or still is, and when to look again.
func (h *host) fall(now time.Time, least time.Duration) {
	if !h.down {
		h.down = true
		h.outages++
		h.backoff = client.Backoff{Min: minAbsence, Max: maxAbsence}
	}
	h.next = now.Add(max(h.backoff.Next(), least))
}

// broke tells that a connection broke off that the host had accepted: it may be
// down.
func (h *host) broke() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.down {
		h.fall(time.Now(), 0)
	}
}

// broke is the host's, for a connection that this visit made. What breaks after
// the host went down and came back was broken by that, and says nothing new.
func (v *visit) broke() {
	h := v.host
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.down && v.outages == h.outages {
		h.fall(time.Now(), 0)
	}
}

// answered reports whether a call was answered by its host, and not by what
// stands before one that is away.
func answered(err error) bool {
	var remote *wire.RemoteError
	if errors.As(err, &remote) {
		switch remote.Status {
		case http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
			return false
		}
		return true
	}
	var refused *millrace.Error
	return err == nil || errors.Is(err, client.ErrAnswer) || errors.As(err, &refused) && refused.Code != millrace.CodeUnavailable
}
