package producer_test

import (
	"context"
	"testing"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/producer"
	"github.com/millrace/millrace/producer/producertest"
)

// A server refuses what was signed more than minutes ago, or in the future. A
// refusal says what the time is, and media keep the times that the device gave
// them.
func TestADeviceWhoseClockIsWrongStreams(t *testing.T) {
	t.Setenv("HOME", t.TempDir())
	keys := millrace.Credentials{AccessKeyID: "AKIDTEST", SecretAccessKey: "secret"}
	for name, ahead := range map[string]time.Duration{"right": 0, "behind": 26 * time.Hour, "ahead": -3 * time.Hour} {
		for _, pinned := range []bool{false, true} {
			t.Run(name, func(t *testing.T) {
				s := producertest.Start(t, producertest.Config{ClockOffset: ahead, Keys: []producertest.Key{{Credentials: keys}}})
				c := &producer.Client{Endpoint: s.Endpoint(), Credentials: millrace.StaticCredentials(keys)}
				if pinned {
					c.DataEndpoint = s.DataEndpoint()
				}
				up, err := c.Open(t.Context(), "gate", producer.StreamConfig{Tracks: tracks()})
				if err != nil {
					t.Fatal(err)
				}
				write(t, up, 0, "AbC")
				ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
				defer cancel()
				if err := up.Close(ctx); err != nil {
					t.Fatal(err)
				}
				refused := 0
				for _, e := range s.Events() {
					if (e.Kind == producertest.Controlled || e.Kind == producertest.CallRefused) && e.Status != 200 {
						refused++
					}
				}
				if refused > 2 || (refused > 0) != (ahead != 0) { // two may be under way at once
					t.Errorf("%d calls were refused", refused)
				}
				if kept := s.Persisted("gate"); len(kept) != 2 || !kept[0].Time.Equal(clock) {
					t.Errorf("durable are %d fragments", len(kept))
				}
			})
		}
	}
}
