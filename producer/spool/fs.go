package spool

import "io"

// A fileSystem is the directory of a spool. All names are within it. Any
// goroutine may call it; no two have the same file open for writing, but for
// journals, whose writers write to places of their own.
type fileSystem interface {
	// Make makes the directory and what lacks above it, durably.
	Make() error
	// Lock takes the directory until the Closer is closed or the process ends, or
	// returns ErrLocked at once.
	Lock() (io.Closer, error)
	// Names lists the files.
	Names() ([]string, error)
	// Create makes a file for reading and writing that must not exist.
	Create(name string) (file, error)
	// Open opens a file, for reading alone or for both. One that is not there is
	// fs.ErrNotExist.
	Open(name string, write bool) (file, error)
	Remove(name string) error
	Rename(from, to string) error
	// Sync makes names durable: what was created, removed and renamed.
	Sync() error
}

// A file is one open file. What was written is durable after Sync; an error of
// Sync says nothing about what is durable, nor does a later success.
type file interface {
	io.ReaderAt
	io.WriterAt
	io.Closer
	Sync() error
	Truncate(size int64) error
	Size() (int64, error)
}
