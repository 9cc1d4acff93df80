package spool

import (
	"time"

	"github.com/millrace/millrace"
)

// States of an entry.
const (
	stateOpen = 1 << iota
	stateTorn
	stateDamaged
	stateAtRisk
)

// An entry is a fragment in memory: 96 bytes.
type entry struct {
	ref      Ref
	facts    *facts
	sequence uint64
	timecode uint64
	start    int64 // nanoseconds of Unix time
	begun    int64 // likewise
	duration int64 // nanoseconds
	offset   int64 // of its record in the file
	end      int64 // behind its last whole record
	bytes    int64 // appended
	frames   uint32
	outcome  Outcome
	state    uint8
}

// facts are what most fragments of a session share.
type facts struct {
	session  millrace.SessionID
	scale    uint64
	origin   int64 // nanoseconds of Unix time
	relative bool  // origin counts
}

func (e *entry) is(state uint8) bool { return e.state&state != 0 }

// add takes a frame into account that ends at end.
func (e *entry) add(f *frameRecord, end int64) {
	e.end = end
	e.bytes += f.payload
	if f.flags&(flagElement|flagTrailing) == 0 {
		e.frames++
		e.duration = max(e.duration, f.offset+f.duration)
	}
}

// fragment is what the package's users see of e, which stands in f.
func (f *dataFile) fragment(e *entry) Fragment {
	g := Fragment{
		Ref:      e.ref,
		Identity: millrace.Identity{Session: e.facts.session, Sequence: e.sequence},
		Header:   f.hash,
		Timecode: e.timecode,
		Scale:    e.facts.scale,
		Start:    time.Unix(0, e.start).UTC(),
		Begun:    time.Unix(0, e.begun).UTC(),
		Duration: time.Duration(e.duration),
		Frames:   int(e.frames),
		Bytes:    e.bytes,
		Outcome:  e.outcome,
		Open:     e.is(stateOpen),
		Torn:     e.is(stateTorn),
		Damaged:  e.is(stateDamaged),
		AtRisk:   e.is(stateAtRisk),
		Synced:   !e.is(stateOpen) && e.end <= f.synced,
	}
	if e.facts.relative {
		g.Origin = time.Unix(0, e.facts.origin).UTC()
	}
	return g
}
