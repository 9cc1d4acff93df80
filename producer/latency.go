package producer

import (
	"slices"
	"time"
)

// maxSamples is how many of the latest durations of a stage are kept.
const maxSamples = 1024

// A latency keeps how long one stage took lately, in microseconds.
type latency struct {
	samples []uint32
	next    int
}

func (l *latency) add(d time.Duration) {
	us := uint32(min(max(d.Microseconds(), 0), 1<<32-1))
	if len(l.samples) < maxSamples {
		l.samples = append(l.samples, us)
		return
	}
	l.samples[l.next] = us
	l.next = (l.next + 1) % maxSamples
}

func (l *latency) quantiles() Quantiles {
	n := len(l.samples)
	if n == 0 {
		return Quantiles{}
	}
	sorted := slices.Sorted(slices.Values(l.samples))
	at := func(i int) time.Duration { return time.Duration(sorted[i]) * time.Microsecond }
	return Quantiles{P50: at(n / 2), P99: at(n * 99 / 100), Max: at(n - 1)}
}

// latencies are those of a stream. Its mutex guards them.
type latencies struct {
	wire, buffering, persisting latency
	unsent                      time.Time // when the oldest frame was written that no connection has taken; zero: there is none
}

func (l *latencies) measure() Latencies {
	return Latencies{
		Wire: l.wire.quantiles(), Buffering: l.buffering.quantiles(), Persisting: l.persisting.quantiles(),
	}
}
