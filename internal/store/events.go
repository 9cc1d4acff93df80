package store

import (
	"time"

	"github.com/millrace/millrace"
)

// Events are called when something happens in an Engine. Any of them may be
// nil. They are called by the goroutine in which it happened, must not block
// and must not call the Engine.
type Events struct {
	Committed func(Commit)                 // a batch is durable
	Poisoned  func(pack uint64, err error) // a write or sync failed; the pack is given up
	Failed    func(fragments int, err error)
	Sealed    func(pack uint64)
	Removed   func(pack uint64)
	Damaged   func(Damage) // once for each place, as far as is remembered
	Evicted   func(Eviction)
	Full      func(full bool) // fragments begin to be refused for lack of room, or are kept again
}

// A Commit is one batch that became durable with one sync.
type Commit struct {
	Pack      uint64
	Class     Class
	Fragments int
	Bytes     int64
	Write     time.Duration // until all was handed to the system
	Sync      time.Duration
}

// A Damage is a part of a pack that was durable once and fails its checksum
// now (I7).
type Damage struct {
	Pack   uint64
	Offset int64
	Length int64                   // bytes that it may extend over
	Stream millrace.StreamKey      // zero if not known
	Number millrace.FragmentNumber // zero if not known
	Err    error
}

func (v Events) withDefaults() Events {
	if v.Committed == nil {
		v.Committed = func(Commit) {}
	}
	if v.Poisoned == nil {
		v.Poisoned = func(uint64, error) {}
	}
	if v.Failed == nil {
		v.Failed = func(int, error) {}
	}
	if v.Sealed == nil {
		v.Sealed = func(uint64) {}
	}
	if v.Removed == nil {
		v.Removed = func(uint64) {}
	}
	if v.Evicted == nil {
		v.Evicted = func(Eviction) {}
	}
	if v.Full == nil {
		v.Full = func(bool) {}
	}
	if v.Damaged == nil {
		v.Damaged = func(Damage) {}
	}
	return v
}
