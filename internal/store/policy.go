package store

import (
	"time"

	"github.com/millrace/millrace"
)

// A Class groups streams by their retention, so that what lies in one pack
// goes at about the same time.
type Class uint8

// The classes.
const (
	ClassDay   Class = iota // up to one day
	ClassWeek               // up to 8 days
	ClassMonth              // up to 32 days
	ClassLong               // longer
	Classes                 // how many there are
)

const day = 24 * time.Hour

// ClassOf is the class of a retention.
func ClassOf(retention time.Duration) Class {
	switch {
	case retention <= day:
		return ClassDay
	case retention <= 8*day:
		return ClassWeek
	case retention <= 32*day:
		return ClassMonth
	}
	return ClassLong
}

// Length is the longest retention in the class; of the last one, which has
// none, 64 days.
func (c Class) Length() time.Duration {
	switch c {
	case ClassDay:
		return day
	case ClassWeek:
		return 8 * day
	case ClassMonth:
		return 32 * day
	}
	return 64 * day
}

// Roll is the age at which a pack of the class is sealed: an eighth of it.
func (c Class) Roll() time.Duration { return c.Length() / 8 }

// A Policy is what the control state says of one stream that decides which of
// its fragments there are.
type Policy struct {
	Retention time.Duration
	KeptSince time.Time  // fragments with an earlier server time have gone, whatever the retention
	Deletions []Deletion // ranges that were deleted
}

// A Deletion is a part of a stream that was deleted: all fragments that start
// in [From, To) on the clock and whose number is not above Last.
type Deletion struct {
	ID     uint64 // grows; given by the control state
	Stream millrace.StreamKey
	Clock  Clock
	From   time.Time // UTC, whole milliseconds
	To     time.Time
	Last   millrace.FragmentNumber // those that were yet to come are not meant

	// The audit record.
	Name   millrace.StreamName
	At     time.Time // when it was asked for, UTC, whole milliseconds
	By     string    // access key id of who asked
	Reason string    // as given, at most 1,024 bytes; may be empty
}

// Covers reports whether a fragment is deleted by d.
func (d *Deletion) Covers(number millrace.FragmentNumber, producer time.Time) bool {
	at := producer
	if d.Clock == ServerClock {
		at = number.ServerTime()
	}
	return number.Compare(d.Last) <= 0 && !at.Before(d.From) && at.Before(d.To)
}

// Gone reports whether the policy has taken a fragment away, its retention
// aside.
func (p *Policy) Gone(number millrace.FragmentNumber, producer time.Time) bool {
	if number.ServerTime().Before(p.KeptSince) {
		return true
	}
	for i := range p.Deletions {
		if p.Deletions[i].Covers(number, producer) {
			return true
		}
	}
	return false
}

// An Expiry says before which server time those fragments are expired that are
// kept for a retention; for none that is the server's time now. It never goes
// back for any one retention. Where the server's clock may have leapt by mistake,
// it is not the same time less the retention for all of them.
type Expiry func(retention time.Duration) time.Time

// Since is the server time before which fragments are expired.
func (p *Policy) Since(e Expiry) time.Time {
	since := e(p.Retention)
	if since.Before(p.KeptSince) {
		return p.KeptSince
	}
	return since
}
