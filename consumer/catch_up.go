package consumer

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/wire/client"
)

// How a live reader catches up. See past for why the margin is what it is.
const (
	// catchUpMargin is the age, by the server's time, from which on fragments are
	// read from the archive.
	catchUpMargin = 2 * time.Minute
	// worthCatching is how much more must have come of that age, when the archive is
	// read to its end, for it to be listed again. The rest comes live, and faster than
	// it is made.
	worthCatching = 30 * time.Second
	// longestFragment is how long before a time a fragment may begin that contains it.
	longestFragment = time.Minute
)

// A past finds what is older than catchUpMargin, in the order of numbers, from
// where a live reader begins.
//
// Nothing is missing behind it and nothing comes twice when GetMedia goes on after
// the last number that it found, n:
//
//   - What GetMedia gives has a number above n, and what was found has none above.
//     So nothing comes twice.
//   - A fragment below n that the list did not have would be missed. A number is
//     given when a fragment begins, and the fragment is listed when it ends, so that
//     a lower number can be there later than a higher one. But a fragment that is
//     open for 60 s while a higher one waits is failed for good by the server, and
//     so is one without progress for 10 s; then its commit takes as long as the disk
//     does. Since numbers go with the server's time, all below n began before n did,
//     and all of them are listed, or never will be, a minute and some seconds after
//     that. The list was made two minutes after it.
//   - Servers that do not say so promise a fragment in the list seconds after it
//     ended, and take none of minutes' length.
//
// The age is by the server's clock, as the heads of its answers tell it, so that a
// wrong one here does no harm. Where they tell none, everything is read live. The
// times of fragments are a server's too, but may lag that clock: those of Millrace
// do when it was set forward, by less than a minute for good and by more for a
// minute. The margin bears the first, as it is twice the 60 s.
type past struct {
	list  lister
	start millrace.StartSelector
	at    Position
	walk  *walk // nil at first
}

// next is walk.next. When it comes to its end and has been long about it, it goes on
// with what has come to the age meanwhile.
func (p *past) next(ctx context.Context) ([]entry, error) {
	if p.walk == nil {
		if err := p.begin(ctx); err != nil {
			return nil, err
		}
	}
	for {
		found, err := p.walk.next(ctx)
		if !errors.Is(err, io.EOF) {
			return found, err
		}
		now, ok := p.walk.now()
		end := now - catchUpMargin.Milliseconds()
		if !ok || end < p.walk.end+worthCatching.Milliseconds() {
			return nil, io.EOF
		}
		p.walk.extend(end)
	}
}

// begin finds out where to begin. io.EOF is that there is nothing to be caught up
// with.
func (p *past) begin(ctx context.Context) error {
	if p.at.IsZero() && p.start.Type == millrace.StartNow {
		return io.EOF
	}
	now := time.Now().UnixMilli()
	clock := newWalk(p.list, ByArrival, now, now) // of nothing, for the time
	if _, err := clock.next(ctx); err != nil {
		return err
	}
	now, ok := clock.now()
	if !ok {
		return io.EOF
	}
	w := newWalk(p.list, ByArrival, 0, now-catchUpMargin.Milliseconds())
	if err := p.aim(ctx, w); err != nil {
		return err
	}
	if w.end < w.windows.next+worthCatching.Milliseconds() {
		return io.EOF
	}
	p.walk = w
	return nil
}

// aim sets where a walk begins.
func (p *past) aim(ctx context.Context, w *walk) error {
	switch s := p.start; {
	case !p.at.IsZero():
		w.windows.next = max(ByArrival.start(p.at), 0)
		w.keep = func(e entry) bool { return ByArrival.behind(p.at, e) }
	case s.Type == millrace.StartFragmentNumber || s.Type == millrace.StartContinuationToken:
		w.windows.next = numberMillis(s.Number)
		w.keep = func(e entry) bool { return e.number.Compare(s.Number) > 0 }
	case s.Type == millrace.StartServerTime:
		w.windows.next, w.keep = containing(s.Time, ServerClock)
	case s.Type == millrace.StartProducerTime:
		first, err := p.firstProduced(ctx, s.Time)
		w.windows.next = first.server
		w.keep = func(e entry) bool { return e.number.Compare(first.number) >= 0 }
		return err
	}
	return nil
}

