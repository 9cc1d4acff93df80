package upkeep

import (
	"context"
	"io"
)

// A metered reader counts what is read through it, and reads no faster than it
// may. One goroutine uses it, within one call that ctx bounds.
type metered struct {
	under io.ReaderAt
	wait  func(n int64) error // before n bytes are read; nil never waits
	meter *Progress
	top   int64 // what was read from below it is counted once
}

// meteredBy returns a reader of under that p bounds and meter counts.
func meteredBy(ctx context.Context, under io.ReaderAt, p *pace, meter *Progress) *metered {
	m := &metered{under: under, meter: meter}
	if p != nil {
		m.wait = func(n int64) error { return p.wait(ctx, n) }
	}
	return m
}

// ReadAt implements io.ReaderAt.
func (m *metered) ReadAt(p []byte, off int64) (int, error) {
	if m.wait != nil {
		if err := m.wait(int64(len(p))); err != nil {
			return 0, err
		}
	}
	n, err := m.under.ReadAt(p, off)
	if end := off + int64(n); end > m.top {
		m.meter.add(end - max(off, m.top))
		m.top = end
	}
	return n, err
}
