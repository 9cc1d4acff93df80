package consumer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/wire/client"
	"github.com/millrace/millrace/mkv"
)

// An archiver is the source that reads what is stored: batch after batch of a
// plan, each over one response, and over as many more as it takes.
//
// Its place is batch[0], the fragment that is being read or comes next. It moves
// on when that fragment has been seen to its end or failed for good, and by
// nothing else; whatever happens to a response, the next one is asked for what
// begins at that place. So each fragment of the plan is handed out once, or told
// as failed once.
type archiver struct {
	assembler
	client  *client.Client
	stream  millrace.StreamName
	reader  *Reader
	silence time.Duration
	backoff client.Backoff
	list    lister
	plan    plan
	clock   Clock // by which the plan lists

	batch []entry
	size  int    // that it had
	asked int    // how many of it the response was asked for and has not given yet
	ahead *ahead // the next one; nil at first
	last  entry  // that was done or failed

	body    *response // nil while there is none
	broken  error     // what ended the last one, if another is to be waited for
	current *Fragment // of batch[0]; nil if it was not handed out
	told    *FragmentError

	tries   int       // responses in a row that gave nothing of batch[0]
	reached int       // elements of current that were handed out when the last one broke
	ended   int       // likewise, when the last one ended in good order; -1: none did
	missing int       // fragments in a row that were not there
	date    time.Time // the server's clock at dated; zero: it did not say
	dated   time.Time
}

// archiveSilence is for how long a read may bring no byte: the server is to send
// without a pause.
const archiveSilence = 40 * time.Second

// newArchiver makes the source of a search for r, which is given the bytes that a
// frame may have and the fragments of a batch, as options have them.
func newArchiver(r *Reader, conn *client.Client, s *search, maxFrame int64, batch int) *archiver {
	a := &archiver{
		assembler: newAssembler(mkv.ReaderOptions{MaxBlockSize: orDefault(maxFrame, defaultMaxFrame)}),
		client:    conn, stream: r.stream, reader: r, silence: archiveSilence,
		backoff: client.Backoff{Min: minReconnect, Max: maxReconnect},
		list:    listOf(conn, r.stream),
		clock:   s.order.clock(),
		ended:   -1,
	}
	s.list = a.list
	a.plan = plan{find: s.next, most: batchSize(batch)}
	return a
}

// head implements source.
func (a *archiver) head(ctx context.Context) (*Fragment, error) {
	a.settleCurrent()
	elements := elementSource{
		next:   func(g *Fragment) (mkv.Element, error) { return a.nextOf(ctx, g) },
		unread: a.unread,
	}
	for {
		if told := a.told; told != nil {
			a.told = nil
			return nil, told
		}
		if err := a.fill(ctx); err != nil {
			return nil, err
		}
		if a.batch[0].gone {
			a.fail(&FragmentError{ID: listedNotFoundID, Name: notFoundName})
			continue
		}
		if g, err := a.takeHead(ctx, elements); g != nil || err != nil {
			return g, err
		}
	}
}

// settleCurrent drains what is left of the fragment that was handed out, and goes
// on behind it.
func (a *archiver) settleCurrent() {
	if a.current == nil {
		return
	}
	a.current.drain()
	if a.current.Complete() {
		a.backoff.Reset()
		a.missing = 0
	}
	a.current = nil
	a.pass()
}

// pass goes on behind batch[0].
func (a *archiver) pass() {
	a.last, a.batch = a.batch[0], a.batch[1:]
	a.asked--
	a.tries, a.reached, a.ended = 0, 0, -1
}

// fill makes sure that there is a batch; io.EOF is that there is no more.
func (a *archiver) fill(ctx context.Context) error {
	for len(a.batch) == 0 {
		a.hangUp()
		if a.ahead == nil {
			a.ahead = a.lookAhead(ctx)
		}
		next := a.ahead
		a.ahead = nil
		next.take()
		switch {
		case ctx.Err() != nil:
			next.drop()
			return context.Cause(ctx)
		case next.err != nil && (errors.Is(next.err, io.EOF) || !client.Passing(next.err)):
			return next.err
		}
		a.broken = next.err
		if len(next.batch) == 0 {
			if err := a.wait(ctx); err != nil {
				return err
			}
			continue
		}
		a.batch, a.size, a.asked = next.batch, len(next.batch), len(next.batch)
		if next.body != nil {
			a.take(next.body, next.at)
		}
		a.ahead = a.lookAhead(ctx)
	}
	return nil
}

