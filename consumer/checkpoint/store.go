// Package checkpoint keeps how far an application has come in a stream, and who
// of several workers reads it. A Store holds one Record for each application and
// stream: a position, which it does not look into, and a lease with an epoch
// that fences off a worker that has lost it. It refuses to know anything about
// media or about the network between a worker and its database.
package checkpoint

import (
	"context"
	"errors"
	"iter"
	"time"
)

// A Key names a record: an application's place in a stream.
type Key struct{ App, Stream string }

// A Record is what is kept under a Key.
type Record struct {
	Position []byte    // opaque; nil if none was saved
	Owner    string    // of the lease; empty if nobody has it
	Epoch    uint64    // how often the lease has changed hands
	Expires  time.Time // when the lease is free, by the store's clock
	Updated  time.Time // when the position was saved, likewise
}

// What a Store refuses.
var (
	ErrNotFound = errors.New("no such checkpoint")
	ErrFenced   = errors.New("checkpoint was taken over by a later epoch")
	ErrHeld     = errors.New("lease is held by another owner")
)

// A Store keeps records. Any number of goroutines, and where it says so of
// processes, may use it at once.
type Store interface {
	// Load returns the record, or ErrNotFound.
	Load(ctx context.Context, k Key) (Record, error)
	// Save keeps r.Position. It is ErrFenced if the stored epoch is newer than
	// r.Epoch, or if somebody else than r.Owner holds the lease.
	Save(ctx context.Context, k Key, r Record) error
	// Acquire takes a lease that is free or has run out, or renews one's own. A
	// change of owner raises the epoch. It is ErrHeld while another owner has it.
	Acquire(ctx context.Context, k Key, owner string, ttl time.Duration) (Record, error)
	// Release gives a lease back; position and epoch stay. It does nothing if owner
	// does not hold it.
	Release(ctx context.Context, k Key, owner string) error
	// List walks the records of an application. An error ends the walk.
	List(ctx context.Context, app string) iter.Seq2[Entry, error]
}

// An Entry is a record with its key.
type Entry struct {
	Key
	Record
}
