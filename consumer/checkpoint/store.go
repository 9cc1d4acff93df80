package checkpoint

import (
	"context"
	"errors"
	"iter"
	"time"
)

// The errors that are answers. Tell them apart with errors.Is; any other error
// is trouble with the store, and may pass.
var (
	// ErrNotFound means that nothing was ever kept under the key.
	ErrNotFound = errors.New("no checkpoint is kept")
	// ErrHeld means that another owner has a lease that has not expired.
	ErrHeld = errors.New("another owner has the lease")
	// ErrFenced means that a position was not saved: its owner and epoch are not
	// those of the key, or it has none and somebody has a lease.
	ErrFenced = errors.New("the lease has another owner or epoch")
	// ErrInvalid means that an argument is out of its bounds; nothing was done.
	ErrInvalid = errors.New("invalid checkpoint argument")
	// ErrFull means that a store has come to its bound; nothing was done.
	ErrFull = errors.New("the store of checkpoints is full")
	// ErrDamaged means that a store does not hold what was written to it. It is
	// not repaired, and not written over.
	ErrDamaged = errors.New("the store of checkpoints is damaged")
)

// The bounds of what a store takes; beyond them it says ErrInvalid.
const (
	MaxName     = 512            // bytes of each part of a key, and of an owner's name
	MaxPosition = 64 << 10       // bytes of a position
	MaxTTL      = 24 * time.Hour // of a lease
)

// A Key names one application's reading of one stream. Both parts are UTF-8
// without NUL, of 1 to MaxName bytes; they are compared byte by byte.
type Key struct{ App, Stream string }

// A Record is what is kept under a key.
type Record struct {
	// Position is what was saved last, at most MaxPosition bytes; empty if nothing
	// was.
	Position []byte
	// Owner is who had the lease at the moment of reading, by the store's clock;
	// empty if nobody had, because it was given back or has expired. Who reads a
	// record need not look at the clock.
	Owner string
	// Epoch counts the owners that the lease has had.
	Epoch uint64
	// Expires is when the lease ends, by the store's clock; zero without an owner.
	Expires time.Time
	// Updated is when Position was saved, by the store's clock; zero if it never
	// was.
	Updated time.Time
}

// An Entry is a record with its key.
type Entry struct {
	Key
	Record
}

// A Store keeps records. Any number of goroutines may use one, and any number
// of clients the same storage. Times are precise to the millisecond at least. A
// call whose context has ended returns its error and changes nothing; one whose
// context ends on the way may have changed something (K5). Records handed in
// and out share no memory with the store.
type Store interface {
	// Load returns what is kept under a key, or ErrNotFound. A key that was
	// acquired and never saved has a record with an empty position.
	Load(ctx context.Context, k Key) (Record, error)

	// Save keeps r.Position under k. With an owner, r.Owner and r.Epoch are those
	// that Acquire returned, and must still be the key's, or else it is ErrFenced
	// (K3). A lease that has expired and that nobody has taken since is good
	// enough. Save does not renew the lease.
	//
	// Without an owner there is no lease: the last one to save wins, unless
	// somebody has a lease that has not expired, which is ErrFenced. An owner whose
	// lease had expired is fenced by that. An epoch other than 0 must be the key's.
	//
	// Expires and Updated of r are not looked at.
	Save(ctx context.Context, k Key, r Record) error

	// Acquire takes the lease of k for ttl from now on, and returns the record
	// with it. It takes one that nobody has, that has expired, or that owner has
	// itself: then it is renewed, and the epoch stays. Otherwise it is ErrHeld. An
	// owner's name must belong to one reader alone, in all processes: two that
	// share a name are not fenced from each other. ttl is more than 0 and at most
	// MaxTTL; fractions of a millisecond are rounded up.
	Acquire(ctx context.Context, k Key, owner string, ttl time.Duration) (Record, error)

	// Release gives owner's lease back, and keeps position and epoch. It does
	// nothing, and says nothing, if owner does not have it.
	Release(ctx context.Context, k Key, owner string) error

	// Delete forgets k, with its position and its epoch: the next owner gets epoch
	// 1. A key that somebody has a lease of is ErrHeld; one that is not there is
	// no error.
	Delete(ctx context.Context, k Key) error

	// List walks the records of an application in the order of their streams'
	// bytes. An error comes last, once, with an empty entry, and ends the walk;
	// what came before it is good. The walk is no snapshot: what changes
	// meanwhile is seen before or after the change, and no key is seen twice. The
	// loop's body may call the store.
	List(ctx context.Context, app string) iter.Seq2[Entry, error]
}
