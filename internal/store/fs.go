package store

import "io"

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

	// Truncate cuts the file to size bytes, and goes on appending there.
	Truncate(size int64) error

	// Size returns the length of the file.
	Size() (int64, error)

	// Close releases the file without syncing it.
	Close() error
}
