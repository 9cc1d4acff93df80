package consumer

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/millrace/millrace"
)

// What servers say in a list of a fragment that is not there.
const (
	listedNotFoundID = 3000
	notFoundName     = "FRAGMENT_NOT_FOUND"
)

// Tries of one fragment, with a growing wait between them. A server that is away
// counts as none.
const (
	triesOfLoss    = 8 // responses that break and bring nothing of it
	triesTogether  = 3 // of these, with others: it may be the next one at which they break
	triesOfRefusal = 4 // answers that it cannot be read
	triesOfFresh   = 8 // answers that it is not there, soon after it was made
)

// freshFor is the age below which a fragment that was listed, and is not there,
// may yet come: what answers the one call may know more than what answers the
// other.
const freshFor = 2 * time.Minute

// refused is told of an error document, which ends a response. It returns what
// ends the reading.
func (a *archiver) refused(ctx context.Context, told *FragmentError) error {
	at := slices.IndexFunc(a.batch, func(e entry) bool { return e.number == told.Number })
	asked := a.asked
	a.hangUp()
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case at > 0 && at < asked: // those before it may be there: they are asked for alone
		a.asked = at
	case a.mayPass(told):
		a.tries++
		a.broken = told
	default:
		if told.Code() == millrace.CodeNotFound {
			a.recheck(ctx)
		}
		a.fail(told)
	}
	return nil
}

// mayPass reports whether what a server says of batch[0] may be otherwise the next
// time.
func (a *archiver) mayPass(told *FragmentError) bool {
	switch {
	case told.Code() == millrace.CodeNotFound:
		return a.tries < triesOfFresh && a.fresh(a.batch[0])
	case told.ID >= 4500 && told.ID < 4600: // of its key
		return false
	}
	return a.tries < triesOfRefusal
}

// fresh reports whether a fragment was made just now, by the server's clock.
func (a *archiver) fresh(e entry) bool {
	if a.date.IsZero() {
		return false
	}
	return a.date.Add(time.Since(a.dated)).Sub(time.UnixMilli(e.server)) < freshFor
}

// lost is told of a response that broke, or ended before it should. It returns
// what ends the reading.
func (a *archiver) lost(ctx context.Context, err error) error {
	a.hangUp()
	a.broken = err
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if a.tries++; a.tries >= triesOfLoss {
		a.fail(&FragmentError{Name: fmt.Sprintf("%v, %d times", err, a.tries)})
	}
	return nil
}

// fail passes over batch[0], of which told says why.
func (a *archiver) fail(told *FragmentError) {
	failure := *told
	failure.Number = a.batch[0].number
	a.told, a.broken, a.current = &failure, nil, nil
	a.pass()
}

// recheck lists what is left of the batch again, once a second fragment in a row is
// not there: media expire while they are read, and those that have need not be
// asked for one by one.
func (a *archiver) recheck(ctx context.Context) {
	if a.missing++; a.missing < 2 {
		return
	}
	a.missing = 0
	from, to := a.batch[0].at(a.clock), a.batch[len(a.batch)-1].at(a.clock)
	w := newWalk(a.list, a.clock.order(), from, to)
	there := make(map[millrace.FragmentNumber]bool, len(a.batch))
	for w.left() {
		found, err := w.next(ctx)
		if err != nil {
			return // the fragments say so themselves
		}
		for _, e := range found {
			there[e.number] = true
		}
	}
	for i := range a.batch {
		a.batch[i].gone = !there[a.batch[i].number]
	}
}
