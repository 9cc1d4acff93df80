package checkpoint

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"time"
)

// MaxFile is how large the file of a File may be, in bytes. A change that would
// make it larger is ErrFull.
const MaxFile = 4 << 20

const (
	lockSuffix = ".lock" // of the file that is locked
	newSuffix  = ".new"  // of the file that is to take the place of the old one
	filePerm   = 0o600

	// openWait is how long OpenFile waits for other processes.
	openWait = 10 * time.Second
)

// A File is a store in one file, for the processes of one machine. It is read
// and written as a whole for each call, and made durable with each change: that
// is a few milliseconds, which does for some dozens of streams. Put it on a local
// disk: file systems of networks do not always keep locks and names in order.
//
// Who opens the same path shares the store, in this process and in others: a call
// has the lock of a second file, path with ".lock", which stays. Calls wait for
// each other as long as their contexts allow.
//
// A crash at any moment leaves the old content or the new one. A change is
// written to path with ".new", and that file made durable, before its name is
// changed to path, which file systems do as one; then the directory is made
// durable, and only then does the call return (K4). What a crash has left of a
// ".new" is written over by the next change, which alone may: it has the lock. The
// system gives a lock back when a process ends, however it ends; where there are
// no such locks, as on Plan 9, a process that is killed within a call leaves
// the lock file, which then has to be removed by hand. This takes it that a
// sync reaches the disk, and that a disk keeps what it has; what it does not is
// found by a checksum, and is ErrDamaged.
type File struct {
	path string
	turn chan struct{} // its one place is the right to touch the file in this process
}

var _ Store = (*File)(nil)

// OpenFile opens the store at path, in a directory that exists. If there is no
// file it is made with the first change. A file that is none of ours, or of
// another version, or damaged, is an error. Nothing has to be closed.
func OpenFile(path string) (*File, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("open checkpoints: %w", err)
	}
	// A link would be replaced by a file, and others would go on with the old one.
	if target, err := filepath.EvalSymlinks(path); err == nil {
		path = target
	}
	f := &File{path: path, turn: make(chan struct{}, 1)}
	ctx, cancel := context.WithTimeout(context.Background(), openWait)
	defer cancel()
	if err := f.view(ctx, func(table, time.Time) error { return nil }); err != nil {
		return nil, fmt.Errorf("open checkpoints: %w", err)
	}
	return f, nil
}

// Load returns what is kept under a key, or ErrNotFound.
func (f *File) Load(ctx context.Context, k Key) (r Record, err error) {
	if err := k.check(); err != nil {
		return Record{}, err
	}
	err = f.view(ctx, func(t table, now time.Time) error {
		r, err = t.load(k, now)
		return err
	})
	return r, wrap("load", k, err)
}

// Save keeps a position, as Store says.
func (f *File) Save(ctx context.Context, k Key, r Record) error {
	if err := checkRecord(k, r); err != nil {
		return err
	}
	return wrap("save", k, f.change(ctx, func(t table, now time.Time) error { return t.save(k, r, now) }))
}

// Acquire takes or renews a lease, as Store says.
func (f *File) Acquire(ctx context.Context, k Key, owner string, ttl time.Duration) (r Record, err error) {
	if ttl, err = checkLease(k, owner, ttl); err != nil {
		return Record{}, err
	}
	err = f.change(ctx, func(t table, now time.Time) error {
		r, err = t.acquire(k, owner, ttl, now)
		return err
	})
	if err != nil {
		return Record{}, wrap("acquire", k, err)
	}
	return r, nil
}

// Release gives a lease back, if owner has it.
func (f *File) Release(ctx context.Context, k Key, owner string) error {
	if err := checkOwner(k, owner); err != nil {
		return err
	}
	return wrap("release", k, f.change(ctx, func(t table, _ time.Time) error {
		t.release(k, owner)
		return nil
	}))
}

// Delete forgets a key that nobody has a lease of.
func (f *File) Delete(ctx context.Context, k Key) error {
	if err := k.check(); err != nil {
		return err
	}
	return wrap("delete", k, f.change(ctx, func(t table, now time.Time) error { return t.remove(k, now) }))
}

// List walks the records of an application as they are when the loop begins.
func (f *File) List(ctx context.Context, app string) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		var all []Entry
		err := f.view(ctx, func(t table, now time.Time) error {
			all = t.list(app, now)
			return nil
		})
		walk(all, wrap("list", Key{App: app}, err), yield)
	}
}

// view calls look with what the file holds.
func (f *File) view(ctx context.Context, look func(t table, now time.Time) error) error {
	return f.locked(ctx, func() error {
		t, err := f.read()
		if err != nil {
			return err
		}
		return look(t, fileNow())
	})
}

// change calls edit with what the file holds, and writes what it made of it.
func (f *File) change(ctx context.Context, edit func(t table, now time.Time) error) error {
	return f.locked(ctx, func() error {
		t, err := f.read()
		if err != nil {
			return err
		}
		if err := edit(t, fileNow()); err != nil {
			return err
		}
		return f.write(t)
	})
}

// fileNow is the time in the file's unit.
func fileNow() time.Time { return time.UnixMilli(time.Now().UnixMilli()).UTC() }

// locked calls f with the file to itself.
func (f *File) locked(ctx context.Context, do func() error) (err error) {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	default:
	}
	select {
	case f.turn <- struct{}{}:
		defer func() { <-f.turn }()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	lock, err := waitForLock(ctx, f.path+lockSuffix)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lock.Close()) }()
	return do()
}

// read returns what the file holds; nothing if there is none.
func (f *File) read() (table, error) {
	file, err := os.Open(f.path)
	if errors.Is(err, fs.ErrNotExist) {
		return table{}, nil
	}
	if err != nil {
		return nil, err
	}
	content, err := io.ReadAll(io.LimitReader(file, MaxFile+1))
	if err := errors.Join(err, file.Close()); err != nil {
		return nil, err
	}
	if len(content) > MaxFile {
		return nil, fmt.Errorf("%s: %w: it has more than %d bytes", f.path, ErrDamaged, MaxFile)
	}
	t, err := decodeTable(content)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", f.path, err)
	}
	return t, nil
}

// write puts another content in the file's place.
func (f *File) write(t table) error {
	content, err := encodeTable(t)
	if err != nil {
		return err
	}
	if len(content) > MaxFile {
		return fmt.Errorf("%s: %w: it would have %d bytes, more than %d", f.path, ErrFull, len(content), MaxFile)
	}
	if err := writeDurably(f.path+newSuffix, content); err != nil {
		return err
	}
	if err := os.Rename(f.path+newSuffix, f.path); err != nil {
		return err
	}
	return syncDir(filepath.Dir(f.path))
}

// writeDurably makes a file with a content that a crash does not take away.
func writeDurably(path string, content []byte) error {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, filePerm)
	if err != nil {
		return err
	}
	_, err = file.Write(content)
	if err == nil {
		err = file.Sync()
	}
	return errors.Join(err, file.Close())
}
