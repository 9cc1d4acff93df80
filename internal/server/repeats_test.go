package server_test

import (
	"net/http"
	"testing"

	"github.com/millrace/millrace/internal/wire"
)

// producerID is what the tests' producer calls itself.
const producerID = "5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a"

// identified is the header by which it does.
func identified() http.Header { return http.Header{wire.HeaderProducer: {producerID}} }

func TestAProducerIsToldThatItsFragmentsAreKeptOnce(t *testing.T) {
	r := start(t, nil, nil)
	r.create("cam", 24)
	if p := r.put("cam", identified()); p.status != http.StatusOK || p.answer.Get(wire.HeaderProducer) != producerID {
		t.Errorf("answered with %d %v", p.status, p.answer)
	}
	if p := r.put("cam", nil); p.status != http.StatusOK || p.answer.Get(wire.HeaderProducer) != "" {
		t.Errorf("a call without a producer is answered with %d %v", p.status, p.answer)
	}
}
