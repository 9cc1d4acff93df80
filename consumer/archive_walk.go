package consumer

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"iter"
	"math"
	"slices"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/wire"
	"github.com/millrace/millrace/internal/wire/client"
)

// An entry is what is kept of a listed fragment: little, because there may be
// many. Times are in milliseconds of Unix time.
type entry struct {
	number           millrace.FragmentNumber
	server, producer int64
	length           int64 // milliseconds of media
	bytes            int64
	gone             bool // it was listed, and is not any more
}

func newEntry(f client.Fragment) entry {
	return entry{
		number: f.Number, server: f.ServerTimestamp.UnixMilli(), producer: f.ProducerTimestamp.UnixMilli(),
		length: max(f.LengthMilliseconds, 0), bytes: max(f.Bytes, 0),
	}
}

// at is the time at which the fragment begins by a clock.
func (e entry) at(c Clock) int64 {
	if c == ProducerClock {
		return e.producer
	}
	return e.server
}

// compareEntries orders by a clock's Order, and then by number.
func compareEntries(o Order) func(a, b entry) int {
	return func(a, b entry) int {
		if o == ByProducerTime && a.producer != b.producer {
			return cmp.Compare(a.producer, b.producer)
		}
		return a.number.Compare(b.number)
	}
}

// A lister walks the pages of a list; (*client.Client).FragmentPages of a stream.
type lister func(ctx context.Context, r client.FragmentRange) iter.Seq2[client.FragmentPage, error]

// listOf is the list of a stream.
func listOf(conn *client.Client, stream millrace.StreamName) lister {
	return func(ctx context.Context, r client.FragmentRange) iter.Seq2[client.FragmentPage, error] {
		return conn.FragmentPages(ctx, stream, r)
	}
}

// A walk lists what a stream has in an order, window by window. Its memory is
// that of one window, whatever the length of the list.
type walk struct {
	list  lister
	order Order
	keep  func(entry) bool // nil: all
	windows
	expiring bool // a window has been listed: one that is refused has expired since

	date time.Time // the server's clock at seen; zero: not known
	seen time.Time
}

// newWalk returns a walk of what begins from one time to another, in
// milliseconds and both within, by the clock that is the order's.
func newWalk(list lister, o Order, from, to int64) *walk {
	return &walk{list: list, order: o, windows: windows{next: from, end: to}}
}

// next returns the entries of the next window, which may be none, in order, and
// each once; and io.EOF behind the last one. After another error it may be called
// again, and goes on where it was.
func (w *walk) next(ctx context.Context) ([]entry, error) {
	for w.left() {
		found, all, err := w.collect(ctx)
		if err != nil {
			return nil, err
		}
		first, last := w.span(found)
		if !all && w.narrow(first, last) {
			continue
		}
		if !all {
			return nil, fmt.Errorf("list fragments: more than %d begin at %s", mostAtOnce, time.UnixMilli(w.windows.next).UTC().Format(time.RFC3339Nano))
		}
		w.pass(len(found), first)
		return w.arrange(found), nil
	}
	return nil, io.EOF
}

// span is from when to when fragments begin.
func (w *walk) span(found []entry) (first, last int64) {
	first, last = math.MaxInt64, math.MinInt64
	for _, e := range found {
		at := e.at(w.order.clock())
		first, last = min(first, at), max(last, at)
	}
	return first, last
}

// arrange sorts a window, and leaves out what is not wanted, and repeats.
func (w *walk) arrange(found []entry) []entry {
	if w.keep != nil {
		found = slices.DeleteFunc(found, func(e entry) bool { return !w.keep(e) })
	}
	slices.SortFunc(found, compareEntries(w.order))
	return slices.CompactFunc(found, func(a, b entry) bool { return a.number == b.number })
}

// collect lists the next window. It returns false if there is more in it than it
// should have; what it returns is a part of that then.
func (w *walk) collect(ctx context.Context) (found []entry, all bool, err error) {
	from, to := w.window()
	most := mostInWindow
	switch {
	case from == to:
		most = mostAtOnce
	case w.width <= 0:
		most = 0 // whatever comes in one page, for it is only a guess
	}
	clock := w.order.clock()
	for page, err := range w.list(ctx, client.FragmentRange{Clock: clock.wire(), Start: timestamp(from), End: timestamp(to)}) {
		if w.expiring && millrace.CodeOf(err) == millrace.CodeInvalidArgument {
			return nil, true, nil // of such an age nothing is kept any more, and some servers refuse to say so
		}
		if err != nil {
			return nil, false, fmt.Errorf("list fragments: %w", err)
		}
		w.expiring = true
		if !page.Date.IsZero() {
			w.date, w.seen = page.Date, time.Now()
		}
		for _, f := range page.Fragments {
			if e := newEntry(f); e.at(clock) >= from && e.at(clock) <= to {
				found = append(found, e)
			}
		}
		if page.More && len(found) > most {
			return found, false, nil
		}
	}
	return found, true, nil
}

// extend makes the walk go on to a later end.
func (w *walk) extend(end int64) { w.end, w.width = end, 0 }

// now is the server's time, in milliseconds, and false as long as it did not say.
func (w *walk) now() (int64, bool) {
	return w.date.Add(time.Since(w.seen)).UnixMilli(), !w.date.IsZero()
}

// wire is the clock's name in the protocol.
func (c Clock) wire() string {
	if c == ProducerClock {
		return client.ProducerTimestamp
	}
	return client.ServerTimestamp
}

func timestamp(ms int64) wire.Timestamp { return wire.Timestamp{Time: time.UnixMilli(ms).UTC()} }
