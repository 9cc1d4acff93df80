package producertest_test

import (
	"testing"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/producer"
	"github.com/millrace/millrace/producer/producertest"
)

func TestACameraWhoseCallIsCutOff(t *testing.T) {
	server := producertest.Start(t, producertest.Config{
		Identity: true, // as Millrace: what is sent again is kept once
		Steps: []producertest.Step{
			// The first call is cut off when its second fragment is durable, before the camera is told so.
			{Faults: []producertest.Fault{{At: producertest.AtPersisted, Fragment: 1, Do: producertest.Reset}}},
		},
	})
	client := &producer.Client{
		Endpoint:    server.Endpoint(),
		Credentials: millrace.StaticCredentials(millrace.Credentials{AccessKeyID: "AKID", SecretAccessKey: "secret"}),
		HTTPClient:  server.HTTPClient(),
		Dial:        server.Dial,
	}
	if err := camera(t.Context(), client); err != nil { // your device's code
		t.Fatal(err)
	}
	kept := map[time.Time]bool{}
	for _, fragment := range server.Persisted("gate") {
		kept[fragment.Time] = true // there are its frames, tags and bytes, too
	}
	if len(kept) != 3 {
		t.Errorf("%d fragments are durable", len(kept))
	}
}
