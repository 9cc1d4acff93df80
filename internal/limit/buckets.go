package limit

import (
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"
)

// mostBuckets is how many buckets of one sort are kept. With names of the
// greatest length they take some ten megabytes.
const mostBuckets = 1 << 13

// A holder is who has a bucket.
type holder struct{ operation, resource string }

// buckets are those of one sort. Whoever uses them sees to it that they have
// one user at a time.
type buckets struct {
	kept *simplelru.LRU[holder, *bucket]
}

func newBuckets() buckets {
	kept, _ := simplelru.NewLRU[holder, *bucket](mostBuckets, nil) // fails for no size above 0
	return buckets{kept}
}

// of returns somebody's bucket, filled up to now. One that is not kept is full.
func (l buckets) of(who holder, rate float64, now time.Time) *bucket {
	b, ok := l.kept.Get(who)
	if !ok {
		b = newBucket(rate, now)
		l.kept.Add(who, b)
		return b
	}
	b.fill(now)
	return b
}
