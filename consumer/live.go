package consumer

import (
	"context"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/consumer/checkpoint"
	"github.com/millrace/millrace/internal/wire/client"
	"github.com/millrace/millrace/media"
	"github.com/millrace/millrace/mkv"
)

// LiveOptions says where Client.Live begins, what it keeps of that, and when it
// ends. The zero value begins now, hands out everything, and goes on until the
// context ends.
type LiveOptions struct {
	// Start is where to begin; the zero value is now.
	Start millrace.StartSelector
	// At goes before Start unless it is zero: reading goes on behind it, in the
	// middle of a fragment if need be.
	At Position
	// Name is the application's name in Store, and goes before both if Store has a
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
	// Lag says what happens to a loop that is too slow.
	Lag LagPolicy
	// Replays says what happens to media that a producer sent twice.
	Replays ReplayPolicy
	// Reconcile asks the archive, after a connection broke, for fragments that the
	// next one leaves out, and hands them out first, flagged Backfilled. With
	// Millrace there are none.
	Reconcile bool
	// CatchUp reads what is older than two minutes by archive calls, which is faster,
	// before it joins the live edge.
	CatchUp bool
	// Expired says where to go on when what follows the position is gone.
	Expired ExpiredPolicy
	// Until says when the loop ends.
	Until Until
	// GapTolerance is the time between the end of a fragment and the beginning of the
	// next from which on it is a gap. 0 is 500 ms.
	GapTolerance time.Duration
	// Silence is for how long a read may bring no byte before the connection is
	// made again. 0 is 40 s.
	Silence time.Duration
	// Rotate is after what time a connection is replaced by a new one, between two
	// fragments and without a pause. 0 is 40 min: AWS ends them after 45.
	Rotate time.Duration
	// MaxFrame bounds a frame, in bytes. 0 is 32 MiB. A larger one ends the loop with
	// mkv.ErrTooLarge.
	MaxFrame int64
	// MaxRetained bounds the bytes of all frames that Frame.Retain holds. 0 is 64 MiB.
	MaxRetained int64
	Events      Events
}

// Live reads a stream from where o says on to the present, and then as it
// arrives: frame by frame, over any number of connections. It makes no call
// before the loop begins.
//
// A fragment whose connection breaks goes on over the next one with the first
// frame that was not yet handed out (C2). What passes, such as a server that is
// away, is told by o.Events and waited for; a refusal that will not pass, such
// as a stream that is not there, ends the loop.
func (c *Client) Live(stream millrace.StreamName, o LiveOptions) *Reader {
	r := &Reader{stream: stream, set: common{
		at: o.At, name: o.Name, store: o.Store, lease: o.Lease, commit: o.Commit, tracks: o.Tracks, lag: o.Lag, replays: o.Replays,
		gapTolerance: orDefault(o.GapTolerance, defaultGapTolerance), maxRetained: orDefault(o.MaxRetained, defaultMaxRetained), events: o.Events,
	}}
	r.open = func(_ context.Context, end context.CancelCauseFunc, at Position) (source, error) {
		conn, err := c.connect()
		if err != nil {
			return nil, err
		}
		return withArchive(r, conn, o, at, newFollower(r, conn, o, at, end)), nil
	}
	r.start()
	return r
}

// newFollower makes the source of a live loop.
func newFollower(r *Reader, conn *client.Client, o LiveOptions, at Position, end context.CancelCauseFunc) *follower {
	return &follower{
		assembler: newAssembler(mkv.ReaderOptions{MaxBlockSize: orDefault(o.MaxFrame, defaultMaxFrame)}),
		line: line{
			client: conn, stream: r.stream, reader: r,
			silence: orDefault(o.Silence, defaultSilence), rotate: orDefault(o.Rotate, defaultRotate),
			backoff: client.Backoff{Min: minReconnect, Max: maxReconnect},
		},
		from:    newBeginning(o.Start, at),
		until:   o.Until,
		expired: o.Expired,
		quiet:   newQuietTimer(o.Until, end),
	}
}
