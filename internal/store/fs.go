package store

import (
	"errors"
	"io"
)

// An FS is one directory in which packs live. Any number of goroutines may use
// it. Names are plain file names.
//
// Nothing is durable before it is synced: a file's bytes and length by its own
// Sync, the fact that it exists, has gone or has a new name by SyncDir. What
// was not synced may be lost in a crash, whole or in part and in any order.
type FS interface {
	// Create makes a new, empty file. One that exists is fs.ErrExist.
	Create(name string) (File, error)

	// Open opens a file for reading and for appending at its end. One that
	// does not exist is fs.ErrNotExist.
	Open(name string) (File, error)

	// ReadDir returns the names of all files, sorted.
	ReadDir() ([]string, error)

	// Remove takes a name away. Files that are open stay readable.
	Remove(name string) error

	// Rename gives a file another name, whose former file it takes away, in
	// one step.
	Rename(from, to string) error

	// SyncDir makes all that happened to names durable.
	SyncDir() error

	// Space says how much room there is. A directory that cannot tell returns
	// the zero Space.
	Space() (Space, error)
}

// ErrUnsupported means that the file system cannot do what was asked of it.
var ErrUnsupported = errors.New("the file system cannot do that")

// A Space is the room of the file system that a directory is on, in bytes. The
// zero Space is not known.
type Space struct {
	Total int64
	Free  int64 // that this process may still use
}

// A File is one open file of an FS. ReadAt may be called by any number of
// goroutines, also while another method runs; all other methods by one
// goroutine at a time.
type File interface {
	io.ReaderAt

	// WriteV appends all of bufs and returns how many bytes it wrote. An error
	// leaves any part of them behind. bufs and what it refers to stay as they
	// are.
	WriteV(bufs [][]byte) (int64, error)

	// Sync makes all that was written durable. After an error nothing is known
	// of what was not synced before, and a later success says nothing of it.
	Sync() error

	// StartWriteback asks the system to begin with writing out n bytes from
	// off. It is a hint: it makes nothing durable, and need not do anything.
	StartWriteback(off, n int64) error

	// WriteAt writes p in place of what is at off. It does not go beyond the
	// end. Like what WriteV writes it is durable with the next Sync.
	WriteAt(p []byte, off int64) (int, error)

	// Punch gives the room of whole blocks within n bytes from off back. They
	// read as zeros then, and the length stays. ErrUnsupported means that this
	// file system has no holes. After a crash a hole that was not synced may be
	// there or not, or in part.
	Punch(off, n int64) error

	// Allocated returns how many bytes the file takes of the file system; its
	// length where that is not known.
	Allocated() (int64, error)

	// Truncate cuts the file to size bytes, and goes on appending there.
	Truncate(size int64) error

	// Size returns the length of the file.
	Size() (int64, error)

	// Close releases the file without syncing it.
	Close() error
}
