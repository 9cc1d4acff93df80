package tail

import (
	"context"
	"sync"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/memory"
)

// The bounds of the rules of the horizon and of zero retention.
const (
	stallTimeout   = 10 * time.Second // a lower fragment without progress
	openTimeout    = 60 * time.Second // a lower fragment still open
	ephemeralAge   = 5 * time.Minute  // a fragment of a stream of zero retention
	ephemeralBytes = 200 << 20        // all of one such stream together
	sweepInterval  = time.Second
)

// Numbers gives fragments their numbers.
type Numbers interface {
	// Next returns a number greater than all before it of the same stream.
	Next(millrace.StreamKey) (millrace.FragmentNumber, error)
	// Floor returns a bound not smaller than any number of the stream, and
	// smaller than every one to come.
	Floor(millrace.StreamKey) millrace.FragmentNumber
}

// Config says how a Tail works.
type Config struct {
	Numbers Numbers
	Now     func() time.Time // of which only differences count; time.Now is one that does not step
	Memory  *memory.Budget   // for all streams together; one of 1 GiB if nil
}

// A Tail holds the tails of all streams.
type Tail struct {
	numbers Numbers
	now     func() time.Time
	budget  *memory.Budget
	slabs   slabs

	ephemeral *ephemeral

	mu      sync.Mutex // guards streams and their refs
	streams map[millrace.StreamKey]*Stream
}

// New returns an empty Tail. Somebody must call Run.
func New(c Config) *Tail {
	if c.Memory == nil {
		c.Memory = memory.New(1 << 30)
	}
	t := &Tail{
		numbers: c.Numbers, now: c.Now, budget: c.Memory, ephemeral: newEphemeral(c.Memory.Ephemeral()),
		streams: map[millrace.StreamKey]*Stream{},
	}
	c.Memory.OnShortage(t.ephemeral.shed)
	return t
}

// NewWriter returns the memory of one session, for Info. Its end is called if
// the session has to end because memory is short.
func (t *Tail) NewWriter(end func(error)) *memory.Writer { return t.budget.NewWriter(end) }

// Run enforces what depends on time alone, until ctx ends.
func (t *Tail) Run(ctx context.Context) {
	tick := time.NewTicker(sweepInterval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			t.sweep()
		}
	}
}

func (t *Tail) sweep() {
	now := t.now()
	for _, s := range t.all() {
		s.sweep(now)
		s.Release()
	}
}

// all returns every stream, each held.
func (t *Tail) all() []*Stream {
	t.mu.Lock()
	defer t.mu.Unlock()
	out := make([]*Stream, 0, len(t.streams))
	for _, s := range t.streams {
		s.refs++
		out = append(out, s)
	}
	return out
}

// Acquire returns the tail of a stream, making it if need be. retention is the
// stream's present one.
func (t *Tail) Acquire(key millrace.StreamKey, retention time.Duration) *Stream {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := t.streams[key]
	if s == nil {
		// What was numbered before is in the store, or will never be.
		s = &Stream{tail: t, key: key, low: t.numbers.Floor(key), ephemeral: retention == 0, deleted: make(chan struct{})}
		t.streams[key] = s
	}
	s.refs++
	return s
}

// release drops a stream that nobody holds and that keeps nothing.
func (t *Tail) release(s *Stream) {
	t.mu.Lock()
	defer t.mu.Unlock()
	s.refs--
	if s.refs == 0 && s.idle() && t.streams[s.key] == s {
		delete(t.streams, s.key)
	}
}

// SetRetention tells the tail of a stream, if there is one, of its new
// retention.
func (t *Tail) SetRetention(key millrace.StreamKey, d time.Duration) {
	if s := t.lookup(key); s != nil {
		s.SetRetention(d)
		s.Release()
	}
}

// Delete ends the stream for its writers and readers. Open fragments fail with
// CodeStreamDeleted; what is kept is let go.
func (t *Tail) Delete(key millrace.StreamKey) {
	s := t.lookup(key)
	if s == nil {
		return
	}
	defer s.Release()
	s.delete()
}

func (t *Tail) lookup(key millrace.StreamKey) *Stream {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := t.streams[key]
	if s != nil {
		s.refs++
	}
	return s
}

// expired reports whether a settled fragment of a stream of zero retention has
// been here for long enough, whatever the server's time has done meanwhile.
func (t *Tail) expired(f *Fragment) bool { return t.now().Sub(f.opened) >= ephemeralAge }

// ServerTime is when the fragment's Cluster started to arrive.
func (i Info) ServerTime() time.Time { return i.Number.ServerTime() }

// Memory is how many bytes media take, those of sessions' buffers and of readers
// included.
func (t *Tail) Memory() int64 {
	s := t.budget.Stats()
	return s.Writers + s.Readers
}
