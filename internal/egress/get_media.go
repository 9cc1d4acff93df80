package egress

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/limit"
	"github.com/millrace/millrace/internal/memory"
	"github.com/millrace/millrace/internal/store"
	"github.com/millrace/millrace/internal/tail"
)

// A ChunkWriter takes what is ready as one transfer chunk. The pieces are not
// used after the call.
type ChunkWriter interface {
	WriteChunk(pieces ...[]byte) error

	// Waiting is for how long a WriteChunk has been waiting for the client to
	// take anything; 0 if there is none that waits. Abort breaks the response
	// off: such a WriteChunk fails. Any goroutine may call them.
	Waiting() time.Duration
	Abort()
}

// Config says how media are delivered.
type Config struct {
	Index       store.Index
	Opener      store.Opener // of fragments that are too large to be held; nil: all are held
	Now         func() time.Time
	IdleTimeout time.Duration // ends a response at the live edge; 0 means never
	Logger      *slog.Logger
	Memory      *memory.Budget // for fragments from the store; one of 1 GiB if nil
	Pace        limit.Pace     // of each response
}

// An Egress delivers media. Any number of goroutines may use it.
type Egress struct {
	Config
	bodies sync.Pool // of *[]byte: fragments from the store
}

// New returns an Egress.
func New(c Config) *Egress {
	if c.Memory == nil {
		c.Memory = memory.New(1 << 30)
	}
	return &Egress{Config: c}
}

// A Request says what one GetMedia call wants.
type Request struct {
	Stream *tail.Stream
	Scope  func() store.Scope // asked at every look into the store
	Start  millrace.StartSelector
	Events Events
}

// ErrCut means that the connection must be broken off: the client was promised
// bytes that will not come.
var ErrCut = errors.New("the client was promised bytes that will not come")

// ErrSlow means that the connection was broken off because the client was too
// slow to take what was held in memory for it, and others had need of that.
var ErrSlow = errors.New("the client is too slow for the memory that there is")

// ErrStop is the cause with which a caller cancels the context of Run to let it
// end in good order, if it stands at the end of a document.
var ErrStop = errors.New("the server ends the response")

// A Delivery is one response that knows where it starts.
type Delivery struct {
	egress *Egress
	cursor *tail.Cursor
	scope  func() store.Scope
	events Events
}

// Open finds the start of a response, before anything of it is written: a
// client that has its head misses no fragment that begins from then on.
func (e *Egress) Open(ctx context.Context, r Request) (*Delivery, error) {
	cursor, err := r.Stream.NewCursor(ctx, e.Index, r.Scope, r.Start)
	if err != nil {
		return nil, fmt.Errorf("find start: %w", err)
	}
	return &Delivery{egress: e, cursor: cursor, scope: r.Scope, events: r.Events.withDefaults()}, nil
}

// Run writes fragments to w until ctx ends, the stream is deleted or idle, or
// writing fails. It returns nil where the response may end in good order: it
// stands at the end of a document then. It may be called once.
func (d *Delivery) Run(ctx context.Context, w ChunkWriter) error {
	o := &output{egress: d.egress, w: paced(ctx, w, d.egress.Pace.Bytes), scope: d.scope, events: d.events}
	defer o.tellWritten()
	err := d.run(ctx, o)
	if err != nil && o.slow.Load() {
		return ErrSlow // whatever it was that noticed
	}
	return err
}

func (d *Delivery) run(ctx context.Context, o *output) error {
	e, cursor := d.egress, d.cursor
	fragments := limit.NewFlow(int64(e.Pace.Fragments))
	for {
		_ = fragments.Wait(ctx) // if that is over, the next wait says so
		step, err := e.next(ctx, cursor)
		fragments.Pass(1)
		if err == nil && ctx.Err() != nil { // it ended while there was more to come
			err = context.Cause(ctx)
			if step.Live != nil {
				step.Live.Release()
			}
		}
		switch {
		case errors.Is(err, tail.ErrIdle), errors.Is(err, ErrStop), errors.Is(err, millrace.ErrClosed):
			return nil
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case err != nil:
			return o.fail(err, cursor.After())
		case step.Live != nil:
			err = o.live(ctx, step.Live)
			step.Live.Release()
		default:
			err = o.kept(ctx, step.Kept)
			if errors.Is(err, ErrStop) { // nothing of the document is out
				return nil
			}
		}
		if err != nil {
			return err
		}
	}
}

