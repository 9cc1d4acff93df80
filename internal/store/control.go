package store

import (
	"context"
	"errors"
	"time"

	"github.com/millrace/millrace"
)

// The kinds of error that control state adds to those of the root package.
var (
	// ErrLimit says that a change would have gone over a limit that the
	// caller named. Nothing was changed.
	ErrLimit = errors.New("limit reached")

	// ErrUnavailable says that the state cannot be reached or written at
	// present: locked, or out of space. The same call may succeed later.
	ErrUnavailable = errors.New("state is unavailable")
)

// Streams is the authoritative list of streams and their settings.
//
// Any number of goroutines may call any method. A change is durable before its
// method returns nil, and calls are linearizable: what one call has answered,
// every later call sees. A method that returns an error has changed nothing,
// with one exception: after an error that is none of those named here, and
// after a cancelled ctx, the change may or may not have been made, but never
// half of it. Closed state answers ErrClosed, state out of reach
// ErrUnavailable.
type Streams interface {
	// Create keeps a new stream with its tags. Of s everything is used but
	// Key, which the store gives: one ID for each name for all time, and a
	// Generation that is greater than that of every earlier stream of the name
	// (the first has 1). Created (and with it the ARN) is moved forward if
	// need be, so that it is later than that of every earlier stream of the
	// name. The stream as kept is returned. A name that is taken, by a stream
	// in any status, is ErrExists; of any number of calls at once for one name
	// exactly one succeeds.
	Create(ctx context.Context, s millrace.Stream, tags map[string]string) (millrace.Stream, error)

	// Stream returns the stream that has the name now, in whatever status.
	// There is at most one. None is ErrNotFound.
	Stream(ctx context.Context, name millrace.StreamName) (millrace.Stream, error)

	// List returns streams of every status in ascending byte order of their
	// names. An empty slice means that there are no more.
	List(ctx context.Context, p Page) ([]millrace.Stream, error)

	// Count is how many streams List would return for the zero Page.
	Count(ctx context.Context) (int, error)

	// Update replaces Version, Retention, KeptSince, DeviceName, MediaType and
	// Tier of the stream with s.Key, but never makes KeptSince earlier, if the
	// version it has at that moment is was and it is active. Another version or
	// another status is ErrConflict, no such stream ErrNotFound.
	Update(ctx context.Context, s millrace.Stream, was string) error

	// BeginDelete puts the stream into StatusDeleting, if the version it has
	// at that moment is was (or was is empty) and it is active. Another version
	// or another status is ErrConflict, no such stream ErrNotFound. From now on
	// the name is taken and the stream is of no use, until FinishDelete.
	BeginDelete(ctx context.Context, key millrace.StreamKey, was string) error

	// FinishDelete forgets a stream in StatusDeleting, its tags and its
	// documents, and frees its name. The caller has put the stream's media out of reach before. A
	// stream that is active is ErrConflict; one that is gone already is no
	// error, so that a deletion cut short can be finished twice.
	FinishDelete(ctx context.Context, key millrace.StreamKey) error
}

// A Page asks List for a part of the streams. The zero Page asks for all.
type Page struct {
	Prefix   string              // of the names
	After    millrace.StreamName // names up to and including this one are left out
	Limit    int                 // most streams to return; 0 means no limit
	Deleting bool                // only streams in StatusDeleting, which are found without a look at the others
}

// Deletions is the audit record of what was deleted of streams that go on. What
// Streams promises of concurrency, durability and errors holds here. Records
// stay as they are, also when their stream is deleted.
type Deletions interface {
	// AddDeletion keeps a record and returns it with its ID, which is greater
	// than all before. A stream that is not there, or not active, is
	// ErrNotFound.
	AddDeletion(ctx context.Context, d Deletion) (Deletion, error)

	// Deletions returns up to limit records with IDs greater than after, in
	// order: those of one stream, or of all if stream is zero. A limit of 0 is
	// no limit; an empty slice means that there are no more.
	Deletions(ctx context.Context, stream millrace.StreamKey, after uint64, limit int) ([]Deletion, error)

	// KeepSince makes KeptSince of each stream at least as late as said, in one
	// step for all; what is finer than a millisecond counts up. Streams that
	// are not there are passed over.
	KeepSince(ctx context.Context, since map[millrace.StreamKey]time.Time) error
}

// Tags are the labels of streams. What Streams promises of concurrency,
// durability and errors holds here. A stream that is not there, or that is not
// active, is ErrNotFound.
type Tags interface {
	// SetTags adds tags to the stream's, replacing the values of those that
	// exist. If the stream would then have more than most tags, nothing is
	// changed and the error is ErrLimit.
	SetTags(ctx context.Context, key millrace.StreamKey, tags map[string]string, most int) error

	// DeleteTags removes tags. Names that the stream does not carry are
	// passed over.
	DeleteTags(ctx context.Context, key millrace.StreamKey, names []string) error

	// Tags returns all tags of the stream in a map of the caller's own; it is
	// empty, never nil, when there is none.
	Tags(ctx context.Context, key millrace.StreamKey) (map[string]string, error)
}

// Meta is what the server remembers of itself. What Streams promises of
// concurrency, durability and errors holds here.
type Meta interface {
	// NextEpoch returns a number that it never returned before, greater than
	// all before and than after, from 1. A server takes one at each start; a
	// second one only where packs are newer, or before a stream's counter would
	// wrap.
	NextEpoch(ctx context.Context, after uint32) (uint32, error)

	// ClockStamp returns the stamp that was kept last, in UTC and whole
	// milliseconds, and the zero time if there was none.
	ClockStamp(ctx context.Context) (time.Time, error)

	// SetClockStamp keeps t, if it is later than the stamp that is kept. It is
	// not an error if it is not.
	SetClockStamp(ctx context.Context, t time.Time) error

	// Keep returns the value that is kept under name. Where there is none it
	// keeps fresh and returns that; of any number of calls at once, all return
	// the same value. The slice is the caller's own.
	Keep(ctx context.Context, name string, fresh []byte) ([]byte, error)

	// Remember keeps value under name, in place of what it kept there before.
	// Its names are not those of Keep.
	Remember(ctx context.Context, name string, value []byte) error

	// Recall returns what Remember kept last under name, and nil if that was
	// nothing. The slice is the caller's own.
	Recall(ctx context.Context, name string) ([]byte, error)
}

// Control is the whole control state, which is authoritative: a backup of it
// and of the packs is a backup of everything.
type Control interface {
	Streams
	Deletions
	Tags
	Documents
	Meta

	// Close ends the use of the state. Calls under way are finished first;
	// later ones are ErrClosed. A second Close does nothing.
	Close() error
}

// streamsPerPage bounds the memory that one step of AllStreams takes.
const streamsPerPage = 1000

// AllStreams calls each with every stream of every status, in order of name,
// a page at a time: a stream that is created or deleted meanwhile may be seen
// or not, every other is seen once. It ends with the first error of each.
//
// A server that starts reads its live streams so: whatever the packs hold
// under a StreamKey that is not seen here as active has been deleted.
func AllStreams(ctx context.Context, streams Streams, each func(millrace.Stream) error) error {
	page := Page{Limit: streamsPerPage}
	for {
		list, err := streams.List(ctx, page)
		if err != nil {
			return err
		}
		for _, s := range list {
			if err := each(s); err != nil {
				return err
			}
		}
		if len(list) < page.Limit {
			return nil
		}
		page.After = list[len(list)-1].Name
	}
}
