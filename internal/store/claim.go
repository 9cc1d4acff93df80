package store

import (
	"fmt"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/pack"
)

// roomPoll is how often a lane that waits for room looks for itself: others may
// have made some.
const roomPoll = 100 * time.Millisecond

// A need is how many bytes a batch takes at most.
type need struct {
	batch  int64
	footer int64 // by which the pack's footer grows
}

func (n need) total() int64 { return n.batch + n.footer }

// need is what a batch takes in the open pack, or in a new one.
func (l *lane) need(batch []*submission) (n need) {
	if l.pack == nil {
		n = need{pack.FileHeaderSize, pack.MinFooter}
	}
	if limits := l.e.limits.all(); len(limits) > 0 {
		n.batch += 2 * int64(len(pack.AppendLimits(nil, limits)))
		n.footer += int64(len(limits)) * pack.LimitSize
	}
	n.add(l.pack, batch)
	return n
}

// add adds what a batch takes in a pack, which may be nil for a new one.
func (n *need) add(w *packWriter, batch []*submission) {
	missing := make(map[[32]byte]bool)
	for _, s := range batch {
		n.batch += s.size
		n.footer += pack.MaxEntry
		if h := s.fragment.Header; h != nil && !w.has(h) && !missing[h.Hash] {
			missing[h.Hash] = true
			n.batch += 2 * pack.HeaderRecordSize(h)
			n.footer += 2 * pack.MaxHeaderEntry
		}
	}
}

// claim waits until there is room for n, if the policy of a full disk is to
// make some.
func (l *lane) claim(n need) error {
	e := l.e
	if e.room.take(n) {
		e.askForRelief()
		return nil
	}
	if e.cfg.OnFull != OldestFirst {
		return fmt.Errorf("claim room for %d bytes: %w", n.total(), ErrFull)
	}
	e.room.want(n.total())
	defer e.room.want(-n.total())
	until := time.Now().Add(roomWait)
	for {
		news := e.room.news()
		e.askForRelief()
		going := e.pause(l, news, until)
		if e.room.take(n) {
			return nil
		}
		if !going || e.room.isBarren() {
			return fmt.Errorf("claim room for %d bytes: %w", n.total(), ErrFull)
		}
	}
}

// pause returns when there may be more room, or the lane has done what it was
// asked for meanwhile, and false when it is time to give up.
func (l *lane) pause(news <-chan struct{}, until time.Time) bool {
	poll := time.NewTimer(min(roomPoll, time.Until(until)))
	defer poll.Stop()
	select {
	case <-news:
	case <-poll.C:
	case <-l.queue.wake: // what was submitted is looked at when the batch is done
	}
	if l.asked.Swap(false) {
		l.roll()
	}
	return time.Now().Before(until)
}

// has reports whether the pack has a session's header elements. There need not
// be a pack.
func (w *packWriter) has(h *millrace.Header) bool {
	if w == nil {
		return false
	}
	_, ok := w.headers[h.Hash]
	return ok
}
