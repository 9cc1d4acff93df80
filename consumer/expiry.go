package consumer

import (
	"context"
	"fmt"
	"time"

	"github.com/millrace/millrace"
)

// Ages from which on a position may have expired, which is worth a call.
const (
	keptAnyway      = 5 * time.Minute // what a stream without retention keeps
	maxDescribeWait = 5 * time.Second // for what the stream's retention is
	edgeWait        = time.Second     // in which a server that has more would have sent of it
)

// checkExpiry finds out, before a connection is made, whether what follows the
// position is kept any longer, and does what the policy says. A server that does
// not tell the retention, or not now, does not hold the reading up.
func (f *follower) checkExpiry(ctx context.Context) error {
	b := &f.from
	if b.leapt || b.at.IsZero() || b.at.Equal(f.toldExpired) {
		return nil
	}
	since := b.at
	if f.edge.After(since) { // nothing came behind it until then
		since = f.edge
	}
	if time.Since(since) < keptAnyway {
		return nil
	}
	asking, end := context.WithTimeout(ctx, maxDescribeWait)
	defer end()
	stream, err := f.client.DescribeStream(asking, f.stream)
	if err != nil || time.Since(since) < max(stream.Retention, keptAnyway) {
		return nil
	}
	return f.expire()
}

// expire does what the policy says about a position behind which media are gone.
func (f *follower) expire() error {
	b := &f.from
	if !b.at.IsZero() && b.at.Equal(f.toldExpired) {
		return nil
	}
	f.toldExpired = b.at
	switch f.expired {
	case ExpiredFail:
		f.line.reader.tellExpired(b.at, nil)
		return fmt.Errorf("what follows %s: %w", b.at.Format(time.RFC3339), ErrExpired)
	case ExpiredNow:
		b.leap()
	}
	f.line.reader.screen.expired = b.at // told with the fragment that comes
	return nil
}

// tellExpired tells that what came after from is gone, up to f if that is not nil.
func (r *Reader) tellExpired(from time.Time, f *Fragment) {
	r.count(func(s *Stats) { s.Expired++ })
	if r.set.events.Expired == nil {
		return
	}
	e := Expired{From: from, Position: r.position}
	if f != nil {
		e.To = f.ServerTime
	}
	r.set.events.Expired(e)
}

// isOf reports whether the fragment is the one that the position is in the
// middle of.
func (p Position) isOf(n millrace.FragmentNumber) bool {
	return p.Done != Whole && !p.IsZero() && p.Fragment == n
}
