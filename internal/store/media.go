package store

import (
	"context"
	"time"

	"github.com/millrace/millrace"
)

// A Committer makes fragments durable.
//
// Any number of goroutines may call Submit. It takes f over and returns once f
// is queued; a full queue makes it wait, and ctx bounds that wait. done is
// called exactly once for each Submit that returned nil, in submission order
// per stream: with nil when f is durable and findable (I1), with an error when
// it never will be, which is ErrExists if the stream has its number already.
// Only a crash before anything could be written again after a failed disk may
// bring back what was refused. done must not block. f and the memory that it
// refers to must not change until done is called, and are not touched after it.
//
// Close refuses further fragments with ErrClosed, settles those that are queued
// and returns when the last done has returned. It may be called again.
type Committer interface {
	Submit(ctx context.Context, f *millrace.Fragment, done func(error)) error
	Close() error
}

// A Scope is the part of a store that one query sees: one incarnation of a
// stream, without what its retention has let go.
type Scope struct {
	Stream millrace.StreamKey
	Since  time.Time // fragments with an earlier server time are expired and unseen
}

// An Entry is what the index knows of one fragment.
type Entry struct {
	Number       millrace.FragmentNumber
	ProducerTime time.Time // UTC, whole milliseconds
	Duration     time.Duration
	Size         int64 // bytes of leading elements, Cluster and trailing elements
	Flags        millrace.FragmentFlags
	Position     Position
}

// ServerTime is when the fragment's Cluster started to arrive.
func (e Entry) ServerTime() time.Time { return e.Number.ServerTime() }

// A Position says where a record lies. It is opaque outside the store.
type Position struct {
	Pack   uint64
	Offset int64
}

// A Listing says which entries List returns. The zero Listing asks for all, by
// the server's clock.
type Listing struct {
	Clock Clock
	From  time.Time // entries that start earlier are left out; zero is no bound
	To    time.Time // and those that start then or later
	After Key       // those up to this key are left out, so that a page begins behind the last entry of the one before
	Limit int       // most entries to return; 0 means no limit
}

// An Index finds fragments. Any number of goroutines may use it. A fragment is
// found from the moment its commit's done is called, and until it leaves the
// scope.
type Index interface {
	// After returns up to limit entries with numbers greater than after, in
	// number order. An empty slice means that there is none.
	After(ctx context.Context, s Scope, after millrace.FragmentNumber, limit int) ([]Entry, error)

	// AtServerTime returns the newest entry that started at or before t and
	// ends after it, else the first that starts at or after t, else
	// ErrNotFound.
	AtServerTime(ctx context.Context, s Scope, t time.Time) (Entry, error)

	// AtProducerTime is the same on the producer's clock. Among entries with
	// the same producer time it returns the lowest number.
	AtProducerTime(ctx context.Context, s Scope, t time.Time) (Entry, error)

	// List returns entries in the order of a clock. An empty slice means that
	// there is none.
	List(ctx context.Context, s Scope, l Listing) ([]Entry, error)

	// Read returns the fragment of an entry, its checksums verified. The
	// fragment's bytes lie in buf if that is large enough, else in new memory;
	// either way they are valid until the caller uses buf again. A fragment
	// that has gone since is ErrNotFound, one that fails its checksum is
	// ErrCorrupt (I7).
	Read(ctx context.Context, s Scope, e Entry, buf []byte) (*millrace.Fragment, error)
}

// Find returns the entry of a fragment as it is now. One that is not in the scope, or
// not any more, is ErrNotFound.
func Find(ctx context.Context, ix Index, s Scope, n millrace.FragmentNumber) (Entry, error) {
	list, err := ix.After(ctx, s, n.Prev(), 1)
	if err != nil {
		return Entry{}, err
	}
	if len(list) == 0 || list[0].Number != n {
		return Entry{}, millrace.ErrNotFound
	}
	return list[0], nil
}

// An Archive is an Index for those who play what is kept. Any number of
// goroutines may use it.
type Archive interface {
	Index
	Outliner
	Coverer

	// Newest returns the last entries by the server's clock, up to limit, in
	// number order. It costs what List does for as many. An empty slice means
	// that there is none.
	Newest(ctx context.Context, s Scope, limit int) ([]Entry, error)
}

// A Media store keeps fragments.
type Media interface {
	Committer
	Archive

	// Drop puts all fragments of one incarnation of a stream out of reach at
	// once and for good. Their bytes stop counting as live, of those that only
	// the pages know with the next sweep. What is still queued for the stream is
	// refused with ErrNotFound. The caller has made the deletion durable in the
	// control state before.
	Drop(ctx context.Context, key millrace.StreamKey) error
}
