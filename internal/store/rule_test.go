package store

import (
	"testing"
	"time"

	"github.com/millrace/millrace"
)

// Every change of any stream makes all rules anew, so a stream of which much was
// deleted must not cost the others their server. Compared each with each, these
// take minutes.
func TestManyDeletions(t *testing.T) {
	last := millrace.NewFragmentNumber(1, time.Now(), 1)
	p := Policy{Retention: time.Hour}
	for id := range uint64(200_000) {
		p.Deletions = append(p.Deletions, Deletion{ID: id + 1, Last: last})
	}
	began := time.Now()
	r := newRule(p, nil)
	p.Deletions = append(p.Deletions, Deletion{ID: 200_001, Last: last})
	r = newRule(p, r)
	if len(r.Deletions) != 200_001 || len(r.hiding) != 200_001 {
		t.Errorf("%d deletions, %d hiding", len(r.Deletions), len(r.hiding))
	}
	r = r.after(p.Deletions[1:], 0)
	if len(r.Deletions) != 200_001 || len(r.hiding) != 1 {
		t.Errorf("applied: %d deletions, %d hiding", len(r.Deletions), len(r.hiding))
	}
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("took %v", took)
	}
}
