package main

import (
	"math"
	"math/bits"
	"time"
)

// A histogram counts durations in buckets that are at most 1.6 % wide, so that
// quantiles of any number of them need no more memory than these. The zero
// value is empty. It is not safe for concurrent use.
type histogram struct {
	counts [64 * steps]int
	total  int
	most   time.Duration
}

// steps is how many buckets there are between a power of two and the next.
const steps = 64

func (h *histogram) add(d time.Duration) {
	d = max(d, 0)
	h.counts[bucketOf(d)]++
	h.total++
	h.most = max(h.most, d)
}

// bucketOf returns the bucket of d in microseconds. Below steps each
// microsecond has its own.
func bucketOf(d time.Duration) int {
	us := uint64(d / time.Microsecond)
	if us < steps {
		return int(us)
	}
	power := bits.Len64(us) - 7 // of the bucket's width
	return (power+1)*steps + int(us>>power) - steps
}

// bucketEnd is the largest duration of a bucket.
func bucketEnd(i int) time.Duration {
	if i < steps {
		return time.Duration(i) * time.Microsecond
	}
	power := i/steps - 1
	return time.Duration((uint64(i%steps)+steps+1)<<power-1) * time.Microsecond
}

// quantile returns a duration that the given part of all are not above, to the
// width of a bucket. It is zero if there are none.
func (h *histogram) quantile(q float64) time.Duration {
	rank := int(math.Ceil(q * float64(h.total)))
	for i, n := range h.counts {
		if rank -= n; rank <= 0 && h.total > 0 {
			return min(bucketEnd(i), h.most)
		}
	}
	return h.most
}

// percentiles is a histogram as it is reported, in milliseconds.
type percentiles struct {
	Count int     `json:"count"`
	P50   float64 `json:"p50"`
	P99   float64 `json:"p99"`
	P999  float64 `json:"p999"`
	Max   float64 `json:"max"`
}

func (h *histogram) percentiles() percentiles {
	return percentiles{
		Count: h.total, P50: millis(h.quantile(0.5)), P99: millis(h.quantile(0.99)),
		P999: millis(h.quantile(0.999)), Max: millis(h.most),
	}
}

func millis(d time.Duration) float64 {
	return float64(d.Round(10*time.Microsecond)) / float64(time.Millisecond)
}
