package producer

import (
	"context"
	"errors"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/wire/client"
)

// Times and bounds of lanes.
const (
	minReconnect = 200 * time.Millisecond
	maxReconnect = 30 * time.Second
	slowRetry    = 5 * time.Second // at least, after a refusal that no further call mends by itself
)

// errDone says that a lane has nothing to do any more.
var errDone = errors.New("lane is done")

// A lane sends fragments over one call after the other, in the order of their
// age. A stream has one, for all its fragments; where the newest are to go first
// and there is a backlog, that one sends what is younger than the stream's split,
// and the older fragments go over a lane of their own if the server knows the
// producer, and else over calls of the first lane between the others.
type lane struct {
	stream  *Stream
	fills   bool // sends what is older than the split, and ends when that is done
	backoff client.Backoff
	lasts   context.Context // ends with the lane
	waits   context.Context // ends when nothing is left to send, and so to wait for
	timer   *time.Timer

	// Guarded by the stream's mutex.
	wakes   time.Time   // when the timer fires
	gone    bool        // the lane has ended
	older   bool        // this call is for what is older than the split
	unsends int         // of the stream, when the lane last looked at all fragments
	fresh   *connection // stands ready to follow the one that grows old
	dialing bool        // it is being made
	tried   time.Time   // when that was begun last
}

func newLane(s *Stream, fills bool, waits context.Context) *lane {
	return &lane{stream: s, fills: fills, older: fills, backoff: newBackoff(), waits: waits}
}

func newBackoff() client.Backoff { return client.Backoff{Min: minReconnect, Max: maxReconnect} }

// run makes calls as long as there is something to send.
func (l *lane) run(ctx context.Context) {
	s := l.stream
	var cancel context.CancelFunc
	l.lasts, cancel = context.WithCancel(ctx)
	defer l.rest()
	defer cancel()
	for {
		err := l.step(ctx)
		if errors.Is(err, errDone) || s.Err() != nil || l.waits.Err() != nil {
			return
		}
		if err != nil && !l.pause(l.waits, err) {
			return
		}
	}
}

// rest lets go what the lane has.
func (l *lane) rest() {
	s := l.stream
	s.mu.Lock()
	if l.timer != nil {
		l.timer.Stop()
	}
	l.gone = true
	s.mu.Unlock()
	l.takeFresh(nil)
}

// step makes one call and sends over it to its end.
func (l *lane) step(ctx context.Context) error {
	s := l.stream
	if !s.prepared() {
		if err := s.prepare(l.waits); err != nil {
			return err
		}
	}
	first, again := l.waitForWork()
	if first == nil {
		return errDone
	}
	h, err := s.headerOf(ctx, first)
	switch {
	case errors.Is(err, errGone):
		return nil
	case err != nil:
		return err
	}
	c := l.takeFresh(h)
	if c == nil {
		if c, err = s.call(l.waits, h); err != nil {
			return s.refused(err)
		}
		go s.readAcks(c)
	}
	s.accepted(c, again)
	l.split(ctx, c)
	return l.carry(ctx, c)
}

// refused notes that a call was not accepted, and returns what that means.
func (s *Stream) refused(err error) error {
	err = explained(err)
	if errors.Is(err, ErrStreamNotFound) {
		s.mu.Lock()
		s.ready, s.known = false, false
		s.mu.Unlock()
	}
	return err
}

// headerOf is the header of a fragment that is to be sent next.
func (s *Stream) headerOf(ctx context.Context, f *fragment) (*header, error) {
	s.mu.Lock()
	h, lacking := f.header, f.lacking
	s.mu.Unlock()
	if lacking {
		return s.narrow(ctx, f)
	}
	return h, nil
}

