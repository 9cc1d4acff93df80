package tail

import (
	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/store"
)

// Floor is a bound not smaller than any number that the stream's fragments have
// by now, and smaller than every one to come.
func (t *Tail) Floor(key millrace.StreamKey) millrace.FragmentNumber { return t.numbers.Floor(key) }

// Hide keeps readers from the fragments that a deletion covers, as far as they
// are in memory. When it returns no reader begins with one of them any more;
// one that has begun reads it to its end. An open one goes on growing: what
// becomes of it is for the store to say.
func (t *Tail) Hide(d store.Deletion) {
	s := t.lookup(d.Stream)
	if s == nil {
		return
	}
	defer s.Release()
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range s.entries {
		if d.Covers(f.Number, f.ProducerTime) {
			f.hidden = true
		}
	}
}
