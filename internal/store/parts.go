package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/pack"
)

// A Parts gives out one fragment in parts, for those who cannot hold it at once.
// One goroutine uses it. Nothing has to be closed.
type Parts struct {
	Number       millrace.FragmentNumber
	ProducerTime time.Time
	Header       *millrace.Header // nil if the fragment has none
	Leading      int64            // bytes of the leading elements, with which the body begins
	Cluster      int64            // bytes of the Cluster behind them
	Trailing     int64            // bytes of the trailing elements at the end
	Frames       int              // in the Cluster

	read func(buf []byte) (int, error)
}

// NewParts returns p with a body that read gives out, as Parts.Read does.
func NewParts(p Parts, read func(buf []byte) (int, error)) *Parts {
	p.read = read
	return &p
}

// Read fills buf with the next bytes of the body, or with what is left of them.
// It returns io.EOF behind the last ones. All of the body was verified before
// the first part was given out, and is verified again before the last one is: an
// ErrCorrupt comes instead of the last part then (I7). A fragment that has gone
// meanwhile is ErrNotFound.
func (p *Parts) Read(buf []byte) (int, error) { return p.read(buf) }

// An Opener opens fragments to be read in parts. Any number of goroutines may
// use it.
type Opener interface {
	// Open is Index.Read for a fragment that is not to be held at once. It reads
	// and verifies all of it, part by part into buf, which must not be empty.
	Open(ctx context.Context, s Scope, e Entry, buf []byte) (*Parts, error)
}

var _ Opener = (*Engine)(nil)

// Open implements Opener.
func (e *Engine) Open(ctx context.Context, s Scope, entry Entry, buf []byte) (*Parts, error) {
	p, err := e.open(ctx, s, entry, buf)
	if err != nil {
		return nil, fmt.Errorf("open fragment %v: %w", entry.Number, e.judge(s, entry, err))
	}
	e.damage.read(entry.Position, entry.Number)
	return p, nil
}

func (e *Engine) open(ctx context.Context, s Scope, entry Entry, buf []byte) (p *Parts, err error) {
	err = e.follow(ctx, s, entry, func(now Entry) error {
		p, err = e.openAt(ctx, s, now, buf)
		return err
	})
	return p, err
}

// openAt verifies the fragment that lies where an entry says.
func (e *Engine) openAt(ctx context.Context, s Scope, entry Entry, buf []byte) (*Parts, error) {
	b := &storedBody{e: e, scope: s, entry: entry}
	p := &Parts{Number: entry.Number, read: b.give}
	err := e.withRecord(entry, func(r *recordReader) (err error) {
		if err = r.locate(s.Stream, entry.Number); err != nil {
			return err
		}
		b.record = r.record
		p.ProducerTime = r.record.ProducerTime
		p.Leading, p.Cluster, p.Trailing = int64(r.record.Leading), int64(r.record.Cluster), int64(r.record.Trailing)
		p.Frames = int(r.record.Samples)
		p.Header, err = r.header()
		return err
	})
	if err != nil {
		return nil, err
	}
	for {
		_, err := b.read(buf)
		switch {
		case errors.Is(err, io.EOF):
			b.begun = false
			return p, ctx.Err()
		case err != nil:
			return nil, err
		case ctx.Err() != nil:
			return nil, ctx.Err()
		}
	}
}

// A storedBody is the body of one record that is read in parts. The pack is held
// open for one part at a time, so that a slow client keeps no file.
type storedBody struct {
	e      *Engine
	scope  Scope
	entry  Entry
	record pack.Record
	check  pack.BodyCheck
	begun  bool
}

// give is Parts.Read.
func (b *storedBody) give(buf []byte) (int, error) {
	n, err := b.read(buf)
	if err != nil && !errors.Is(err, io.EOF) {
		err = fmt.Errorf("read fragment %v: %w", b.entry.Number, b.e.judge(b.scope, b.entry, err))
	}
	return n, err
}

// read fills buf, from the beginning on if it has not begun.
func (b *storedBody) read(buf []byte) (n int, err error) {
	if !b.begun {
		if b.check, err = b.record.CheckParts(); err != nil {
			return 0, err
		}
		b.begun = true
	}
	if b.check.Left() == 0 {
		return 0, io.EOF
	}
	n = int(min(int64(len(buf)), b.check.Left()))
	err = b.e.withRecord(b.entry, func(r *recordReader) error { return b.readPart(r, buf[:n]) })
	if err != nil {
		return 0, err
	}
	return n, nil
}

// readPart reads and checks the next part. One whose fragment was deleted
// meanwhile, and whose bytes were given back, is not damaged.
func (b *storedBody) readPart(r *recordReader, buf []byte) error {
	at := b.entry.Position.Offset + b.record.BodyOffset() + int64(b.record.Stored) - b.check.Left()
	err := pack.ReadFull(r.file, buf, at)
	if r.marked() {
		return millrace.ErrNotFound // what was read may be of a hole
	}
	if err == nil {
		err = b.check.Add(buf)
	}
	if errors.Is(err, millrace.ErrCorrupt) {
		if gone := r.locate(b.scope.Stream, b.entry.Number); errors.Is(gone, millrace.ErrNotFound) {
			return gone
		}
	}
	return err
}
