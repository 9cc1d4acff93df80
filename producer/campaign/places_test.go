package campaign_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/producer/producertest"
)

// recovery is how long one fault may hold everything up, by the bubble's time.
const recovery = 3 * time.Minute

// story plays one upload of a minute with one thing that goes wrong, against a
// server of each kind.
func story(t *testing.T, name string, change func(*producertest.Config)) {
	t.Helper()
	for kind, config := range map[string]producertest.Config{"Millrace": producertest.Millrace(), "AWS": producertest.AWS()} {
		t.Run(fmt.Sprintf("%s, %s", name, kind), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				config.Pipes = true
				change(&config)
				s := producertest.Start(t, config)
				c := &camera{
					endpoint: s.Endpoint(), dial: s.Dial, frames: 60,
					footage: producertest.Footage{Seed: 1, Began: filmed(), Every: time.Second},
				}
				began := time.Now()
				found := c.shoot(t)
				if took := time.Since(began); took > time.Minute+recovery {
					t.Errorf("took %v", took)
				}
				found.Once, found.Missing = config.Identity, nil
				if err := c.footage.Compare(s.Persisted("gate"), found); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// Whatever happens to a call, and wherever, nothing is lost, and the stream goes on
// soon.
func TestEveryPlaceOfACall(t *testing.T) {
	t.Setenv("HOME", t.TempDir())
	for at := producertest.AtConnect; at <= producertest.AtTerminalChunk; at++ {
		for do := producertest.Proceed; do <= producertest.Deafen; do++ {
			for _, fragment := range []int{0, 3} {
				f := producertest.Fault{
					At: at, Fragment: fragment, Block: fragment / 2, Delay: 3 * time.Second, Do: do, Code: millrace.CodeArchival,
				}
				story(t, fmt.Sprintf("%v at %v %d", do, at, fragment), func(c *producertest.Config) {
					c.Steps = []producertest.Step{{Faults: []producertest.Fault{f}}}
				})
			}
		}
	}
}

// However a call is acknowledged, what is durable is not taken for lost, nor the
// other way round.
func TestEveryWayOfAcknowledging(t *testing.T) {
	t.Setenv("HOME", t.TempDir())
	for name, acks := range map[string]producertest.Acks{
		"never":                   {Never: true},
		"no BUFFERING":            {Omit: []millrace.AckType{millrace.AckBuffering}},
		"no RECEIVED":             {Omit: []millrace.AckType{millrace.AckReceived}},
		"only PERSISTED":          {Omit: []millrace.AckType{millrace.AckBuffering, millrace.AckReceived}},
		"every third is left out": {OmitEvery: 3},
		"late":                    {Delay: 20 * time.Second},
		"three times":             {Repeat: 2},
		"strangers":               {Strangers: true},
		"in reverse":              {Group: 7, Reverse: true},
		"in one read":             {Group: 5},
		"in one chunk":            {Group: 5, OneChunk: true},
		"split":                   {Split: 3},
	} {
		story(t, name, func(c *producertest.Config) {
			c.Steps = []producertest.Step{{Acks: acks, Faults: []producertest.Fault{
				{At: producertest.AtBlock, Fragment: 5, Do: producertest.Reset},
			}}}
		})
	}
}
