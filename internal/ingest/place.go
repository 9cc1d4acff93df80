package ingest

import (
	"sync"

	"github.com/millrace/millrace"
)

// A Place is the right to have a session on a stream, where there are only so
// many. A nil *Place is one that nobody counts.
type Place struct {
	sessions *Sessions
	key      millrace.StreamKey
	once     sync.Once
}

// Admit takes a place for a session that is about to begin, before its call is
// answered: a refusal, CodeConnectionLimit, is the answer then. Where the newest
// session is never refused it returns nil. A place must be left.
func (m *Sessions) Admit(key millrace.StreamKey) (*Place, error) {
	if !m.RefuseNew {
		return nil, nil
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.places[key] >= m.SessionsPerStream {
		return nil, millrace.Errorf(millrace.CodeConnectionLimit, "The stream has too many producers.")
	}
	m.places[key]++
	return &Place{sessions: m, key: key}, nil
}

// Leave gives the place back. A session does so when its body is over, for it
// does nothing more then than to wait for its last acknowledgements. Further
// calls do nothing.
func (p *Place) Leave() {
	if p == nil {
		return
	}
	p.once.Do(func() {
		m := p.sessions
		m.mu.Lock()
		defer m.mu.Unlock()
		if m.places[p.key]--; m.places[p.key] == 0 {
			delete(m.places, p.key)
		}
	})
}
