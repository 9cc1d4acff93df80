package campaign_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/media"
	"github.com/millrace/millrace/producer"
	"github.com/millrace/millrace/producer/producertest"
)

// patience is how long everything may take to be confirmed, by the bubble's time.
const patience = 12 * time.Hour

// filmed is when the footage of these tests begins.
func filmed() time.Time { return time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC) }

// dialFunc connects to the server of a test.
type dialFunc func(ctx context.Context, network, address string) (net.Conn, error)

// A camera writes footage into a stream, at its pace.
type camera struct {
	endpoint string
	dial     dialFunc
	footage  producertest.Footage
	frames   int

	buffer   producer.BufferRules
	spool    string // a directory; empty for none
	restarts []int  // frames before which everything is broken off and begun anew

	dropped []producer.Dropped
}

// shoot writes all frames, and waits until they are confirmed. It returns what is
// to be found of them.
func (c *camera) shoot(t *testing.T) producertest.Comparison {
	t.Helper()
	found := producertest.Comparison{Millis: true, Missing: c.isDropped}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	up := c.open(t)
	for n := range c.frames {
		fresh := slices.Contains(c.restarts, n)
		if fresh {
			up.Abort()
			up = c.open(t)
		}
		f := media.Frame{
			Track: 1, PTS: time.Duration(c.footage.Time(n).UnixNano()), Key: fresh || c.footage.Key(n), Data: c.footage.Data(n),
		}
		err := up.Write(ctx, f)
		if errors.Is(err, producer.ErrNeedKeyFrame) { // after a pause; an encoder would be asked for one
			f.Key = true
			err = up.Write(ctx, f)
		}
		if err != nil {
			t.Errorf("write frame %d: %v", n, err)
			break
		}
		found.Written++
		time.Sleep(c.footage.Every)
	}
	if err := up.Close(ctx); err != nil {
		t.Errorf("close: %v", err)
	}
	if stats := up.Stats(); stats.Pending > 0 {
		t.Errorf("kept after the end: %+v", stats)
	}
	return found
}

// open makes a client, as a process that starts does, and opens the stream.
func (c *camera) open(t *testing.T) *producer.Stream {
	t.Helper()
	client := &producer.Client{
		Endpoint:    c.endpoint,
		Credentials: millrace.StaticCredentials(millrace.Credentials{AccessKeyID: "AKIDTEST", SecretAccessKey: "secret"}),
		HTTPClient:  &http.Client{Transport: &http.Transport{DialContext: c.dial, DisableKeepAlives: true}},
		Dial:        c.dial,
		Spool:       c.spool,
	}
	c.buffer.Spool = c.spool != ""
	c.buffer.OnFull = producer.FullWait
	up, err := client.Open(t.Context(), "gate", producer.StreamConfig{
		Tracks: []media.Track{{Number: 1, UID: 1, Type: media.Video, CodecID: "V_TEST"}},
		Buffer: c.buffer,
		Events: producer.Events{Dropped: func(d producer.Dropped) { c.dropped = append(c.dropped, d) }},
	})
	if err != nil {
		t.Fatal(err)
	}
	return up
}

// isDropped reports whether a frame is within what was reported.
func (c *camera) isDropped(n int) bool {
	return slices.ContainsFunc(c.dropped, func(d producer.Dropped) bool {
		at := c.footage.Time(n)
		return !at.Before(d.From) && !at.After(d.To)
	})
}

// inOrder sorts fragments by the producer's time.
func inOrder(kept []producertest.Fragment) []producertest.Fragment {
	slices.SortStableFunc(kept, func(a, b producertest.Fragment) int { return a.Time.Compare(b.Time) })
	return kept
}
