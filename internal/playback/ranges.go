package playback

import (
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/store"
)

// Bounds of ranges.
const (
	mostRanges = 1 << 10
	rangeAge   = time.Minute
)

// ranges remember for a while which collections were found in ranges of the
// producer's clock, because a session asks when it is made and when it is played,
// and others ask for the same. Any number of goroutines may use it.
type ranges struct {
	mu    sync.Mutex // guards what follows
	found *simplelru.LRU[rangeKey, foundRange]
}

type rangeKey struct {
	stream   millrace.StreamKey
	from, to int64 // milliseconds of Unix time
}

type foundRange struct {
	collection collection
	at         time.Time
}

func newRanges() *ranges {
	found, _ := simplelru.NewLRU[rangeKey, foundRange](mostRanges, nil) // fails for no size above 0
	return &ranges{found: found}
}

func (r *ranges) key(s store.Scope, o *Order) rangeKey {
	return rangeKey{s.Stream, o.From.UnixMilli(), o.To.UnixMilli()}
}

// picker returns a Picker of an order's range, which has looked at it already if
// somebody did a short while ago.
func (r *ranges) picker(a store.Archive, s store.Scope, o *Order) *Picker {
	p := NewPicker(a, Selection{Clock: o.Clock, From: o.From, To: o.To})
	r.mu.Lock()
	defer r.mu.Unlock()
	if f, ok := r.found.Get(r.key(s, o)); ok && o.Clock == store.ProducerClock && time.Since(f.at) < rangeAge {
		p.taken = f.collection
	}
	return p
}

// note remembers what a Picker has found.
func (r *ranges) note(s store.Scope, o *Order, p *Picker) {
	if p.taken.top.IsZero() {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.found.Add(r.key(s, o), foundRange{p.taken, time.Now()})
}
