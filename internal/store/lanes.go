package store

import (
	"sync"

	"github.com/millrace/millrace"
)

// busyLane is how many bytes wait for a lane that has more to do than one sync
// after the other brings away.
const busyLane = 8 << 20

// A pin says to which lane a stream's fragments go.
type pin struct {
	key      millrace.StreamKey
	lane     *lane
	inFlight int  // submitted, and done has not returned
	gone     bool // the stream is not there any more
}

// The lanes of an Engine. Every class in which something was submitted has
// one, a busy class up to most of them; a lane stays once it is there.
//
// A stream stays with its lane as long as any of its fragments is in flight:
// so they are settled in the order of their submission, whatever the lanes do.
// Then it may move: out of a class that is not its own any more, away from a
// lane that is busy, and from one that has no open pack, so that few packs are
// open when little is to do. It goes to the first lane of its class that is
// not busy; if all are, to a new one; and if there are enough of them, to the
// one that has least to do, but not for less than half of what waits before it
// now.
type lanes struct {
	most  int
	start func(Class) *lane

	mu     sync.Mutex // guards what follows; a queue is filled under it
	lists  [Classes][]*lane
	pins   map[millrace.StreamKey]*pin
	closed bool
}

func newLanes(most int, start func(Class) *lane) *lanes {
	return &lanes{most: most, start: start, pins: make(map[millrace.StreamKey]*pin)}
}

// submit queues s with the lane of its stream.
func (ls *lanes) submit(s *submission, c Class) error {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	if ls.closed {
		return millrace.ErrClosed
	}
	p := ls.pins[s.fragment.Stream]
	if p == nil {
		p = &pin{key: s.fragment.Stream}
		ls.pins[p.key] = p
	}
	if p.inFlight == 0 {
		p.lane = ls.chooseLocked(c, p.lane)
	}
	p.inFlight++
	s.pin = p
	p.lane.queue.push(s)
	return nil
}

// chooseLocked picks the lane of a stream that has nothing in flight and was
// with the lane last, if that is not nil.
func (ls *lanes) chooseLocked(c Class, last *lane) *lane {
	if last != nil && last.class != c {
		last = nil
	}
	if last != nil && last.open.Load() != 0 && last.queue.load() < busyLane {
		return last
	}
	var least *lane
	for _, l := range ls.lists[c] {
		if l.queue.load() < busyLane {
			return l
		}
		if least == nil || l.queue.load() < least.queue.load() {
			least = l
		}
	}
	if len(ls.lists[c]) < ls.most {
		l := ls.start(c)
		ls.lists[c] = append(ls.lists[c], l)
		return l
	}
	if last != nil && last.queue.load() <= 2*least.queue.load() {
		return last
	}
	return least
}

// settled notes that done of one of a stream's fragments has returned. What is
// known of a stream that has gone is forgotten.
func (ls *lanes) settled(p *pin, gone bool) {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	p.inFlight--
	p.gone = p.gone || gone
	if p.gone && p.inFlight == 0 {
		delete(ls.pins, p.key)
	}
}

// forget is for a stream that has gone. What is in flight of it is settled first.
func (ls *lanes) forget(key millrace.StreamKey) {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	p := ls.pins[key]
	switch {
	case p == nil:
	case p.inFlight == 0:
		delete(ls.pins, key)
	default:
		p.gone = true
	}
}

// all lists the lanes, in the order of classes and ages.
func (ls *lanes) all() []*lane {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	var list []*lane
	for _, of := range ls.lists {
		list = append(list, of...)
	}
	return list
}

// close refuses what would still come.
func (ls *lanes) close() {
	ls.mu.Lock()
	ls.closed = true
	ls.mu.Unlock()
	for _, l := range ls.all() {
		l.queue.close()
	}
}
