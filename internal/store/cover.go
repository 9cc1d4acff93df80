package store

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/millrace/millrace"
)

const (
	// GapMillis is how long nothing has to be covered for that to be a gap, in
	// milliseconds: more than this. Clocks jitter, and media that goes on has less
	// than that between two fragments.
	GapMillis = 1000

	// MaxBuckets is the most that Cover divides a range into.
	MaxBuckets = 1000
)

// A CoverQuery asks what a stream has between two times.
type CoverQuery struct {
	Clock   Clock
	From    time.Time // whole milliseconds; more is cut off
	To      time.Time // likewise; at least a millisecond for each bucket behind From
	Buckets int       // parts of the range, of equal length to the millisecond; 1 to MaxBuckets
	Gaps    int       // most gaps to list, the longest; 0 is none
}

// A Bucket says what there is in a part of a range.
type Bucket struct {
	From, To  time.Time
	Covered   time.Duration // of it, without its part of gaps
	Fragments int           // that start in it
	Bytes     int64         // of their media
	First     Entry         // the first one of them by the query's clock; zero if there is none
}

// A Gap is a time that no fragment covers.
type Gap struct{ From, To time.Time }

// A Coverage says what a stream has in a range.
type Coverage struct {
	Whole   Bucket
	Buckets []Bucket // one behind the other, which make up the whole
	Gaps    []Gap    // by time
	Other   int      // gaps that are not listed, for they are shorter
}

// A Coverer says when there is media. Any number of goroutines may use it.
type Coverer interface {
	// Cover says what a stream has in a range. Everything is exact. A fragment
	// covers its duration in whole milliseconds from its start, and counts where
	// it starts; of one that starts before the range, the part in the range is
	// covered. What fragments cover together counts once. A gap is a time of more
	// than GapMillis within the range that nothing covers; all that is no gap is
	// covered. A range or a number of buckets that is out of bounds is
	// ErrInvalid.
	Cover(ctx context.Context, s Scope, q CoverQuery) (Coverage, error)
}

// Cover implements Coverer. Memory is asked first, and then the pages, of which
// those that lie within one bucket are not decoded.
func (e *Engine) Cover(ctx context.Context, s Scope, q CoverQuery) (Coverage, error) {
	if err := ctx.Err(); err != nil {
		return Coverage{}, err
	}
	c, err := newCovering(q)
	if err == nil {
		err = e.index.cover(ctx, s, c, coverBatch)
	}
	if err != nil {
		return Coverage{}, fmt.Errorf("coverage: %w", err)
	}
	return c.finish(), nil
}

// A covering adds up what lies in a range, in the order of a clock.
type covering struct {
	clock    Clock
	from, to int64
	gaps     gapList
	marks    []int64  // where buckets begin, and where the last one ends
	buckets  []Bucket // of which the times are still to be filled in
	gone     []int64  // milliseconds of gaps in each
	covered  int64    // up to where it is known what is covered
	last     int      // bucket that was asked for last
}

func newCovering(q CoverQuery) (*covering, error) {
	c := &covering{
		clock: q.Clock, from: q.From.UnixMilli(), to: q.To.UnixMilli(), gaps: gapList{most: max(q.Gaps, 0)},
	}
	length := c.to - c.from
	switch {
	case q.Buckets < 1 || q.Buckets > MaxBuckets:
		return nil, fmt.Errorf("%d buckets, of which there may be 1 to %d: %w", q.Buckets, MaxBuckets, millrace.ErrInvalid)
	case length < int64(q.Buckets):
		return nil, fmt.Errorf("%d milliseconds for %d buckets: %w", length, q.Buckets, millrace.ErrInvalid)
	}
	c.covered = c.from
	c.buckets, c.gone = make([]Bucket, q.Buckets), make([]int64, q.Buckets)
	each, rest := length/int64(q.Buckets), length%int64(q.Buckets)
	for i := range int64(q.Buckets + 1) {
		c.marks = append(c.marks, c.from+i*each+i*rest/int64(q.Buckets))
	}
	return c, nil
}

// bucketOf is the bucket that a time lies in: -1 before the first, and the
// number of buckets behind the last. Mostly it is the one that was asked for
// last.
func (c *covering) bucketOf(millis int64) int {
	if i := c.last; c.marks[i] <= millis && millis < c.marks[i+1] {
		return i
	}
	i, found := slices.BinarySearch(c.marks, millis)
	if !found {
		i--
	}
	c.last = min(max(i, 0), len(c.buckets)-1)
	return i
}

// run takes in what is covered next.
func (c *covering) run(r run) {
	end := min(r.end, c.to)
	if end <= c.covered || r.end <= r.start {
		return
	}
	c.gap(min(r.start, c.to))
	c.covered = end
}

// gap takes in that nothing is covered up to a time.
func (c *covering) gap(until int64) {
	if until <= later(c.covered, GapMillis) {
		return
	}
	c.gaps.add(run{c.covered, until})
	for i := max(0, c.bucketOf(c.covered)); i < len(c.buckets) && c.marks[i] < until; i++ {
		c.gone[i] += min(until, c.marks[i+1]) - max(c.covered, c.marks[i])
	}
}

// entry takes in a fragment.
func (c *covering) entry(e *Entry) {
	c.run(e.runOn(c.clock))
	i := c.bucketOf(e.startOn(c.clock))
	if i < 0 || i >= len(c.buckets) {
		return
	}
	b := &c.buckets[i]
	if b.Fragments == 0 {
		b.First = *e
	}
	b.Fragments, b.Bytes = b.Fragments+1, b.Bytes+e.Size
}

// page takes in a page that lies within one bucket, which is not its first, or
// before them all.
func (c *covering) page(p *IndexPage, s *pageSummary) {
	for _, r := range s.runs {
		c.run(r)
	}
	if i := c.bucketOf(p.Start); i >= 0 {
		c.buckets[i].Fragments += p.Count
		c.buckets[i].Bytes += p.Bytes
	}
}

// fits reports whether page may take in a page.
func (c *covering) fits(p *IndexPage) bool {
	i := c.bucketOf(p.Start)
	return i == c.bucketOf(p.Latest) && i < len(c.buckets) && (i < 0 || c.buckets[i].Fragments > 0)
}

// finish is what it adds up to.
func (c *covering) finish() Coverage {
	c.gap(c.to)
	list, other := c.gaps.finish()
	v := Coverage{Whole: c.bucket(Bucket{}, c.from, c.to, 0), Buckets: c.buckets, Other: other}
	for _, g := range list {
		v.Gaps = append(v.Gaps, Gap{timeOf(g.start), timeOf(g.end)})
	}
	for i := range v.Buckets {
		v.Buckets[i] = c.bucket(v.Buckets[i], c.marks[i], c.marks[i+1], c.gone[i])
		v.Whole.add(&v.Buckets[i])
	}
	return v
}

// bucket fills in the times of a bucket.
func (c *covering) bucket(b Bucket, from, to, gone int64) Bucket {
	b.From, b.To = timeOf(from), timeOf(to)
	b.Covered = time.Duration(to-from-gone) * time.Millisecond
	return b
}

func timeOf(millis int64) time.Time { return time.UnixMilli(millis).UTC() }

// add makes a bucket count as a part of a whole, of which it is the next.
func (b *Bucket) add(part *Bucket) {
	if b.Fragments == 0 {
		b.First = part.First
	}
	b.Fragments, b.Bytes = b.Fragments+part.Fragments, b.Bytes+part.Bytes
	b.Covered -= part.To.Sub(part.From) - part.Covered
}
