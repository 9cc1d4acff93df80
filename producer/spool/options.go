package spool

import (
	"cmp"
	"errors"
	"time"

	"github.com/millrace/millrace"
)

// The defaults of Options.
const (
	DefaultMaxBytes     = 10 << 30  // bytes
	DefaultMaxFragments = 250_000   // fragments
	DefaultFileBytes    = 128 << 20 // bytes
)

// SyncFiles as Options.SyncEvery syncs a file when it is full, and at Close. A
// power cut loses up to Options.FileBytes.
const SyncFiles time.Duration = -1

const (
	minFileBytes = 64 << 10
	filesInBound = 8 // so many files make MaxBytes, at least
)

// Options say where a spool is and how much it holds. The zero value of each
// field but Dir is its default.
type Options struct {
	// Dir is the directory of the stream. It is made, with its parents, if it
	// does not exist.
	Dir string

	// MaxBytes bounds the files in Dir, in bytes, whatever part of them is
	// settled already: the space of a file comes back when all of it is. Journals
	// come on top, with 32 bytes for each outcome, and so does what has to be
	// written a second time when the disk fails.
	// Default: DefaultMaxBytes.
	MaxBytes int64

	// MaxFragments bounds the pending fragments; each takes some 100 bytes of
	// memory. Default: DefaultMaxFragments.
	MaxFragments int

	// MaxAge bounds the age of the oldest pending fragment, counted from its
	// Begin by Now. While a process runs, steps of the clock do not count; over a
	// restart they do. Default: 0, no bound.
	MaxAge time.Duration

	// FileBytes is how large a file grows before the next is begun, in bytes. A
	// fragment never spans two, so a file may be larger by one fragment.
	// Default: DefaultFileBytes, or an eighth of MaxBytes if that is less.
	FileBytes int64

	// SyncEvery says when what was written is synced, in the background: 0 after
	// each fragment, above 0 at most once in that time, SyncFiles only when a file
	// is full.
	SyncEvery time.Duration

	// Producer is the identity for a directory that has none yet. Default: a
	// random one.
	Producer millrace.ProducerID

	// Report is told of each Problem: a failed sync, damage, a file that cannot be
	// removed. It is called without locks, by any goroutine, and must not call the
	// Spool's Close or Sync. Default: nobody is told.
	Report func(Problem)

	// Now is the wall clock. Default: time.Now.
	Now func() time.Time

	fs fileSystem // default: the operating system's
}

func (o Options) withDefaults() (Options, error) {
	if o.Dir == "" {
		return o, errors.New("spool: Options.Dir is empty")
	}
	if o.MaxBytes < 0 || o.MaxFragments < 0 || o.MaxAge < 0 || o.FileBytes < 0 {
		return o, errors.New("spool: a bound in Options is negative")
	}
	o.MaxBytes = cmp.Or(o.MaxBytes, DefaultMaxBytes)
	o.MaxFragments = cmp.Or(o.MaxFragments, DefaultMaxFragments)
	o.FileBytes = cmp.Or(o.FileBytes, DefaultFileBytes)
	o.FileBytes = max(min(o.FileBytes, o.MaxBytes/filesInBound), minFileBytes)
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Report == nil {
		o.Report = func(Problem) {}
	}
	if o.fs == nil {
		o.fs = disk(o.Dir)
	}
	return o, nil
}
