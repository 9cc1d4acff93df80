package api

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/store"
	"github.com/millrace/millrace/internal/timeline"
	"github.com/millrace/millrace/internal/wire"
	"github.com/millrace/millrace/media"
)

const (
	fileAvailability = "availability"
	opAvailability   = "GetAvailability"

	queryBuckets = "buckets"

	// usualBuckets is how many parts a range has unless the caller says.
	usualBuckets = 100

	// mostGaps is the most gaps that an answer lists, the longest.
	mostGaps = 1000
)

// A Footage tells when a stream has media, and what its fragments are made of.
type Footage interface {
	store.Coverer
	store.Outliner
}

type availabilityOutput struct {
	Stream    string              `json:"StreamName"`
	Clock     string              `json:"Clock"`
	Whole     availability        `json:"Whole"`
	Buckets   []availability      `json:"Buckets"`
	Intervals []availabilityRange `json:"Intervals"`
	Gaps      []availabilityRange `json:"Gaps"`
	Other     int                 `json:"ShorterGaps"` // which are not listed
}

type availabilityRange struct {
	Start wire.Timestamp `json:"StartTimestamp"`
	End   wire.Timestamp `json:"EndTimestamp"`
}

// An availability is what there is in a part of a range.
type availability struct {
	availabilityRange
	Covered   int64   `json:"CoveredInMilliseconds"`
	Fragments int     `json:"Fragments"`
	Bytes     int64   `json:"Bytes"`
	Frames    float64 `json:"FrameRate,omitempty"` // pictures a second; 0 where there are none, or where it is not known
}

// NewAvailability answers GET and HEAD of when a stream has media. rules is what
// refuses ranges out of retention.
func NewAvailability(footage Footage, rules *Archive) ResourceHandler {
	return func(w http.ResponseWriter, c *ResourceCall) error {
		q, err := c.coverQuery()
		if err != nil {
			return err
		}
		if err := rules.checkEnd(c.Stream, store.Listing{To: q.To}); err != nil {
			return err
		}
		ctx := c.Request.Context()
		v, err := footage.Cover(ctx, c.Scope, q)
		if err != nil {
			return err
		}
		out := newAvailabilityOutput(&v)
		out.Stream, out.Clock = c.Stream.Name.String(), clockServer
		if q.Clock == store.ProducerClock {
			out.Clock = clockProducer
		}
		r := frameRates{footage: footage, scope: c.Scope, formats: make(map[[32]byte]*timeline.Format)}
		for i := range v.Buckets {
			if v.Buckets[i].Fragments > 0 {
				out.Buckets[i].Frames = r.rate(r.measure(ctx, v.Buckets[i].First))
			}
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		out.Whole.Frames = r.rate(r.all)
		w.Header().Set("Cache-Control", "private, no-cache") // the range may get more, or lose some
		return wire.WriteJSON(w, c.RequestID, out)
	}
}

// coverQuery is what the query asks for.
func (c *ResourceCall) coverQuery() (store.CoverQuery, error) {
	var v checks
	q := store.CoverQuery{Clock: store.ProducerClock, Buckets: usualBuckets, Gaps: mostGaps}
	q.From, q.To = v.queryTime(c.Query, queryFrom), v.queryTime(c.Query, queryTo)
	if clock := c.Query.Get(queryClock); clock != "" {
		v.oneOf(queryClock, clock, clockProducer, clockServer)
		if clock == clockServer {
			q.Clock = store.ServerClock
		}
	}
	if s := c.Query.Get(queryBuckets); s != "" {
		n, err := strconv.ParseInt(s, 10, 32)
		if err != nil {
			v.fail(queryBuckets, s, "Member must be a number")
		} else {
			v.number(queryBuckets, int32(n), 1, store.MaxBuckets)
			q.Buckets = int(n)
		}
	}
	if len(v.found) > 0 {
		return q, v.err()
	}
	switch {
	case !q.From.Before(q.To):
		v.fail(queryTo, q.To.Format(time.RFC3339Nano), "Member must be later than %s", queryFrom)
	case q.To.UnixMilli()-q.From.UnixMilli() < int64(q.Buckets):
		v.fail(queryBuckets, strconv.Itoa(q.Buckets), "Member must leave a millisecond for each bucket of the range")
	}
	return q, v.err()
}

func newAvailabilityOutput(v *store.Coverage) availabilityOutput {
	out := availabilityOutput{
		Whole: newAvailability(&v.Whole), Buckets: make([]availability, len(v.Buckets)), Other: v.Other,
		Intervals: []availabilityRange{}, Gaps: []availabilityRange{},
	}
	for i := range v.Buckets {
		out.Buckets[i] = newAvailability(&v.Buckets[i])
	}
	at := v.Whole.From
	for _, g := range v.Gaps {
		if at.Before(g.From) {
			out.Intervals = append(out.Intervals, newAvailabilityRange(at, g.From))
		}
		out.Gaps, at = append(out.Gaps, newAvailabilityRange(g.From, g.To)), g.To
	}
	if at.Before(v.Whole.To) {
		out.Intervals = append(out.Intervals, newAvailabilityRange(at, v.Whole.To))
	}
	return out
}

func newAvailabilityRange(from, to time.Time) availabilityRange {
	return availabilityRange{wire.Timestamp{Time: from}, wire.Timestamp{Time: to}}
}

func newAvailability(b *store.Bucket) availability {
	return availability{
		availabilityRange: newAvailabilityRange(b.From, b.To),
		Covered:           b.Covered.Milliseconds(), Fragments: b.Fragments, Bytes: b.Bytes,
	}
}

// frameRates measures how many pictures a second there are, in one fragment for
// each bucket. What is damaged, or gone meanwhile, has none.
type frameRates struct {
	footage Footage
	scope   store.Scope
	formats map[[32]byte]*timeline.Format
	all     pictures
}

// pictures are frames of video and how long they last together.
type pictures struct {
	frames int
	length time.Duration
}

// measure counts the pictures of a fragment.
func (r *frameRates) measure(ctx context.Context, e store.Entry) (p pictures) {
	f, err := r.footage.Outline(ctx, r.scope, e)
	if err != nil || f.Header == nil {
		return p
	}
	t := r.video(f.Header)
	if t == nil {
		return p
	}
	s := t.Span(f, timeline.Hint{})
	p = pictures{s.Samples, t.Time(s.Duration)}
	r.all.frames, r.all.length = r.all.frames+p.frames, r.all.length+p.length
	return p
}

// video is the first track of pictures, nil if there is none.
func (r *frameRates) video(h *millrace.Header) *timeline.Track {
	f, known := r.formats[h.Hash]
	if !known {
		if parsed, err := timeline.Parse(h); err == nil {
			f = parsed
		}
		r.formats[h.Hash] = f
	}
	if f == nil {
		return nil
	}
	return f.First(media.Video)
}

// rate is in pictures a second, to the thousandth.
func (r *frameRates) rate(p pictures) float64 {
	if p.length <= 0 {
		return 0
	}
	return float64(int64(p.frames)*1000*int64(time.Second)/int64(p.length)) / 1000
}
