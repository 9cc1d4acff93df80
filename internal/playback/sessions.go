package playback

import (
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"
)

// entrySize is about how many bytes an entry of a session takes in memory, and
// sessionSize a session without any.
const (
	entrySize   = 640
	sessionSize = 2048
)

// mostStarts is how many sessions' beginnings are remembered when the sessions
// themselves are not any more.
const mostStarts = 1 << 14

// sessions are the sessions in memory: so many, and of so many bytes. Which was
// not visited for longest goes first. Any number of goroutines may use it.
type sessions struct {
	events HLSEvents
	bytes  int64 // that they may take
	began  time.Time

	mu     sync.Mutex // guards what follows
	kept   *simplelru.LRU[TokenID, *weighed]
	starts *simplelru.LRU[TokenID, time.Time] // the first visits of LIVE_REPLAY
	used   int64
}

// A weighed is a session and what it takes.
type weighed struct {
	id      TokenID
	session *session
	size    int64
}

func newSessions(c *HLSConfig) *sessions {
	all := &sessions{events: c.Events, bytes: c.Bytes / 2, began: c.Now()}
	all.kept, _ = simplelru.NewLRU(c.Sessions, func(_ TokenID, w *weighed) { // fails for no size above 0
		all.used -= w.size
		c.Events.Evicted()
	})
	all.starts, _ = simplelru.NewLRU[TokenID, time.Time](mostStarts, nil)
	return all
}

// of returns the session of a visit, which is made if it is not there.
func (all *sessions) of(v *Visit) *session {
	all.mu.Lock()
	defer all.mu.Unlock()
	if w, ok := all.kept.Get(v.ID); ok {
		return w.session
	}
	w := &weighed{id: v.ID, session: newSession(v.ID), size: sessionSize}
	all.used += w.size
	all.kept.Add(v.ID, w)
	all.events.Began()
	return w.session
}

// weigh notes what a session takes, and lets others go until there is room. Who
// calls has the session's turn.
func (all *sessions) weigh(s *session) {
	size := s.size()
	all.mu.Lock()
	defer all.mu.Unlock()
	w, ok := all.kept.Peek(s.id)
	if !ok || w.session != s {
		return // it was let go meanwhile
	}
	all.used += size - w.size
	w.size = size
	for all.used > all.bytes && all.kept.Len() > 1 {
		all.kept.RemoveOldest()
	}
}

// firstVisit is when a LIVE_REPLAY session was first asked for a playlist. Of one
// that a former process began it is taken to be when it was made.
func (all *sessions) firstVisit(v *Visit) time.Time {
	all.mu.Lock()
	defer all.mu.Unlock()
	if at, ok := all.starts.Get(v.ID); ok {
		return at
	}
	at := v.Now
	if v.Created.Before(all.began) {
		at = v.Created
	}
	all.starts.Add(v.ID, at)
	return at
}
