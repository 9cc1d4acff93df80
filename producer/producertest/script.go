package producertest

import (
	"time"

	"github.com/millrace/millrace"
)

// Next adds steps to the end of the queue for connections to the data endpoint.
func (s *Server) Next(steps ...Step) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.steps = append(s.steps, steps...)
}

// SetAfter replaces the step for connections that the queue has none for.
func (s *Server) SetAfter(step Step) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.after = step
}

// StepsLeft is how many steps of the queue were not used yet.
func (s *Server) StepsLeft() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.steps)
}

// Answer adds answers to the end of the queue for an operation.
func (s *Server) Answer(op Operation, answers ...Answer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answers[op] = append(s.answers[op], answers...)
}

// AllowKey lets requests be signed with a key, also in place of one with the same
// id. Without Config.Keys the first one makes the server look at signatures.
func (s *Server) AllowKey(k Key) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.keys[k.AccessKeyID] = k
}

// ForgetKey refuses requests that are signed with a key from now on. With the
// last one forgotten every request is refused.
func (s *Server) ForgetKey(accessKeyID string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	k := s.keys[accessKeyID]
	k.Expires = time.Unix(0, 1)
	s.keys[accessKeyID] = k
}

// Stream returns a stream that is there.
func (s *Server) Stream(name millrace.StreamName) (Stream, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if stream := s.stream(name); stream != nil {
		return *stream, true
	}
	return Stream{}, false
}

// DeleteStream removes a stream. Calls of it that go on are ended with
// millrace.CodeStreamDeleted.
func (s *Server) DeleteStream(name millrace.StreamName) {
	s.mu.Lock()
	delete(s.streams, name)
	calls := s.callsOf(name, nil)
	s.mu.Unlock()
	for _, c := range calls {
		c.end(millrace.CodeStreamDeleted)
	}
}

// stream finds a stream. The caller holds mu.
func (s *Server) stream(name millrace.StreamName) *Stream {
	if found := s.streams[name]; found != nil || len(s.config.Streams) > 0 {
		return found
	}
	made := &Stream{Name: name, Retention: s.config.Retention}
	switch {
	case made.Retention == 0:
		made.Retention = DefaultRetention
	case made.Retention < 0:
		made.Retention = 0
	}
	s.streams[name] = made
	return made
}

// callsOf returns the calls of a stream that go on, but for one. The caller holds
// mu.
func (s *Server) callsOf(name millrace.StreamName, but *call) (calls []*call) {
	for c := range s.live {
		if c.record.Stream == name && c != but {
			calls = append(calls, c)
		}
	}
	return calls
}

// nextStep takes a step from the queue.
func (s *Server) nextStep() Step {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.steps) == 0 {
		return s.after
	}
	step := s.steps[0]
	s.steps = s.steps[1:]
	return step
}

// nextAnswer takes an answer from the queue of op.
func (s *Server) nextAnswer(op Operation) Answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	queue := s.answers[op]
	if len(queue) == 0 {
		return Answer{}
	}
	s.answers[op] = queue[1:]
	return queue[0]
}

// note writes an event down.
func (s *Server) note(e Event) {
	e.At = time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.events = append(s.events, e)
}