// takeHead reads one head from the response, for which it asks if there is none.
// It returns nil and no error if there is to be another try.
func (a *archiver) takeHead(ctx context.Context, elements elementSource) (*Fragment, error) {
	if a.body == nil {
		if err := a.connect(ctx); err != nil {
			return nil, err
		}
	}
	g, err := a.assembler.head(elements)
	switch told, ok := errors.AsType[*FragmentError](err); {
	case err == nil:
		return a.meet(g), nil
	case ok:
		return nil, a.refused(ctx, told)
	case errors.Is(err, io.EOF) && a.asked <= 0:
		a.hangUp() // it gave what it was asked for, which was a part
		return nil, nil
	case errors.Is(err, io.EOF) && a.asked == 1 && a.tries >= triesTogether:
		return nil, a.refused(ctx, &FragmentError{Number: a.batch[0].number, ID: listedNotFoundID, Name: notFoundName})
	}
	return nil, a.lost(ctx, err)
}

// meet is given the fragment that came. If it is a later one than was expected, the
// server leaves fragments out, or has an order of its own: those before it are
// asked for without it then, down to one alone, before anything is said to be
// missing.
func (a *archiver) meet(g *Fragment) *Fragment {
	switch i := slices.IndexFunc(a.batch, func(e entry) bool { return e.number == g.Number }); {
	case i > 0 && i < a.asked:
		a.hangUp()
		a.asked = i
		return nil
	case i != 0: // it was not asked for
		g.drain()
		return nil
	}
	g.listed = true // whatever its tags say
	a.current = g
	if a.ahead != nil && len(a.batch) <= 1+a.size/4 {
		a.ahead.come()
	}
	return g
}

// connect asks for what is left of the batch, until there is an answer, the
// context ends, or the server refuses for good.
func (a *archiver) connect(ctx context.Context) error {
	for {
		if a.broken != nil {
			if err := a.wait(ctx); err != nil {
				return err
			}
		}
		if a.asked <= 0 {
			a.asked = len(a.batch)
		}
		if a.tries >= triesTogether {
			a.asked = 1
		}
		if i := slices.IndexFunc(a.batch[:a.asked], func(e entry) bool { return e.gone }); i > 0 {
			a.asked = i
		}
		body, at, err := a.dial(ctx, numbersOf(a.batch[:a.asked]))
		switch {
		case err == nil:
			a.take(body, at)
			return nil
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case !client.Passing(err):
			return err
		}
		a.broken = err
	}
}

// dial makes one call. The goroutine that looks ahead does so too.
func (a *archiver) dial(ctx context.Context, numbers []millrace.FragmentNumber) (*response, time.Time, error) {
	ctx, end := context.WithCancelCause(ctx)
	body, at, err := a.client.OpenFragments(ctx, a.stream, numbers)
	if err != nil {
		end(nil)
		return nil, time.Time{}, fmt.Errorf("get media of fragments of %s: %w", a.stream, err)
	}
	return newResponse(ctx, end, body, a.silence), at, nil
}

// take makes a new response the archiver's.
func (a *archiver) take(body *response, at time.Time) {
	a.body, a.date, a.dated = body, at, time.Now()
	a.broken = nil
	a.reset(body)
	from := millrace.StartSelector{Type: millrace.StartFragmentNumber, Number: a.batch[0].number.Prev()}
	a.reader.connected(Connection{Start: from}, at)
}

// wait is for the time before another try.
func (a *archiver) wait(ctx context.Context) error {
	d := max(a.backoff.Next(), client.RetryAfter(a.broken))
	a.reader.disconnected(a.broken, d)
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// hangUp closes the response, if there is one.
func (a *archiver) hangUp() {
	if a.body != nil {
		_ = a.body.Close() // nothing more is read
		a.body = nil
	}
	a.asked = 0
}

// close implements source.
func (a *archiver) close() {
	a.hangUp()
	if a.ahead != nil {
		a.ahead.drop()
		a.ahead = nil
	}
}
