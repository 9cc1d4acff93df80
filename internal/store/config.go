package store

import (
	"log/slog"
	"time"

	"github.com/millrace/millrace"
)

// The defaults of a Config.
const (
	DefaultPackSize       = 1 << 30
	DefaultPackAge        = 3 * time.Hour
	DefaultQueueBytes     = 128 << 20
	DefaultQueueFragments = 8192
	DefaultOpenPacks      = 64
	DefaultHeaderBytes    = 8 << 20
)

// A Config says how an Engine works. FS is needed; the zero value of every
// other field is its default.
type Config struct {
	FS    FS     // the directory of the packs
	Epoch uint32 // of this start; must not be lower than that of any pack

	PackSize       int64         // bytes; a pack is sealed when it has reached them
	PackAge        time.Duration // a pack is sealed when it is as old as this
	QueueBytes     int64         // media in submission at once, in bytes
	QueueFragments int           // fragments in submission at once
	OpenPacks      int           // files kept open for reading
	HeaderBytes    int64         // header elements kept in memory, in bytes

	// Live says which streams the control state knows. What the packs hold of
	// others is not found. Nil means all.
	Live func(millrace.StreamKey) bool

	Logger *slog.Logger     // nil discards
	Now    func() time.Time // the wall clock, for what a pack says of its creation
	Events Events
}

func (c Config) withDefaults() Config {
	setDefault(&c.PackSize, DefaultPackSize)
	setDefault(&c.PackAge, DefaultPackAge)
	setDefault(&c.QueueBytes, DefaultQueueBytes)
	setDefault(&c.QueueFragments, DefaultQueueFragments)
	setDefault(&c.OpenPacks, DefaultOpenPacks)
	setDefault(&c.HeaderBytes, DefaultHeaderBytes)
	if c.Live == nil {
		c.Live = func(millrace.StreamKey) bool { return true }
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	c.Events = c.Events.withDefaults()
	return c
}

func setDefault[T int | int64 | time.Duration](v *T, to T) {
	if *v <= 0 {
		*v = to
	}
}
