package consumertest

import "time"

// Next adds steps to the end of the queue for calls of an operation with media.
func (s *Server) Next(op Operation, steps ...Step) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.steps[op] = append(s.steps[op], steps...)
}

// SetAfter replaces the step for calls that the queue has none for.
func (s *Server) SetAfter(step Step) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.after = step
}

// StepsLeft is how many steps of the queue were not used yet.
func (s *Server) StepsLeft(op Operation) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.steps[op])
}

// Answer adds answers to the end of the queue for an operation without media.
func (s *Server) Answer(op Operation, answers ...Answer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answers[op] = append(s.answers[op], answers...)
}

// RefuseTokens has calls that start at a continuation token refused, or not.
func (s *Server) RefuseTokens(refuse bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refusing = refuse
}

// AllowKey lets requests be signed with a key, also in place of one with the same
// id. Without Config.Keys the first one makes the server look at signatures.
func (s *Server) AllowKey(k Key) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.keys[k.AccessKeyID] = k
}

// ForgetKey refuses requests that are signed with a key from now on.
func (s *Server) ForgetKey(accessKeyID string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	k := s.keys[accessKeyID]
	k.Expires = time.Unix(0, 1)
	s.keys[accessKeyID] = k
}

func (s *Server) tokensRefused() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.refusing
}

func (s *Server) nextStep(op Operation) Step {
	s.mu.Lock()
	defer s.mu.Unlock()
	queue := s.steps[op]
	if len(queue) == 0 {
		return s.after
	}
	s.steps[op] = queue[1:]
	return queue[0]
}

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
