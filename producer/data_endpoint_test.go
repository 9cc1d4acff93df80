package producer_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/producer"
	"github.com/millrace/millrace/producer/producertest"
)

// controlled counts the calls of each operation that a server has answered.
func controlled(s *producertest.Server) map[producertest.Operation]int {
	calls := map[producertest.Operation]int{}
	for _, e := range s.Events() {
		if e.Kind == producertest.Controlled {
			calls[e.Op]++
		}
	}
	return calls
}

func TestMediaGoToADataEndpointThatIsNamedAndNobodyIsAskedForOne(t *testing.T) {
	t.Setenv("HOME", t.TempDir())
	for name, pinned := range map[string]bool{"named": true, "not named": false} {
		t.Run(name, func(t *testing.T) {
			cut := producertest.Step{Faults: []producertest.Fault{{At: producertest.AtPersisted, Fragment: 1, Do: producertest.Reset}}}
			s := producertest.Start(t, producertest.Config{Identity: true, Steps: []producertest.Step{cut}})
			c := &producer.Client{
				Endpoint:    s.Endpoint(),
				Credentials: millrace.StaticCredentials(millrace.Credentials{AccessKeyID: "AKIDTEST", SecretAccessKey: "secret"}),
			}
			if pinned {
				c.DataEndpoint = s.DataEndpoint() + "/" // as people write it
			}
			up, err := c.Open(t.Context(), "gate", producer.StreamConfig{Tracks: tracks()})
			if err != nil {
				t.Fatal(err)
			}
			write(t, up, 0, "AbCdE")
			if err := up.Close(t.Context()); err != nil {
				t.Fatal(err)
			}
			var kept []string
			for _, f := range s.Persisted("gate") {
				kept = append(kept, string(f.Frames[0].Data))
			}
			slices.Sort(kept) // what was sent again may be kept again
			if got := strings.Join(slices.Compact(kept), ""); got != "ACE" {
				t.Errorf("durable are %s", got)
			}
			if calls := controlled(s); calls[producertest.GetDataEndpoint] == 0 != pinned || len(s.Calls()) < 2 {
				t.Errorf("%d media calls, of others %v", len(s.Calls()), calls)
			}
		})
	}
}

func TestADataEndpointThatIsNoAddressIsAnErrorOfOpen(t *testing.T) {
	t.Setenv("HOME", t.TempDir())
	c := &producer.Client{Endpoint: "http://control.test", DataEndpoint: "media.test"}
	if _, err := c.Open(t.Context(), "gate", producer.StreamConfig{Tracks: tracks()}); err == nil || !strings.Contains(err.Error(), `"media.test"`) {
		t.Errorf("open: %v", err)
	}
}