// waitForWork returns what is to be sent next, and nil when nothing ever will be.
// again is how many fragments were sent before.
func (l *lane) waitForWork() (first *fragment, again int) {
	s := l.stream
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		next, wait := l.next(nil, time.Now())
		if next == nil && s.alternates() {
			l.older = !l.older
			next, wait = l.next(nil, time.Now())
		}
		switch {
		case s.err != nil, next == nil && s.closing && s.queue.idle():
			return nil, 0
		case next == nil && l.fills && !s.hasOlder():
			s.filling = false
			return nil, 0
		case next != nil:
			return next, l.repeats()
		}
		if !l.fills && s.ready && s.queue.idle() {
			s.setState(Idle, nil)
		}
		l.alarm(wait)
		s.changed.Wait()
	}
}

// again is how many fragments that were sent before go over the lane's next call.
func (l *lane) again() int {
	l.stream.mu.Lock()
	defer l.stream.mu.Unlock()
	return l.repeats()
}

func (l *lane) repeats() (n int) {
	for f := l.stream.queue.first; f != nil; f = f.next {
		if f.started && f.on == nil && l.takes(f) {
			n++
		}
	}
	return n
}

// next returns the oldest fragment that the lane is to send over c, or over a new
// call if that is nil, and that no call carries now. If it may not be sent yet,
// wait is how long to wait before asking again; 0 is until the stream changes.
func (l *lane) next(c *connection, now time.Time) (f *fragment, wait time.Duration) {
	s := l.stream
	s.expire(now)
	f = s.queue.first
	switch {
	case c != nil && c.at != nil && l.unsends == s.unsends:
		f = s.queue.after(c.at) // all before it are settled, or on their way
	case s.split > 0 && !l.older:
		f = s.firstFrom(s.split)
	}
	for ; f != nil; f = f.next {
		if f.on != nil {
			continue
		}
		if !l.takes(f) { // it is at the split
			f = nil
			break
		}
		if ok, wait := s.due(f, now); !ok {
			return nil, wait
		}
		break
	}
	l.unsends = s.unsends
	return f, 0
}

// takes reports whether a fragment is on the lane's side of the split.
func (l *lane) takes(f *fragment) bool {
	return l.older == (f.ordinal < l.stream.split)
}

// pause waits before the next call. It returns false if there will be none.
func (l *lane) pause(ctx context.Context, err error) bool {
	s := l.stream
	wait := patienceAfter(err, &l.backoff)
	s.mu.Lock()
	s.stats.Failures++
	if !l.fills {
		s.setState(Waiting, err)
	}
	if told := s.config.Events.Disconnected; told != nil {
		s.tell(func() { told(err, wait) })
	}
	s.mu.Unlock()
	return s.sleep(ctx, wait)
}

// patienceAfter is how long to wait after err. What the network is to blame for
// takes little, unless err says when there will be news: the host is waited for
// then, by all streams together.
func patienceAfter(err error, backoff *client.Backoff) time.Duration {
	var off *brokenError
	switch {
	case errors.As(err, &off):
		return max(backoff.Next(), client.RetryAfter(err))
	case errors.Is(err, client.ErrKeys):
		return max(backoff.Next(), slowRetry, client.RetryAfter(err))
	case !answered(err):
		return max(minReconnect, client.RetryAfter(err))
	case client.Throttled(err):
		return max(backoff.Next(), time.Second, client.RetryAfter(err))
	case !client.Passing(err) && millrace.CodeOf(err) != millrace.CodeInternal:
		return max(backoff.Next(), slowRetry)
	}
	return max(backoff.Next(), client.RetryAfter(err))
}

// sleep waits, and returns false if the stream has ended.
func (s *Stream) sleep(ctx context.Context, wait time.Duration) bool {
	t := time.NewTimer(wait)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// alarm has the stream's waiters woken after a wait, unless they will be earlier;
// 0 is never. The mutex is held.
func (l *lane) alarm(wait time.Duration) {
	now := time.Now()
	at := now.Add(wait)
	if wait <= 0 || l.wakes.After(now) && !at.Before(l.wakes) {
		return
	}
	l.wakes = at
	switch {
	case l.timer == nil:
		l.timer = time.AfterFunc(wait, func() {
			l.stream.mu.Lock()
			defer l.stream.mu.Unlock()
			l.stream.wake()
		})
	default:
		l.timer.Reset(wait)
	}
}
