package store

import (
	"context"
	"encoding/binary"
	"time"

	"github.com/millrace/millrace"
)

// A Clock is one of the two by which fragments are found.
type Clock uint8

// The clocks.
const (
	ServerClock Clock = iota
	ProducerClock
)

// A Key is an entry's place in the order of one clock, and comparable byte by
// byte. On the server's clock it is the fragment number behind eight zero
// bytes: numbers have the order of server times (I3). On the producer's clock
// the eight bytes are the producer time in milliseconds of Unix time, big
// endian with the sign bit flipped, so that what starts together is in number
// order.
type Key [28]byte

// KeyOf is the key of an entry on a clock.
func KeyOf(c Clock, number millrace.FragmentNumber, producer time.Time) (k Key) {
	if c == ProducerClock {
		binary.BigEndian.PutUint64(k[:8], uint64(producer.UnixMilli())^1<<63)
	}
	b := number.Bytes()
	copy(k[8:], b[:])
	return k
}

// An IndexPage is a run of the entries of one stream on one clock, without a gap: no
// entry of another page of that stream and clock lies between First and Last.
type IndexPage struct {
	Stream millrace.StreamKey
	Clock  Clock
	First  Key
	Last   Key
	Start  int64 // when the first entry starts on the clock, in milliseconds of Unix time
	Latest int64 // no entry starts later
	End    int64 // no entry ends later
	Count  int
	Bytes  int64  // of the entries' media
	Data   []byte // the entries, encoded, with a checksum over them

	// Summary is what the entries cover, encoded, with a checksum of its own; nil
	// for a page that a release made which had none.
	Summary []byte
}

// A PageQuery asks for pages of one stream and clock.
type PageQuery struct {
	Stream   millrace.StreamKey
	Clock    Clock
	From     Key   // pages with Last >= From
	To       Key   // pages with First <= To; the zero Key is no bound
	EndAfter int64 // pages with End > EndAfter only; math.MinInt64 is no bound
	StartBy  int64 // pages with Start <= StartBy only; 0 is no bound. Both clocks have their pages in the order of Start
	Backward bool  // highest keys first
	Limit    int   // most pages to return; 0 is no limit

	// Summaries leaves out the Data of those pages that have a Summary.
	Summaries bool
}

// A PageID names a page.
type PageID struct {
	Stream millrace.StreamKey
	Clock  Clock
	First  Key
}

// A PackRow is what Pages keeps of one pack: how far its fragments are in
// the pages, and how many of those that are there are still found.
type PackRow struct {
	Number    uint64
	Salt      uint64 // names the file beside its number
	Class     Class
	Sealed    bool
	Size      int64  // bytes of the file when it was sealed, else 0
	Fed       int64  // records that start before this offset are in the pages, or were dead when it was their turn
	Fragments int    // that were fed
	Live      int    // that are in the pages now
	LiveBytes int64  // of their media
	Punched   int64  // bytes of the file that were given back
	Oldest    int64  // server time of the oldest fragment that was fed, milliseconds; 0 if none was
	Newest    int64  // and of the newest
	Limits    []byte // what the pack says of other packs, as in a limits record
}

// A PageChange is one step of the index. Removals happen before additions.
type PageChange struct {
	RemoveStreams []millrace.StreamKey // all their pages
	Remove        []PageID             // one that is not there is passed over
	Put           []IndexPage          // in place of the page with the same PageID, if there is one
	RemovePacks   []uint64
	PutPacks      []PackRow
	Facts         map[string]string // remembered under their names; an empty value forgets
}

// A StreamPages sums up the pages of one stream on the server's clock.
type StreamPages struct {
	Stream millrace.StreamKey
	Count  int
	Bytes  int64
	First  Key
	Last   Key
}

// PageState is all that Pages keeps beside the pages themselves.
type PageState struct {
	Packs   []PackRow     // by number
	Streams []StreamPages // those that have pages, by key
	Facts   map[string]string
}

// Pages keeps the part of the index that has been fed: it is derived from the
// packs and from the control state, and can be thrown away.
//
// Any number of goroutines may use it; Apply is called by one at a time. What
// Apply has returned for, every later call sees, whole; a Find sees one state.
// After a crash the state is one that some Apply left, not necessarily the
// last, but none before the last Sync. A store that cannot be read is
// millrace.ErrCorrupt; that a page is damaged is found by its Entries. A full
// disk is ErrUnavailable. An Apply that fails has changed nothing. After a Sync
// that failed for another reason than ErrUnavailable nothing is known of what
// was not synced before: changes are ErrCorrupt until Reset.
type Pages interface {
	// State returns everything but the pages.
	State(ctx context.Context) (PageState, error)

	// Find returns pages in the order of their keys.
	Find(ctx context.Context, q PageQuery) ([]IndexPage, error)

	// Apply makes a change.
	Apply(ctx context.Context, c *PageChange) error

	// Sync makes all that was applied durable.
	Sync(ctx context.Context) error

	// Reset forgets everything, for an index that is to be built again. It
	// also works on one that is damaged. It is durable when it returns, and a
	// crash before that leaves all or nothing.
	Reset(ctx context.Context) error

	// Close ends the use. Calls under way are finished first; later ones are
	// millrace.ErrClosed. A second Close does nothing.
	Close() error
}
