package server

import (
	"context"
	"math"
	"sync"
	"time"

	"github.com/millrace/millrace/internal/store"
)

// The forecast of the disk goes by samples of the past hours.
const (
	sampleInterval = time.Minute
	maxSamples     = 360              // and so six hours
	leastHistory   = 10 * time.Minute // below which nothing is foretold
)

// A forecast foretells when the room for media will be used up if it goes on as
// it did. Any number of goroutines may use it.
type forecast struct {
	mu      sync.Mutex // guards samples
	samples []diskSample
}

// A diskSample is how full it was at one moment.
type diskSample struct {
	at         time.Duration // on a clock that does not step
	used, left int64         // bytes
}

// note takes a sample in.
func (f *forecast) note(s diskSample) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.samples) == maxSamples {
		f.samples = append(f.samples[:0], f.samples[1:]...)
	}
	f.samples = append(f.samples, s)
}

// seconds is in how many seconds nothing is left: NaN if too little is known, and
// infinite if it does not fill up.
func (f *forecast) seconds() float64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.samples) == 0 {
		return math.NaN()
	}
	first, last := f.samples[0], f.samples[len(f.samples)-1]
	passed, grown := last.at-first.at, last.used-first.used
	switch {
	case last.left <= 0:
		return 0
	case passed < leastHistory:
		return math.NaN()
	case grown <= 0:
		return math.Inf(1)
	}
	return float64(last.left) / (float64(grown) / passed.Seconds())
}

// watch takes samples of a store until ctx ends.
func (f *forecast) watch(ctx context.Context, stats func() store.RoomStats) {
	began := time.Now()
	tick := time.NewTicker(sampleInterval)
	defer tick.Stop()
	for {
		if s := stats(); s.Capacity > 0 {
			f.note(diskSample{at: time.Since(began), used: s.Used, left: s.Left})
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}
