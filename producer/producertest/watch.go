package producertest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"time"
)

// What a Watch holds a client to.
const (
	leastPause   = 100 * time.Millisecond // behind a probe that failed, before the next
	firstProbes  = 12                     // of an outage: at first they come quickly
	probePace    = 5 * time.Second        // of those that follow, on average
	maxStorms    = 20                     // that are remembered
	statusLength = len("HTTP/1.1 200")
)

// ErrStorm is wrapped by what Watch.Err returns.
var ErrStorm = errors.New("a host that is away was stormed")

// A Watch stands between one client and what makes its connections, and sees
// whether the client leaves a host alone that is away: from the first failure to
// the first answer there may be one attempt at a time, the probe, and a pause
// behind each.
//
// A host is away from when a connection was not made, broke, ended without an
// answer, or was answered with 502, 503 or 504, until the next answer. Attempts that
// were under way when it went are left out of account. All of it is seen from outside, so that it holds for any client; but a
// process that is started anew knows nothing, and needs a Watch of its own. All
// methods may be called by any number of goroutines at once.
type Watch struct {
	dial  func(ctx context.Context, network, address string) (net.Conn, error)
	grace time.Duration

	mu     sync.Mutex // guards everything below
	hosts  map[string]*watched
	storms []error
	seen   WatchStats
}

// A WatchStats counts what a Watch has seen.
type WatchStats struct {
	Attempts int // to connect
	Outages  int // of hosts
	Probes   int // attempts while a host was away
}

// A watched is a host by its address.
type watched struct {
	away     bool
	outages  int
	since    time.Time // when it went
	failed   time.Time // the last failure
	probes   int       // of this outage
	underway int       // probes that are neither answered nor over
}

// An attempt is one connection, from before it is made.
type attempt struct {
	watch   *Watch
	address string
	host    *watched
	outages int  // of the host when it began
	probe   bool // it began while the host was away

	decided bool // it was answered or has failed
	ended   bool // it broke, or failed
}

// NewWatch makes a Watch over connections that dial makes. grace is what a client
// needs to notice and to wake, which is left out of account: 0 inside a synctest
// bubble, where both take no time.
func NewWatch(dial func(ctx context.Context, network, address string) (net.Conn, error), grace time.Duration) *Watch {
	return &Watch{dial: dial, grace: grace, hosts: map[string]*watched{}}
}

// Err returns what was seen that is a storm, and nil if that is nothing. It
// wraps ErrStorm. The first 20 findings are kept.
func (w *Watch) Err() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	for address, h := range w.hosts {
		if h.away {
			w.count(address, h, time.Now())
		}
	}
	if len(w.storms) == 0 {
		return nil
	}
	return fmt.Errorf("%w: %w", ErrStorm, errors.Join(w.storms...))
}

// Stats counts what was seen so far.
func (w *Watch) Stats() WatchStats {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.seen
}

// Dial makes a connection, and watches it to its end. It fits producer.Client.Dial
// and http.Transport.DialContext.
func (w *Watch) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	a := w.begin(address)
	conn, err := w.dial(ctx, network, address)
	if err != nil {
		if errors.Is(err, context.Canceled) {
			a.leave()
		} else {
			a.fail()
		}
		return nil, err
	}
	return &watchedConn{Conn: conn, attempt: a}, nil
}

// begin notes an attempt, and judges it.
func (w *Watch) begin(address string) *attempt {
	w.mu.Lock()
	defer w.mu.Unlock()
	h := w.hosts[address]
	if h == nil {
		h = &watched{}
		w.hosts[address] = h
	}
	w.seen.Attempts++
	now := time.Now()
	pause := now.Sub(h.failed)
	a := &attempt{watch: w, address: address, host: h, outages: h.outages, probe: h.away && pause > w.grace}
	if !a.probe {
		return a
	}
	w.seen.Probes++
	h.probes++
	if h.underway++; h.underway > 1 {
		w.storm(now, "%s: %d probes at once", address, h.underway)
	}
	if h.probes > 1 && pause < leastPause-w.grace { // before the first one the client may have known for longer
		w.storm(now, "%s: a probe %v behind a failure", address, pause)
	}
	return a
}

