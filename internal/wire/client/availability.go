package client

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"strconv"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/wire"
)

// An AvailabilityRange says which range of a stream is asked about.
type AvailabilityRange struct {
	From, To time.Time // by Clock
	Clock    string    // "producer" or "server"; empty is the producer's
	Buckets  int       // parts of the range, 1 to 1000; 0 is the server's choice
}

// An Availability says when a stream has media in a range.
type Availability struct {
	Clock     string
	Whole     Available
	Buckets   []Available
	Intervals []Interval
	Gaps      []Interval // the longest, by time
	Shorter   int        `json:"ShorterGaps"` // gaps that are not listed
}

// An Interval is a time from one moment to another.
type Interval struct {
	Start wire.Timestamp `json:"StartTimestamp"`
	End   wire.Timestamp `json:"EndTimestamp"`
}

// An Available says what there is in an interval.
type Available struct {
	Interval
	Covered   int64   `json:"CoveredInMilliseconds"`
	Fragments int64   // that start in it
	Bytes     int64   // of their media
	Frames    float64 `json:"FrameRate"` // pictures a second; 0 where that is not known
}

// Availability says when a stream has media. It is tried once.
func (c *Client) Availability(ctx context.Context, stream millrace.StreamName, r AvailabilityRange) (v Availability, err error) {
	query := url.Values{"from": {r.From.UTC().Format(time.RFC3339Nano)}, "to": {r.To.UTC().Format(time.RFC3339Nano)}}
	if r.Clock != "" {
		query.Set("clock", r.Clock)
	}
	if r.Buckets > 0 {
		query.Set("buckets", strconv.Itoa(r.Buckets))
	}
	resp, err := c.resource(ctx, stream, "availability", query)
	if err != nil {
		return v, err
	}
	defer resp.Body.Close()
	if err := json.NewDecoder(io.LimitReader(resp.Body, maxAnswer)).Decode(&v); err != nil {
		return v, fmt.Errorf("read availability: %w", err)
	}
	return v, nil
}
