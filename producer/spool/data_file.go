package spool

import (
	"cmp"
	"slices"
	"time"
)

// A dataFile is one file of the spool. Its number, salt and hash never change;
// the Spool's mutex guards the rest.
type dataFile struct {
	number uint64
	salt   uint64
	hash   HeaderHash

	first   Ref     // no fragment in it is below
	entries []entry // in order, those that are settled too
	pending int     // entries that are not settled

	size   int64 // bytes of whole records, and of the index
	charge int64 // bytes that count towards the bound: size, and what the index will take
	synced int64 // bytes that are durable, and named
	acks   int64 // bytes of the journal
	logged bool  // the journal has bytes that were not synced
	kept   bool  // the journal's name is durable

	handle  file // open for writing, nil once there is nothing to write any more
	writing bool // the writer appends to it
	named   bool // its name is durable
	failed  bool // a write or a sync failed: nothing is written to it any more
	sealed  bool // it has its index, or goes without
	atRisk  int  // pending entries with stateAtRisk
	rescues int  // how often its unsynced fragments were tried to be written elsewhere

	uses    int  // readers, settlers and the keeper, who have it open
	doomed  bool // it is to be removed when nobody uses it
	removed bool // somebody is removing it, or has
}

// find returns the place of a fragment, or false.
func (f *dataFile) find(ref Ref) (*entry, bool) {
	i, ok := slices.BinarySearchFunc(f.entries, ref, func(e entry, r Ref) int { return cmp.Compare(e.ref, r) })
	if !ok {
		return nil, false
	}
	return &f.entries[i], true
}

// next returns the first pending fragment behind after, or nil.
func (f *dataFile) next(after Ref) *entry {
	i, _ := slices.BinarySearchFunc(f.entries, after+1, func(e entry, r Ref) int { return cmp.Compare(e.ref, r) })
	for ; i < len(f.entries); i++ {
		if e := &f.entries[i]; !e.outcome.Final() {
			return e
		}
	}
	return nil
}

// share returns a facts equal to k, that of the newest entry if it is.
func (f *dataFile) share(k facts) *facts {
	if n := len(f.entries); n > 0 && *f.entries[n-1].facts == k {
		return f.entries[n-1].facts
	}
	shared := k // not k itself, which would then be on the heap always
	return &shared
}

// entryOf makes the entry of a fragment whose record is at off.
func (f *dataFile) entryOf(r *fragmentRecord, off int64) entry {
	k := facts{session: r.identity.Session, scale: r.scale, origin: r.origin, relative: r.flags&flagRelative != 0}
	return entry{
		ref: r.ref, facts: f.share(k), sequence: r.identity.Sequence, timecode: r.timecode,
		start: r.start, begun: r.begun, offset: off, end: off + fragmentSize + clusterSize, state: stateOpen,
	}
}

// oldest is when the oldest pending fragment was begun, and zero if there is
// none.
func (f *dataFile) oldest() time.Time {
	if f.pending == 0 {
		return time.Time{}
	}
	for i := range f.entries {
		if e := &f.entries[i]; !e.outcome.Final() {
			return f.fragment(e).Begun
		}
	}
	return time.Time{}
}
