package server_test

import (
	"errors"
	"io"
	"slices"
	"testing"
	"time"

	"github.com/millrace/millrace/internal/server"
	"github.com/millrace/millrace/internal/wire"
)

// calling is the rig of somebody who calls with other credentials.
func (r *rig) calling(c wire.Credentials) *rig {
	other := *r
	other.keys = c
	return &other
}

// TestCallsEndWithTheirKeys: media calls under way do not outlive what they were
// permitted by. Producers are told to come again, and readers' responses end
// behind a whole document; calls by other keys go on.
func TestCallsEndWithTheirKeys(t *testing.T) {
	g := guardWith(t, server.Options{RenewEvery: 50 * time.Millisecond})
	g.create("door", 24)
	id := func(c wire.Credentials) map[string]any { return map[string]any{"AccessKeyId": c.AccessKeyID} }
	update := func(c wire.Credentials, member string, value any) {
		in := id(c)
		in[member] = value
		if status, out := g.call("/millrace/v1/updateKey", in); status != 200 {
			t.Fatalf("update key: %d %v", status, out)
		}
	}
	other := g.calling(g.key("other", "PutMedia GetMedia", "door").Credentials)
	stays, reads := other.put("door", nil), other.get("door", map[string]any{"StartSelectorType": "NOW"})
	stays.mustSend(header(1))
	for i, tc := range []struct {
		name    string
		session bool
		end     func(wire.Credentials)
	}{
		{"its key is disabled", false, func(c wire.Credentials) { update(c, "Status", "DISABLED") }},
		{"its key is deleted", false, func(c wire.Credentials) { g.call("/millrace/v1/deleteKey", id(c)) }},
		{"its key has lost the stream", false, func(c wire.Credentials) { update(c, "Streams", []string{"porch"}) }},
		{"its key has lost the action", false, func(c wire.Credentials) { update(c, "Actions", []string{"DescribeStream"}) }},
		{"the key of its session is disabled", true, func(c wire.Credentials) { update(c, "Status", "DISABLED") }},
		{"the key of its session has lost the stream", true, func(c wire.Credentials) { update(c, "Streams", []string{"porch"}) }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			key := g.key("key", "PutMedia GetMedia GetSessionToken", "door").Credentials
			caller := g.calling(key)
			if tc.session {
				caller = g.calling(g.session(key, nil))
			}
			caller.t = t
			r := caller.get("door", map[string]any{"StartSelectorType": "NOW"})
			p := caller.put("door", nil)
			p.mustSend(slices.Concat(header(1), cluster(uint64(i), oneBlock()), endOfFragment()))
			for p.next().EventType != "PERSISTED" {
			}
			tc.end(key)
			if acks := p.rest(); len(acks) != 1 || acks[0].ErrorId != 4003 {
				t.Errorf("the producer was told %v", acks)
			}
			if docs := r.all(); len(docs) != 1 {
				t.Errorf("the reader has %d documents", len(docs))
			}
			stays.mustSend(slices.Concat(cluster(uint64(100+i), oneBlock()), endOfFragment()))
			for a := stays.next(); a.EventType != "PERSISTED"; a = stays.next() {
			}
		})
	}
	stays.end()
	stays.rest()
	reads.must()
	if _, err := reads.next(); errors.Is(err, io.EOF) {
		t.Error("the response of a key that is good has ended")
	}
}
