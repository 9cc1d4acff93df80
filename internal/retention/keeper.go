package retention

import (
	"cmp"
	"context"
	"log/slog"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/store"
)

// DefaultInterval is how long a Keeper rests between passes.
const DefaultInterval = time.Minute

// patience is how long a failed pass may be silent about failing again.
const patience = 10 * time.Minute

// Control is what a Keeper needs of the control state.
type Control interface {
	store.Streams
	store.Tags
	store.Deletions
}

// Media is what it needs of the media's store.
type Media interface {
	store.Index

	// StreamStats sums one stream up.
	StreamStats(key millrace.StreamKey) store.StreamStats
}

// Config says how a Keeper works. Interval and Logger may be zero.
type Config struct {
	Control  Control
	Media    Media
	Maintain func(ctx context.Context) error // gives back the bytes of what is gone
	Rules    []Rule
	Since    store.Expiry // by which things expire
	Interval time.Duration
	Logger   *slog.Logger
	Capped   func(Capped) // is told what a capacity cost; may be nil
}

// A Keeper keeps the store within its bounds of time and room. One goroutine
// runs it; Nudge may be called by any.
type Keeper struct {
	config Config
	nudged chan struct{} // room for one

	failure string // of the last pass
	told    time.Time
}

// New returns a Keeper. Somebody must call Run.
func New(c Config) *Keeper {
	if c.Interval <= 0 {
		c.Interval = DefaultInterval
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Capped == nil {
		c.Capped = func(Capped) {}
	}
	return &Keeper{config: c, nudged: make(chan struct{}, 1)}
}

// Nudge asks for a pass soon: something was deleted. It never blocks.
func (k *Keeper) Nudge() {
	select {
	case k.nudged <- struct{}{}:
	default:
	}
}

// Run makes passes until ctx ends. A pass that fails is told and tried again.
func (k *Keeper) Run(ctx context.Context) {
	tick := time.NewTicker(k.config.Interval)
	defer tick.Stop()
	for {
		k.tell(ctx, k.Pass(ctx))
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-k.nudged:
		}
	}
}

// Pass makes one pass. What one part of it could not do does not keep the
// others from their work; the first error is returned.
func (k *Keeper) Pass(ctx context.Context) error {
	err := k.config.Maintain(ctx) // first, so that nothing is counted that is gone
	capped, cerr := k.capRules(ctx, err == nil)
	if capped {
		err = cmp.Or(err, k.config.Maintain(ctx))
	}
	return cmp.Or(err, cerr)
}

// tell logs the outcome of a pass, and one that stays the same not each time.
func (k *Keeper) tell(ctx context.Context, err error) {
	if ctx.Err() != nil {
		return
	}
	if err == nil {
		if k.failure != "" {
			k.config.Logger.Info("retention works again")
		}
		k.failure = ""
		return
	}
	if k.failure == err.Error() && time.Since(k.told) < patience {
		return
	}
	k.failure, k.told = err.Error(), time.Now()
	k.config.Logger.Error("retention could not do all of its work and will try again", "err", err)
}