// next waits for a fragment, at the live edge no longer than the idle timeout.
// Where the wait was ended its error is the cause of that, which a store may not
// tell.
func (e *Egress) next(ctx context.Context, c *tail.Cursor) (tail.Step, error) {
	step, err := c.NextWithin(ctx, e.IdleTimeout)
	if err != nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	return step, err
}

// output is one response in the making; its memory serves every fragment.
type output struct {
	listed bool // of GetMediaForFragmentList: its tags are others, and nothing is passed over
	egress *Egress
	w      ChunkWriter
	scope  func() store.Scope
	before []byte      // the service's tags before the Cluster
	behind []byte      // and behind it
	pieces [][]byte    // of one write
	view   [][]byte    // of one look at an open fragment
	slow   atomic.Bool // it was broken off
	events Events
	wrote  int64 // bytes that nobody was told of
}

// cut breaks the response off if the client has taken nothing for so long. It is
// a memory.Cut.
func (o *output) cut(idle time.Duration) bool {
	if o.slow.Load() {
		return true
	}
	if o.w.Waiting() < idle {
		return false
	}
	o.slow.Store(true)
	o.w.Abort()
	return true
}

// live delivers a fragment from memory, block by block while it grows. Of one
// that has failed before its first byte went out nothing is told.
func (o *output) live(ctx context.Context, f *tail.Fragment) error {
	defer f.OnCut(o.cut)()
	v, err := f.Read(ctx, 0, tail.Complete, o.view)
	if err == nil && v.State == tail.Failed {
		return nil
	}
	o.before = appendOpeningTags(o.before[:0], f.Number, f.ProducerTime)
	o.pieces = append(o.pieces[:0], f.Header.Bytes, f.Leading, o.before)
	for err == nil {
		o.view = v.Pieces
		o.pieces = append(o.pieces, v.Pieces...)
		if v.State != tail.Open && v.State != tail.Complete {
			return o.close(f, v)
		}
		if err = o.flush(); err != nil {
			return err
		}
		v, err = f.Read(ctx, v.Size, v.State, o.view)
	}
	return err
}

// close ends the document of a fragment that is settled or failed.
func (o *output) close(f *tail.Fragment, v tail.View) error {
	if v.State == tail.Failed && f.KnownSize && !v.Whole {
		return fmt.Errorf("fragment %s failed: %w", f.Number, ErrCut)
	}
	o.behind = appendClosingTags(o.behind[:0], f.Number, o.egress.Now())
	o.pieces = append(o.pieces, v.Trailing, o.behind)
	err := o.flush()
	if err == nil && v.State == tail.Settled {
		o.delivered(f.Number, v.Frames)
	}
	return err
}

// delivered tells of a fragment that is out.
func (o *output) delivered(n millrace.FragmentNumber, frames int) {
	o.tellWritten()
	o.events.Delivered(Delivered{Frames: frames, Behind: max(o.egress.Now().Sub(n.ServerTime()), 0)})
}

// tellWritten tells of the bytes that nobody was told of yet.
func (o *output) tellWritten() {
	if o.wrote > 0 {
		o.events.Written(o.wrote)
		o.wrote = 0
	}
}

// fail ends a response that cannot go on, with a document that says why.
func (o *output) fail(err error, n millrace.FragmentNumber) error {
	o.before = appendErrorDocument(o.before[:0], n, millrace.CodeMediaInternal)
	o.pieces = append(o.pieces[:0], o.before)
	return errors.Join(err, o.flush())
}

func (o *output) flush() error {
	if len(o.pieces) == 0 {
		return nil
	}
	err := o.w.WriteChunk(o.pieces...)
	if err == nil {
		for _, p := range o.pieces {
			o.wrote += int64(len(p))
		}
	}
	clear(o.pieces)
	o.pieces = o.pieces[:0]
	return err
}