func (w *Watch) storm(at time.Time, format string, args ...any) {
	if len(w.storms) < maxStorms {
		w.storms = append(w.storms, fmt.Errorf("at %s: "+format, append([]any{at.UTC().Format("15:04:05.000")}, args...)...))
	}
}

// count judges how often a host was tried in an outage that is over.
func (w *Watch) count(address string, h *watched, now time.Time) {
	lasted := now.Sub(h.since)
	if most := firstProbes + int(lasted/probePace); h.probes > most {
		w.storm(now, "%s: %d probes in %v", address, h.probes, lasted)
	}
}

// fail notes that an attempt has failed, or that its connection broke.
func (a *attempt) fail() {
	w, h := a.watch, a.host
	w.mu.Lock()
	defer w.mu.Unlock()
	if a.ended {
		return
	}
	a.ended = true
	now := time.Now()
	switch {
	case a.probing():
		h.underway--
		h.failed = now
	case !h.away && a.outages == h.outages:
		w.seen.Outages++
		h.outages++
		h.away, h.since, h.failed = true, now, now
		h.probes, h.underway = 0, 0
	}
	a.decided = true
}

// probing reports whether the attempt is a probe of this outage that is under way.
func (a *attempt) probing() bool {
	return a.probe && !a.decided && a.host.away && a.outages == a.host.outages
}

// leave notes that an attempt was ended by who made it.
func (a *attempt) leave() {
	a.watch.mu.Lock()
	defer a.watch.mu.Unlock()
	if a.probing() {
		a.host.underway--
	}
	a.decided, a.ended = true, true
}

// answer notes that the host is there.
func (a *attempt) answer() {
	w, h := a.watch, a.host
	w.mu.Lock()
	defer w.mu.Unlock()
	if h.away && !a.decided {
		w.count(a.address, h, time.Now())
		h.away = false
	}
	a.decided = true
}

// A watchedConn tells what becomes of a connection.
type watchedConn struct {
	net.Conn
	attempt *attempt
	status  []byte // of the answer, as far as it has come; for the reader alone
}

// Read reads, and notes the answer or the failure.
func (c *watchedConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if missing := statusLength - len(c.status); n > 0 && missing > 0 {
		c.status = append(c.status, p[:min(n, missing)]...)
		if len(c.status) == statusLength {
			c.judge()
		}
	}
	if err != nil {
		c.noteEnd(err)
	}
	return n, err
}

// judge tells an answer from that of something that stands before the host.
func (c *watchedConn) judge() {
	for _, gone := range []string{" 502", " 503", " 504"} {
		if bytes.HasSuffix(c.status, []byte(gone)) {
			c.attempt.fail()
			return
		}
	}
	c.attempt.answer()
}

// noteEnd notes with what a connection ended. An end in good order, or by who
// made the connection, behind an answer is none.
func (c *watchedConn) noteEnd(err error) {
	own := errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, net.ErrClosed) || errors.Is(err, io.ErrClosedPipe)
	if len(c.status) == statusLength && (own || errors.Is(err, io.EOF)) {
		return
	}
	if !own {
		c.attempt.fail()
	}
}

// Write writes, and notes a failure.
func (c *watchedConn) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) && !errors.Is(err, net.ErrClosed) && !errors.Is(err, io.ErrClosedPipe) {
		c.attempt.fail()
	}
	return n, err
}

// Close closes. A connection that nobody has answered has failed.
func (c *watchedConn) Close() error {
	c.attempt.watch.mu.Lock()
	unanswered := !c.attempt.decided
	c.attempt.watch.mu.Unlock()
	if unanswered {
		c.attempt.fail()
	}
	return c.Conn.Close()
}
