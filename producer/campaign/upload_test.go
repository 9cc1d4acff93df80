package campaign_test

import (
	"context"
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

// upload writes the frames at their pace, and waits until all is confirmed. It
// returns what is to be found of it.
func upload(t *testing.T, endpoint string, dial dialFunc, footage producertest.Footage, frames int) producertest.Comparison {
	t.Helper()
	client := &producer.Client{
		Endpoint:    endpoint,
		Credentials: millrace.StaticCredentials(millrace.Credentials{AccessKeyID: "AKIDTEST", SecretAccessKey: "secret"}),
		HTTPClient:  &http.Client{Transport: &http.Transport{DialContext: dial, DisableKeepAlives: true}},
		Dial:        dial,
	}
	var dropped []producer.Dropped
	up, err := client.Open(t.Context(), "gate", producer.StreamConfig{
		Tracks: []media.Track{{Number: 1, UID: 1, Type: media.Video, CodecID: "V_TEST"}},
		Buffer: producer.BufferRules{OnFull: producer.FullWait},
		Events: producer.Events{Dropped: func(d producer.Dropped) { dropped = append(dropped, d) }},
	})
	if err != nil {
		t.Fatal(err)
	}
	c := producertest.Comparison{Millis: true, Missing: func(n int) bool {
		return slices.ContainsFunc(dropped, func(d producer.Dropped) bool {
			at := footage.Time(n)
			return !at.Before(d.From) && !at.After(d.To)
		})
	}}
	for n := range frames {
		f := media.Frame{Track: 1, PTS: time.Duration(footage.Time(n).UnixNano()), Key: footage.Key(n), Data: footage.Data(n)}
		if err := up.Write(t.Context(), f); err != nil {
			t.Errorf("write frame %d: %v", n, err)
			break
		}
		c.Written++
		time.Sleep(footage.Every)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := up.Close(ctx); err != nil {
		t.Errorf("close: %v", err)
	}
	if stats := up.Stats(); stats.Pending > 0 {
		t.Errorf("kept after the end: %+v", stats)
	}
	return c
}

// announced reports whether the producer has said who it is.
func announced(s *producertest.Server) bool {
	return slices.ContainsFunc(s.Calls(), func(c producertest.Call) bool { return c.Producer != millrace.ProducerID{} })
}