// containing is from when to list, by a clock, to find the fragment that contains a
// time, and what follows.
func containing(t time.Time, c Clock) (from int64, keep func(entry) bool) {
	at := ceilMillis(t)
	return at - longestFragment.Milliseconds(), func(e entry) bool { return e.at(c) >= at || e.at(c)+e.length > at }
}

// firstProduced finds the fragment with which GetMedia would begin at a time of the
// producer's clock. io.EOF is that there is none yet.
func (p *past) firstProduced(ctx context.Context, t time.Time) (entry, error) {
	w := newWalk(p.list, ByProducerTime, 0, latestMillis)
	w.windows.next, w.keep = containing(t, ProducerClock)
	for {
		found, err := w.next(ctx)
		switch {
		case err != nil:
			return entry{}, err
		case len(found) > 0:
			return found[0], nil
		}
	}
}

// numberMillis is when a fragment began, as its number tells if a server made it
// that numbers as AWS and Millrace do; else the beginning of time, for it is only to
// save calls.
func numberMillis(n millrace.FragmentNumber) int64 {
	at := n.ServerTime()
	if n.Bytes()[0]>>4 != 1 || at.Year() < 2000 || at.Year() > 2200 {
		return 0
	}
	return at.UnixMilli()
}

// withArchive is what the options make of a live source.
func withArchive(r *Reader, conn *client.Client, o LiveOptions, at Position, live *follower) source {
	src := source(live)
	if o.CatchUp {
		src = newLatecomer(r, conn, o, at, live)
	}
	if o.Reconcile {
		src = newReconciler(r, conn, o, src, live)
	}
	return src
}

// A latecomer is the source of a live reader that begins in the past: the archive
// first, and then what a follower gives.
type latecomer struct {
	live    *follower
	archive *archiver // nil once the follower goes on
	until   time.Time // zero: there is no end
	asked   bool      // whether the position has expired
}

// newLatecomer makes live begin where the archive ends.
func newLatecomer(r *Reader, conn *client.Client, o LiveOptions, at Position, live *follower) *latecomer {
	a := newArchiver(r, conn, &search{}, o.MaxFrame, 0)
	a.plan.find = (&past{list: a.list, start: o.Start, at: at}).next
	return &latecomer{live: live, archive: a, until: o.Until.Time}
}

// head implements source.
func (l *latecomer) head(ctx context.Context) (*Fragment, error) {
	if !l.asked {
		l.asked = true
		if err := l.live.checkExpiry(ctx); err != nil {
			return nil, err
		}
		if l.live.from.leapt {
			l.drop()
		}
	}
	if l.archive == nil {
		return l.live.head(ctx)
	}
	f, err := l.archive.head(ctx)
	switch {
	case errors.Is(err, io.EOF):
		l.join()
		return l.live.head(ctx)
	case err == nil && !l.until.IsZero() && !f.ServerTime.Before(l.until):
		return nil, io.EOF
	}
	return f, err
}

// join lets the follower go on behind what the archive had. If that is nothing, it
// begins where it would have begun.
func (l *latecomer) join() {
	l.archive.settleCurrent()
	if last := l.archive.last; !last.number.IsZero() {
		l.live.from = newBeginning(millrace.StartSelector{}, Position{
			Fragment: last.number, Done: Whole, ServerTime: time.UnixMilli(last.server).UTC(),
		})
	}
	l.drop()
}

func (l *latecomer) drop() {
	l.archive.close()
	l.archive = nil
}

// leap implements leaper.
func (l *latecomer) leap() {
	if l.archive != nil {
		l.join()
	}
	l.live.leap()
}

// close implements source.
func (l *latecomer) close() {
	if l.archive != nil {
		l.drop()
	}
	l.live.close()
}
