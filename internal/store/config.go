package store

import (
	"log/slog"
	"time"

	"github.com/millrace/millrace"
)

// The defaults of a Config.
const (
	DefaultPackSize       = 1 << 30
	DefaultLanes          = 2
	MaxLanes              = 8
	DefaultQueueBytes     = 128 << 20
	DefaultQueueFragments = 8192
	DefaultOpenPacks      = 64
	DefaultHeaderBytes    = 8 << 20
	DefaultFeedRows       = 32
	DefaultFeedAge        = time.Minute
	DefaultRecentRows     = 1 << 20
)

// A Config says how an Engine works. FS is needed; the zero value of every
// other field is its default.
type Config struct {
	FS    FS     // the directory of the packs
	Epoch uint32 // of this start; must not be lower than that of any pack

	PackSize       int64         // bytes; a pack is sealed when it has reached them
	PackAge        time.Duration // a pack is sealed at this age at the latest; it is at that of its class
	Lanes          int           // most lanes that a class has; at most MaxLanes
	QueueBytes     int64         // media in submission at once, in bytes
	QueueFragments int           // fragments in submission at once
	OpenPacks      int           // files kept open for reading
	HeaderBytes    int64         // header elements kept in memory, in bytes

	// Capacity is how many bytes packs, and what Beside tells of, may take; 0 is
	// what the file system has. Reserve is how many bytes of the file system stay
	// free, at most half of it; 0 is chosen by its size. A pack takes a
	// thirty-second part of the room at most, or 4 MiB.
	Capacity int64
	Reserve  int64
	OnFull   FullPolicy
	Beside   func() int64 // bytes that files beside the packs take; nil is none

	// Policies are what the control state says of all active streams. What the
	// packs hold of others is not found. Nil means that every stream lives, and
	// for ever.
	Policies map[millrace.StreamKey]Policy

	// Pages keeps the index. It is closed after the Engine. With nil all of the
	// index stays in memory.
	Pages    Pages
	Identity [16]byte // of the control state; an index of another one is not used, and with packs of another one Open fails; zero is not known
	Rebuild  bool     // the index is made from the packs, whatever is in Pages

	FeedRows   int           // fragments of a stream that go into Pages together
	FeedAge    time.Duration // and how long they wait at most
	RecentRows int           // fragments that are not in Pages; with more, nothing is taken

	Logger *slog.Logger     // nil discards
	Now    func() time.Time // the wall clock, for what a pack says of its creation

	// Elapsed is how much time has passed since any one moment, and never goes
	// back: the ages of packs are measured with it. An Engine that waits does so
	// on the clock of package time.
	Elapsed func() time.Duration

	Events Events
}

func (c Config) withDefaults() Config {
	setDefault(&c.PackSize, DefaultPackSize)
	setDefault(&c.PackAge, ClassLong.Roll())
	setDefault(&c.Lanes, DefaultLanes)
	c.Lanes = min(c.Lanes, MaxLanes)
	setDefault(&c.QueueBytes, DefaultQueueBytes)
	setDefault(&c.QueueFragments, DefaultQueueFragments)
	setDefault(&c.OpenPacks, DefaultOpenPacks)
	setDefault(&c.HeaderBytes, DefaultHeaderBytes)
	setDefault(&c.FeedRows, DefaultFeedRows)
	setDefault(&c.FeedAge, DefaultFeedAge)
	setDefault(&c.RecentRows, DefaultRecentRows)
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Beside == nil {
		c.Beside = func() int64 { return 0 }
	}
	if c.Elapsed == nil {
		start := time.Now()
		c.Elapsed = func() time.Duration { return time.Since(start) }
	}
	c.Events = c.Events.withDefaults()
	return c
}

func setDefault[T int | int64 | time.Duration](v *T, to T) {
	if *v <= 0 {
		*v = to
	}
}
