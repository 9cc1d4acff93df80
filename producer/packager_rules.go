package producer

import (
	"errors"
	"fmt"
	"time"
)

// What servers take, and what follows from it.
const (
	maxTracks       = 3
	maxTicks        = 32_000                 // of a fragment: a block's time has 16 bits, and frames may come late
	maxSpan         = 20 * time.Second       // from a fragment's first frame to its last, for servers with default settings
	longestFragment = 30 * time.Second       // that can be asked for
	shortFragment   = 2 * time.Second        // where every frame is a key frame
	videoFragment   = 200 * time.Millisecond // else: servers take five fragments a second
	spareSize       = 16 << 10               // bytes of a fragment for its tags and its identity
	minTick         = 10 * time.Microsecond
	maxTick         = 10 * time.Millisecond
)

// ErrBadRules means that FragmentRules or TimeRules contradict themselves or
// what servers take.
var ErrBadRules = errors.New("rules cannot be kept")

// errTrackTwice is what a TrackError says of a number that two tracks have.
var errTrackTwice = errors.New("another track has it")

// packingRules are FragmentRules and TimeRules with everything filled in.
type packingRules struct {
	maxDuration time.Duration
	minDuration time.Duration // 0 is by the tracks
	maxBytes    int64
	idle        time.Duration // 0 is never
	hold        time.Duration // within fragments and between them
	startHold   time.Duration // before the first fragment, and after a pause
	patience    time.Duration // for how long a track without frames counts as one that has some
	byMedia     bool          // holding goes by media time alone
	silent      SilentPolicy

	tick     time.Duration
	offset   time.Duration // is added to every time
	relative bool
	nudge    time.Duration
	reorder  time.Duration // how far a picture may be shown before one that was decoded before
	regress  RegressPolicy
}

// resolveRules checks the rules of a stream and fills in defaults.
func resolveRules(c *StreamConfig) (packingRules, error) {
	f, t := c.Fragment, c.Time
	r := packingRules{
		maxDuration: orDefault(f.MaxDuration, DefaultFragmentDuration),
		minDuration: f.MinDuration,
		maxBytes:    orDefault(f.MaxBytes, MaxFragmentSize) - spareSize,
		idle:        f.idle(),
		hold:        max(orDefault(f.Interleave, DefaultInterleave), 0),
		byMedia:     c.Mode == Offline,
		silent:      f.Silent,
		tick:        orDefault(t.Tick, time.Millisecond),
		relative:    t.Relative,
		nudge:       orDefault(t.MaxNudge, time.Millisecond),
		regress:     t.OnRegress,
	}
	r.hold = min(r.hold, maxTicks*r.tick/4)
	r.startHold = max(r.hold, min(DefaultInterleave, maxTicks*r.tick/4))
	r.reorder = min(reorderSpan, maxTicks*r.tick/4)
	r.patience = 2 * r.startHold
	if c.Buffer.Spool && f.Interleave == 0 {
		r.hold = 0
	}
	if t.Relative {
		// The start goes out in milliseconds; what is finer goes into the times.
		r.offset = time.Duration(t.Start.Nanosecond()) % time.Millisecond
	}
	switch {
	case r.tick < minTick || r.tick > maxTick:
		return r, fmt.Errorf("tick of %v is not from %v to %v: %w", r.tick, minTick, maxTick, ErrBadRules)
	case r.maxDuration < 0 || r.maxDuration > longestFragment:
		return r, fmt.Errorf("longest fragment of %v is not from 0 to %v: %w", r.maxDuration, longestFragment, ErrBadRules)
	case r.minDuration < 0 || r.minDuration > r.maxDuration:
		return r, fmt.Errorf("shortest fragment of %v is not from 0 to the longest, %v: %w", r.minDuration, r.maxDuration, ErrBadRules)
	case r.maxBytes <= 0 || r.maxBytes > MaxFragmentSize-spareSize:
		return r, fmt.Errorf("largest fragment of %d bytes is not from %d to %d: %w", f.MaxBytes, spareSize+1, MaxFragmentSize, ErrBadRules)
	}
	r.maxDuration = min(r.maxDuration, maxTicks*r.tick)
	return r, nil
}

func orDefault[T int64 | time.Duration](v, fallback T) T {
	if v == 0 {
		return fallback
	}
	return v
}

// ticks is a media time in ticks.
func (r *packingRules) ticks(at time.Duration) int64 { return int64((at + r.offset) / r.tick) }

// span is how far apart the frames of a fragment may be.
func (r *packingRules) span() time.Duration {
	return min(max(maxSpan, r.maxDuration), maxTicks*r.tick)
}
