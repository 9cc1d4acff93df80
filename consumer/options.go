package consumer

import (
	"time"

	"github.com/millrace/millrace/consumer/checkpoint"
	"github.com/millrace/millrace/media"
)

// A CommitMode says when a position goes to the store. Between that and the
// store's knowing it is a second at most, and none at Reader.Close.
type CommitMode uint8

// The modes.
const (
	// AfterHandler commits what a step of the loop has had when the loop asks for
	// the next: each item is handled at least once. What the loop is left with is
	// not committed.
	AfterHandler CommitMode = iota
	// OnDelivery commits it when the step begins: at most once.
	OnDelivery
	// Manual commits by Reader.Commit alone.
	Manual
)

// A Lease is held by one reader of a stream and name at a time.
type Lease struct {
	// Owner is who holds it, unlike all others: a host's name and a process's
	// number, say. Empty is no lease.
	Owner string
	// TTL is how long after the owner's death it is free. It is renewed every third
	// of that. 0 is 30 s.
	TTL time.Duration
}

// A LagPolicy says what happens when a loop is further behind than Max, from the
// server's receipt of a fragment to the present. Max 0 is never.
type LagPolicy struct {
	Mode LagMode
	Max  time.Duration
}

// A LagMode is what to do about lag.
type LagMode uint8

// The modes.
const (
	KeepAll       LagMode = iota // hand out everything, and tell Events.Lag
	SkipToLive                   // go on with the newest fragment; Events.Gap says what was left out
	KeyFramesOnly                // hand out key frames alone until the loop has caught up, and then all from the next one on
)

// A ReplayPolicy says what happens to frames that their producer sent again,
// under the number of a new fragment. They are known by their fragment's identity,
// where the producer gives one, among the last 256 fragments; else by the segment's
// identifier and their time, among the last 8,192 frames.
type ReplayPolicy uint8

// The policies.
const (
	MarkReplays ReplayPolicy = iota // Frame.Replay is set
	DropReplays                     // they are not handed out
)

// An ExpiredPolicy says where to go on when what follows a position is gone.
type ExpiredPolicy uint8

// The policies. All tell Events.Expired.
const (
	ExpiredEarliest ExpiredPolicy = iota // with the oldest that is kept
	ExpiredNow                           // with what arrives
	ExpiredFail                          // not at all: ErrExpired
)

// Until says when a live loop ends. The zero value goes on until the context
// ends.
type Until struct {
	// EndOfData ends it when the server ends its response in good order, as it
	// does when no media has come for a while.
	EndOfData bool
	// Idle ends it when no fragment has begun for so long, although the connection
	// is up. 0 waits for ever.
	Idle time.Duration
	// Time ends it before the first fragment whose ServerTime is not before it. As
	// long as this time has not come, Idle ends nothing.
	Time time.Time
}

// Defaults and bounds of options.
const (
	defaultGapTolerance = 500 * time.Millisecond
	defaultSilence      = 40 * time.Second // above the time after which servers end an idle response
	defaultRotate       = 40 * time.Minute // 90 % of the time after which AWS ends a response
	defaultMaxFrame     = 32 << 20
	defaultMaxRetained  = 64 << 20
)

// common is what all kinds of reader are told.
type common struct {
	at           Position
	name         string
	store        checkpoint.Store
	lease        Lease
	commit       CommitMode
	tracks       []media.TrackNumber
	lag          LagPolicy
	strict       bool // what cannot be read is an error
	replays      ReplayPolicy
	gapTolerance time.Duration
	maxRetained  int64
	events       Events
}

// orDefault is v, or the default if it is not positive.
func orDefault[T ~int64](v, fallback T) T {
	if v <= 0 {
		return fallback
	}
	return v
}
