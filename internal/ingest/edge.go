package ingest

import (
	"math"
	"time"

	"github.com/millrace/millrace"
)

// An edge is what is known of the latest fragments of a stream: what begins
// behind it cannot be kept already. It exists as long as sessions with an
// identity or their commits do, so that no fragment with one begins that it does
// not see.
type edge struct {
	users  int
	latest int64 // producer time of the last fragment with an identity that it saw begin, in milliseconds
	known  bool  // nothing later was in the store when it was asked
}

// hold keeps the edge of a stream for a session. Its end is release.
func (r *repeats) hold(key millrace.StreamKey) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.holdEdge(key)
}

func (r *repeats) release(key millrace.StreamKey) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.releaseEdge(key)
}

// holdEdge is hold with r.mu held.
func (r *repeats) holdEdge(key millrace.StreamKey) {
	e := r.edges[key]
	if e == nil {
		e = &edge{latest: math.MinInt64}
		r.edges[key] = e
	}
	e.users++
}

// releaseEdge is release with r.mu held.
func (r *repeats) releaseEdge(key millrace.StreamKey) {
	e := r.edges[key]
	if e.users--; e.users == 0 {
		delete(r.edges, key)
	}
}

// isLatest reports whether a fragment that begins at a producer time is later
// than any with an identity that is kept or in the making. From now on it is one
// of these.
func (r *repeats) isLatest(key millrace.StreamKey, at time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	e, t := r.edges[key], at.UnixMilli()
	if t <= e.latest {
		return false
	}
	e.latest = t
	return e.known
}

// nothingLater says that the store had nothing that begins later than a fragment
// which isLatest has seen.
func (r *repeats) nothingLater(key millrace.StreamKey) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.edges[key].known = true
}
