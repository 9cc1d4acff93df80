package upkeep

import (
	"context"
	"io"
)

// A metered reader counts what is read through it, up to a number of bytes, and
// reads no faster than it may. One goroutine uses it, within one call that ctx
// bounds.
type metered struct {
	under io.ReaderAt
	wait  func(n int64) error // before n bytes are read; nil never waits
	meter *Progress
	left  int64 // bytes that are yet to be counted: what is read twice is not
}

// meteredBy returns a reader of under, which is size bytes long, that p bounds
// and meter counts.
func meteredBy(ctx context.Context, under io.ReaderAt, size int64, p *pace, meter *Progress) *metered {
	m := &metered{under: under, meter: meter, left: size}
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
	counted := min(int64(n), m.left)
	m.left -= counted
	m.meter.add(counted)
	return n, err
}

// done counts what was never read, because it need not be.
func (m *metered) done() {
	m.meter.add(m.left)
	m.left = 0
}
