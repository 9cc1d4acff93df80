package consumer

import (
	"context"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/consumer/checkpoint"
	"github.com/millrace/millrace/media"
)

// ArchiveOptions says how Client.Archive reads and what it keeps of where it is.
// The zero value reads in the order of arrival and hands out everything.
type ArchiveOptions struct {
	// At is where to go on, in the middle of a fragment if need be: a position of a
	// reader of the same range in the same order.
	At Position
	// Name is the application's name in Store, and goes before At if Store has a
	// position under it.
	Name string
	// Store keeps the position over restarts. Nil leaves that to the application.
	Store checkpoint.Store
	// Lease makes sure that one reader at a time has the stream under Name.
	Lease Lease
	// Commit says when a position goes to Store.
	Commit CommitMode
	// Tracks are those whose frames are handed out; nil is all.
	Tracks []media.TrackNumber
	// Replays says what happens to media that a producer sent twice.
	Replays ReplayPolicy
	// Order is that of the fragments.
	Order Order
	// Batch is how many fragments one call asks for: at most, for those of a batch
	// have 64 MiB together if they are smaller. 0 is 100, and 1,000 the most.
	Batch int
	// GapTolerance, MaxFrame and MaxRetained are as in LiveOptions, but that a fragment
	// with a frame beyond MaxFrame is told as failed.
	GapTolerance time.Duration
	MaxFrame     int64
	MaxRetained  int64
	Events       Events
}

// Archive reads what is stored of a stream in a range of time, as fast as it
// comes. The loop ends without an error when everything has been handed out that
// was stored when it was listed. No call is made before it begins.
//
// It lists a part of the range, gets its media a batch of fragments at a time,
// and meanwhile lists the next part and opens the next batch: memory does not
// grow with the range. At most two responses are open at once.
//
// A fragment whose response breaks goes on over the next one with the first frame
// that was not yet handed out. One that the server does not give, because it has
// expired since, say, is told by Events.Failed, and the loop goes on behind it; a
// fragment that was made in the last two minutes and is not there is asked for a
// few times before. What passes, such as a server that is away, is told by
// Events.Disconnected and waited for; a refusal that will not pass ends the loop.
func (c *Client) Archive(stream millrace.StreamName, span Range, o ArchiveOptions) *Reader {
	r := &Reader{stream: stream, set: common{
		at: o.At, name: o.Name, store: o.Store, lease: o.Lease, commit: o.Commit, tracks: o.Tracks, replays: o.Replays,
		gapTolerance: orDefault(o.GapTolerance, defaultGapTolerance), maxRetained: orDefault(o.MaxRetained, defaultMaxRetained), events: o.Events,
	}}
	r.open = func(_ context.Context, _ context.CancelCauseFunc, at Position) (source, error) {
		conn, err := c.connect()
		if err != nil {
			return nil, err
		}
		return newArchiver(r, conn, &search{span: span, order: o.Order, at: at}, o.MaxFrame, o.Batch), nil
	}
	r.keep.order = o.Order
	r.start()
	return r
}
