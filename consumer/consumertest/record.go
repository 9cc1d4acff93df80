package consumertest

import (
	"slices"
	"time"

	"github.com/millrace/millrace"
)

// A Call is one call that came.
type Call struct {
	Number int // from 1
	Op     Operation
	Host   string // of the request
	Stream millrace.StreamName
	Start  millrace.StartSelector    // of getMedia
	Listed []millrace.FragmentNumber // of getMediaForFragmentList
	Began  time.Time
	Ended  time.Time // zero while it goes on
	Status int       // 0 if there was no answer
	Bytes  int64     // of media that were sent
	Sent   []Sent    // in order
	Faults []Fault   // that have happened
}

// Sent is one document of a response.
type Sent struct {
	Number millrace.FragmentNumber
	Blocks int  // that went out whole
	Whole  bool // so did all of it
}

// Calls returns every call that came, in order. With operations it returns only
// theirs.
func (s *Server) Calls(ops ...Operation) []Call {
	s.mu.Lock()
	defer s.mu.Unlock()
	var calls []Call
	for _, c := range s.calls {
		if len(ops) > 0 && !slices.Contains(ops, c.Op) {
			continue
		}
		copied := *c
		copied.Sent = slices.Clone(c.Sent)
		copied.Faults = slices.Clone(c.Faults)
		calls = append(calls, copied)
	}
	return calls
}

// Reading is how many responses with media go on.
func (s *Server) Reading() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for _, c := range s.calls {
		if c.Op.carriesMedia() && c.Ended.IsZero() {
			n++
		}
	}
	return n
}

func (s *Server) begin(op Operation, host string) *Call {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := &Call{Number: len(s.calls) + 1, Op: op, Host: host, Began: time.Now()}
	s.calls = append(s.calls, c)
	return c
}

// change changes a record.
func (s *Server) change(c *Call, to func(*Call)) {
	if c == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	to(c)
}

func (s *Server) finish(c *Call) { s.change(c, func(c *Call) { c.Ended = time.Now() }) }

// note writes down which stream a request is for.
func (s *Server) note(c *Call, body []byte) {
	if in, err := decode(body); err == nil {
		s.change(c, func(c *Call) { c.Stream = in.StreamName })
	}
}

func (s *Server) recordStatus(c *Call, status int) { s.change(c, func(c *Call) { c.Status = status }) }

func (s *Server) recordStart(c *Call, sel millrace.StartSelector) {
	s.change(c, func(c *Call) { c.Start = sel })
}

func (s *Server) recordList(c *Call, numbers []millrace.FragmentNumber) {
	s.change(c, func(c *Call) { c.Listed = numbers })
}

func (s *Server) recordBytes(c *Call, n int64) { s.change(c, func(c *Call) { c.Bytes = n }) }

func (s *Server) recordFault(c *Call, f Fault) {
	s.change(c, func(c *Call) { c.Faults = append(c.Faults, f) })
}

func (s *Server) recordDocument(c *Call, n millrace.FragmentNumber) {
	s.change(c, func(c *Call) { c.Sent = append(c.Sent, Sent{Number: n}) })
}

func (s *Server) recordBlock(c *Call) {
	s.change(c, func(c *Call) { c.Sent[len(c.Sent)-1].Blocks++ })
}

func (s *Server) recordWhole(c *Call) {
	s.change(c, func(c *Call) { c.Sent[len(c.Sent)-1].Whole = true })
}
