package ingest

import (
	"context"
	"time"
)

// The bounds of how many fragments a session may begin, if nobody says it. Each
// costs memory, a record and acknowledgements, however small it is; one of usual
// size pays for itself.
const (
	DefaultFragmentRate  = 200  // a second, for ever
	DefaultFragmentBurst = 2000 // at once

	paidBytes = 16 << 10 // of media, for which a fragment is free
)

// A pace holds one session to its rate. One goroutine uses it.
type pace struct {
	rate  float64 // fragments a second
	burst float64
	spent float64 // fragments that are not paid for
	at    time.Time
}

// pay counts media.
func (p *pace) pay(bytes int) {
	p.spent = max(p.spent-float64(bytes)/paidBytes, 0)
}

// await returns when a further fragment may begin, or ctx's cause.
func (p *pace) await(ctx context.Context) error {
	now := time.Now()
	if !p.at.IsZero() {
		p.spent = max(p.spent-now.Sub(p.at).Seconds()*p.rate, 0)
	}
	p.at = now
	p.spent++
	over := p.spent - p.burst
	if over <= 0 {
		return nil
	}
	timer := time.NewTimer(time.Duration(over / p.rate * float64(time.Second)))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
