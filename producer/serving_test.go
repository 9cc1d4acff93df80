package producer_test

import (
	"fmt"
	"testing"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/producer"
	"github.com/millrace/millrace/producer/producertest"
)

// served starts a server on connections in memory, which may stand in the bubble
// that t belongs to, and makes a client of it.
func served(t *testing.T, config producertest.Config) (*producertest.Server, *producer.Client) {
	t.Helper()
	config.Pipes = true
	s := producertest.Start(t, config)
	return s, &producer.Client{
		Endpoint:    s.Endpoint(),
		Credentials: millrace.StaticCredentials(millrace.Credentials{AccessKeyID: "AKIDTEST", SecretAccessKey: "secret"}),
		HTTPClient:  s.HTTPClient(),
		Dial:        s.Dial,
	}
}

// durables is the text of a stream's durable fragments, in the order in which they
// came to be: the timecode, and the frames with a comma between them.
func durables(s *producertest.Server, stream millrace.StreamName) (texts []string) {
	for _, f := range s.Persisted(stream) {
		text := fmt.Sprint(f.Timecode, ":")
		for i, frame := range f.Frames {
			if i > 0 {
				text += ","
			}
			text += string(frame.Data)
		}
		texts = append(texts, text)
	}
	return texts
}

// silent is a call that is never acknowledged, and that nothing of is kept.
func silent() producertest.Step { return producertest.Step{Acks: producertest.Acks{Never: true}} }

// faulty is a call in which something happens at a place of its fragment n.
func faulty(at producertest.Place, n int, do producertest.Action) producertest.Step {
	return producertest.Step{Faults: []producertest.Fault{{At: at, Fragment: n, Do: do}}}
}

// failing is a call that ends with an ERROR at a place of its fragment n.
func failing(at producertest.Place, n int, code millrace.Code) producertest.Step {
	return producertest.Step{Faults: []producertest.Fault{{At: at, Fragment: n, Do: producertest.Fail, Code: code}}}
}

// refusing is a call that is answered with an HTTP error.
func refusing(status int, exception string) producertest.Step {
	return producertest.Step{Refuse: producertest.Refusal{Status: status, Exception: exception}}
}
