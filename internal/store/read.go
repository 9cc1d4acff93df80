package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"syscall"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/pack"
)

// Read implements Index.
func (e *Engine) Read(ctx context.Context, s Scope, entry Entry, buf []byte) (*millrace.Fragment, error) {
	f, err := e.read(ctx, s, entry, buf)
	if err != nil {
		return nil, fmt.Errorf("read fragment %v: %w", entry.Number, e.judge(s, entry, err))
	}
	e.damage.read(entry.Position, entry.Number)
	return f, nil
}

// judge says what it means that an entry could not be read, and reports damage.
// A place on the disk that is broken, while the rest of it is not, is corrupt:
// who reads the stream would never come past it otherwise.
func (e *Engine) judge(s Scope, entry Entry, err error) error {
	if errors.Is(err, syscall.EIO) && e.damage.isLost(entry.Position) {
		err = fmt.Errorf("%w: %w", millrace.ErrCorrupt, err)
	}
	if errors.Is(err, millrace.ErrCorrupt) {
		e.damaged(Damage{
			Pack: entry.Position.Pack, Offset: entry.Position.Offset, Length: entry.Size,
			Stream: s.Stream, Number: entry.Number, Err: err,
		})
	}
	return err
}

// mayRead says whether an entry is still found.
func (e *Engine) mayRead(ctx context.Context, s Scope, entry Entry) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	v, ok := e.index.view(s)
	if !ok || !v.seesPaged(&entry) {
		return millrace.ErrNotFound
	}
	if r := e.index.rule(s.Stream); r != nil && r.Gone(entry.Number, entry.ProducerTime) {
		return millrace.ErrNotFound // also what was found before it went, and has left the index since
	}
	return nil
}

func (e *Engine) read(ctx context.Context, s Scope, entry Entry, buf []byte) (f *millrace.Fragment, err error) {
	err = e.follow(ctx, s, entry, func(now Entry) error {
		f, err = e.readAt(ctx, s.Stream, now, buf)
		return err
	})
	return f, err
}

// follow calls work with an entry that is still found, and once more with where
// it is now if work finds that it is not there.
func (e *Engine) follow(ctx context.Context, s Scope, entry Entry, work func(Entry) error) error {
	if err := e.mayRead(ctx, s, entry); err != nil {
		return err
	}
	if err := work(entry); !errors.Is(err, millrace.ErrNotFound) {
		return err
	}
	now, moved, err := e.movedTo(ctx, s, entry)
	if err != nil || !moved {
		return cmp.Or(err, millrace.ErrNotFound)
	}
	return work(now)
}

// movedTo returns where an entry is now, if that is not where it was: a pack
// that was rewritten has gone, and its fragments are in another.
func (e *Engine) movedTo(ctx context.Context, s Scope, entry Entry) (now Entry, moved bool, err error) {
	list, err := e.After(ctx, s, entry.Number.Prev(), 1)
	if err != nil || len(list) == 0 || list[0].Number != entry.Number {
		return Entry{}, false, err
	}
	return list[0], list[0].Position != entry.Position, nil
}

// readAt reads the fragment that lies where an entry says.
func (e *Engine) readAt(ctx context.Context, key millrace.StreamKey, entry Entry, buf []byte) (f *millrace.Fragment, err error) {
	err = e.withRecord(entry, func(r *recordReader) error {
		f, err = r.read(ctx, key, entry.Number, buf)
		return err
	})
	return f, err
}

// withRecord lets work read where an entry says, while the pack is held open.
func (e *Engine) withRecord(entry Entry, work func(*recordReader) error) error {
	h, err := e.handles.acquire(entry.Position.Pack)
	if err != nil {
		return err
	}
	defer e.handles.release(h)
	info, ok := e.packs.look(entry.Position.Pack)
	if !ok {
		e.handles.drop(entry.Position.Pack) // it was removed meanwhile
		return millrace.ErrNotFound
	}
	r := &recordReader{e: e, file: h.file, pack: info, offset: entry.Position.Offset}
	if err = work(r); errors.Is(err, millrace.ErrCorrupt) && r.marked() {
		return millrace.ErrNotFound // its body was given back meanwhile
	}
	return err
}

// A recordReader reads one fragment record.
type recordReader struct {
	e      *Engine
	file   File
	pack   packInfo
	offset int64
	record pack.Record
}

func (r *recordReader) read(ctx context.Context, key millrace.StreamKey, number millrace.FragmentNumber, buf []byte) (*millrace.Fragment, error) {
	if err := r.locate(key, number); err != nil {
		return nil, err
	}
	header, err := r.header()
	if err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	table, err := r.table(nil)
	if err != nil {
		return nil, err
	}
	if cap(buf) < int(r.record.Stored) {
		buf = make([]byte, r.record.Stored)
	}
	body := buf[:r.record.Stored]
	if err := pack.ReadFull(r.file, body, r.offset+r.record.BodyOffset()); err != nil {
		return nil, err
	}
	return r.record.Fragment(table, body, header)
}

// locate reads the fixed header. One of another fragment, or of one that was
// deleted, means that what the entry told of has gone.
func (r *recordReader) locate(key millrace.StreamKey, number millrace.FragmentNumber) error {
	var err error
	if r.record, err = pack.ReadRecord(r.file, r.offset, r.pack.salt); err != nil {
		return err
	}
	return r.isOf(key, number)
}

// isOf says whether the fixed header is that of a fragment.
func (r *recordReader) isOf(key millrace.StreamKey, number millrace.FragmentNumber) error {
	if r.record.Kind != pack.KindFragment || r.record.Stream != key || r.record.Number != number ||
		r.record.Mark == pack.MarkDeleted {
		return millrace.ErrNotFound
	}
	if !r.pack.aside.unread() && r.offset+r.record.BodyOffset()+int64(r.record.Stored) > r.pack.size {
		return fmt.Errorf("record is longer than its pack: %w", millrace.ErrCorrupt)
	}
	return nil
}

// marked reports whether the record is marked as deleted by now.
func (r *recordReader) marked() bool {
	mark, err := pack.ReadMark(r.file, r.offset)
	return err == nil && mark == pack.MarkDeleted
}

// header returns the header elements of the fragment, from memory or from the
// first of their two records that is intact.
func (r *recordReader) header() (*millrace.Header, error) {
	hash := r.record.Header
	if hash == [32]byte{} {
		return nil, nil
	}
	if h := r.e.headers.get(hash); h != nil {
		return h, nil
	}
	h, err := pack.ReadHeader(r.file, r.record.HeaderAt[0], r.pack.salt, hash)
	if err != nil {
		h, err = pack.ReadHeader(r.file, r.record.HeaderAt[1], r.pack.salt, hash)
	}
	if err != nil {
		return nil, fmt.Errorf("read header elements: %w", err)
	}
	r.e.headers.put(h)
	return h, nil
}
