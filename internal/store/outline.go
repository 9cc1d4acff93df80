package store

import (
	"context"
	"fmt"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/pack"
)

// An Outliner reads fragments without their bodies. Any number of goroutines
// may use it.
type Outliner interface {
	// Outline is Read without the body: Leading, Cluster and Trailing of the
	// fragment are nil, Samples and Header are there. What is verified is the
	// record's header and its sample table, and not the body. The fragment owns
	// its memory, but for the Header, which is shared and not to be changed. A
	// fragment that has gone since is ErrNotFound, one whose record fails its
	// checksums is ErrCorrupt, and so is one that is known to be damaged,
	// wherever in it that is (I7).
	Outline(ctx context.Context, s Scope, e Entry) (*millrace.Fragment, error)
}

// outlineRead is how much is read at once for an outline: the fixed header and
// the sample table of some 450 frames. It is a block of most file systems, of
// which a record may begin anywhere; what is read is in the cache with that.
const outlineRead = 4 << 10

// errKnownDamage says that nothing was read: it is known what it would show.
var errKnownDamage = fmt.Errorf("it is known to be damaged: %w", millrace.ErrCorrupt)

// Outline implements Outliner.
func (e *Engine) Outline(ctx context.Context, s Scope, entry Entry) (*millrace.Fragment, error) {
	var f *millrace.Fragment
	err := e.follow(ctx, s, entry, func(now Entry) error {
		if e.damage.knows(now.Position, now.Number) {
			return errKnownDamage
		}
		return e.withRecord(now, func(r *recordReader) (err error) {
			f, err = r.outline(s.Stream, now.Number)
			return err
		})
	})
	if err != nil {
		return nil, fmt.Errorf("outline of fragment %v: %w", entry.Number, e.judge(s, entry, err))
	}
	e.damage.outlined()
	return f, nil
}

// outline reads the fixed header and the sample table, in one read if it can.
func (r *recordReader) outline(key millrace.StreamKey, number millrace.FragmentNumber) (*millrace.Fragment, error) {
	b, _ := r.e.outlines.Get().(*[outlineRead]byte)
	if b == nil {
		b = new([outlineRead]byte)
	}
	defer r.e.outlines.Put(b)
	// What this fails to read may be what lies behind the table, or behind the
	// end of the file, so that its error does not count.
	n, _ := r.file.ReadAt(b[:], r.offset)
	var err error
	if n >= pack.RecordHeaderSize {
		r.record, err = pack.ParseRecord(b[:n], r.pack.salt)
	} else {
		r.record, err = pack.ReadRecord(r.file, r.offset, r.pack.salt)
	}
	if err != nil {
		return nil, err
	}
	if err := r.isOf(key, number); err != nil {
		return nil, err
	}
	header, err := r.header()
	if err != nil {
		return nil, err
	}
	table, err := r.table(b[:n])
	if err != nil {
		return nil, err
	}
	return r.record.Outline(table, header)
}

// table returns the sample table, of which the beginning of the record may have
// been read.
func (r *recordReader) table(read []byte) ([]byte, error) {
	if end := pack.RecordHeaderSize + int(r.record.Table); end <= len(read) {
		return read[pack.RecordHeaderSize:end], nil
	}
	table := make([]byte, r.record.Table)
	return table, pack.ReadFull(r.file, table, r.offset+pack.RecordHeaderSize)
}
