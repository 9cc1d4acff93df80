package limit

import (
	"math"
	"time"
)

// slack makes up for sums of fractions: what lacks less than that is there.
const slack = 1e-6

// A bucket holds what may be used at once. Whoever uses one sees to it that it
// has one user at a time.
type bucket struct {
	rate float64   // what flows in a second, and the most that there is
	has  float64   // what there is; less than 0 is owed
	at   time.Time // when that was counted
}

func newBucket(rate float64, now time.Time) *bucket { return &bucket{rate: rate, has: rate, at: now} }

// fill counts what has flowed in since the last time.
func (b *bucket) fill(now time.Time) {
	if passed := now.Sub(b.at); passed > 0 {
		b.has = min(b.has+passed.Seconds()*b.rate, b.rate)
	}
	b.at = now
}

// affords reports whether so much may be used. What is more than there ever is
// may be used when the bucket is full, and is owed.
func (b *bucket) affords(cost float64) bool { return b.has+slack >= min(cost, b.rate) }

// until is how long it takes before so much may be used.
func (b *bucket) until(cost float64) time.Duration {
	lacks := min(cost, b.rate) - b.has
	return time.Duration(math.Ceil(max(lacks, 0) / b.rate * float64(time.Second)))
}

func (b *bucket) use(cost float64) { b.has -= cost }
