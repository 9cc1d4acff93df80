package producertest

import (
	"io"
	"maps"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/wire"
	"github.com/millrace/millrace/mkv"
)

const (
	maxElement   = 256 << 20 // bytes; a fragment that is too large has to come first
	smallReceive = 4 << 10   // of the kernel's buffer for steps that do not read, in bytes
)

// A verdict ends a call from within.
type verdict struct {
	do       Action
	code     millrace.Code
	fragment *Fragment // that an ERROR names; nil for none
}

// Error says what is done.
func (v *verdict) Error() string { return v.do.String() }

// A call is one PutMedia call that goes on.
type call struct {
	*link
	step   Step
	record *Call
	params wire.PutMediaHeaders
	body   *body
	reader *mkv.Reader
	media  media // what is known of what came

	acks  chan outgoing
	acked chan struct{} // closed when the last was written
	keeps chan keeping
	kept  chan struct{} // closed when the last was kept

	mu     sync.Mutex // guards what follows
	fired  map[int]bool
	cause  *verdict  // the call is to end
	quiet  time.Time // until then nothing is read or written
	silent bool      // for ever
	deaf   bool      // nothing is read
}

// putMedia answers a PutMedia call.
func (l *link) putMedia(r *http.Request, step Step) {
	c := &call{
		link: l, step: step, fired: map[int]bool{},
		acks: make(chan outgoing, maxAcks), acked: make(chan struct{}),
		keeps: make(chan keeping, maxKeeps), kept: make(chan struct{}),
	}
	refused := c.accept(r)
	l.server.begin(c, refused.status)
	defer l.server.ended(c)
	if refused.status != 0 {
		if refused.write(l) == nil {
			l.leave()
		}
		return
	}
	if c.open(r) != nil {
		return
	}
	go c.writeAcks() // finish waits for both
	go c.keepAll()
	stop := c.age()
	err := c.run()
	stop()
	c.finish(err)
}

// accept reads the call's head. The answer is an error, or the zero answer.
func (c *call) accept(r *http.Request) answer {
	s := c.server
	params, err := wire.ParsePutMediaHeaders(r.Header)
	if err == nil {
		err = s.authenticate(r, wire.StreamedPayload())
	}
	c.params = params
	faults := c.headFaults()
	name := params.Name
	if params.ByARN() {
		name = params.ARN.Name
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	c.record = &Call{
		Number: len(s.calls) + 1, Attempt: c.number, Stream: name, Producer: params.Producer,
		Header: maps.Clone(map[string][]string(r.Header)), Faults: faults, Began: time.Now(),
	}
	s.calls = append(s.calls, c.record)
	if a := s.refused(c.step.Refuse); a.status != 0 {
		return a
	}
	if s.config.Strict && len(faults) > 0 {
		err = millrace.Errorf(millrace.CodeInvalidArgument, "The head breaks a rule: %s: %s.", faults[0].Rule, faults[0].Why)
	}
	if err != nil {
		return s.refusedBy(err)
	}
	stream := s.stream(name)
	if stream == nil {
		return s.refusedBy(millrace.Errorf(millrace.CodeNotFound, "The requested stream is not found or not active."))
	}
	c.media.retained = stream.Retention > 0
	return answer{}
}

// headFaults judges the head as it came.
func (l *link) headFaults() []HeadFault {
	s := l.server
	h := parseHead(l.heard)
	l.heard = nil
	for _, host := range s.hosts {
		name, port, err := net.SplitHostPort(host.name)
		if err != nil {
			name = host.name
		}
		h.hosts = append(h.hosts, name, net.JoinHostPort(name, port))
	}
	h.now = s.now()
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.keys) > 0 {
		h.keys = maps.Clone(s.keys)
	}
	return h.faults()
}

// begin makes a call one that goes on, and ends the others of its stream where
// that is how the server is.
func (s *Server) begin(c *call, refused int) {
	if refused != 0 {
		s.note(Event{Kind: CallRefused, Call: c.record.Number, Status: refused})
		return
	}
	s.note(Event{Kind: CallBegun, Call: c.record.Number})
	s.mu.Lock()
	s.live[c] = true
	var older []*call
	if s.config.OnePerStream {
		older = s.callsOf(c.record.Stream, c)
	}
	s.mu.Unlock()
	for _, o := range older {
		o.end(millrace.CodeConnectionAge)
	}
}

func (s *Server) ended(c *call) {
	s.note(Event{Kind: CallEnded, Call: c.record.Number})
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.live, c)
	c.record.Ended = time.Now()
	if c.body != nil {
		c.record.BodyBytes, c.record.Terminated = c.body.bytes, c.body.ended
	}
	if f := c.media.open; f != nil && f.State == Open {
		f.State = Lost
	}
}

// open sends the head of the response, and makes what reads the body.
func (c *call) open(r *http.Request) error {
	if r.Header.Get("Expect") != "" {
		if _, err := io.WriteString(c.conn, "HTTP/1.1 100 Continue\r\n\r\n"); err != nil {
			return err
		}
	}
	h := http.Header{"Connection": {"close"}}
	if c.server.config.Identity && c.params.Producer != (millrace.ProducerID{}) {
		h.Set(wire.HeaderProducer, c.params.Producer.String())
	}
	head := c.server.head(http.StatusOK, h, "Transfer-Encoding: chunked")
	rest := head
	if f, ok := c.step.early(AtResponseHead); ok {
		half := len(head) / 2
		if _, err := c.conn.Write(head[:half]); err != nil {
			return err
		}
		if err := c.happen(f); err != nil {
			return err
		}
		rest = head[half:]
	}
	if _, err := c.conn.Write(rest); err != nil {
		return err
	}
	if tcp, ok := c.raw.(*net.TCPConn); ok && c.step.slow() {
		_ = tcp.SetReadBuffer(smallReceive) // as far as the system lets
	}
	c.body = newBody(c.in, r, func() error { return c.reach(AtTerminalChunk, c.media.begun-1, 0) })
	p := &probe{source: c.body, offset: func() int64 { return c.reader.Offset() }}
	if c.step.inside() {
		p.inside = c.probed
	}
	c.reader = mkv.NewReader(p, mkv.ReaderOptions{MaxElementSize: maxElement, MaxBlockSize: maxElement})
	c.call = c
	return nil
}

// age ends the call when it is too old.
func (c *call) age() (stop func()) {
	if c.server.config.MaxAge <= 0 {
		return func() {}
	}
	t := time.AfterFunc(c.server.config.MaxAge, func() { c.end(millrace.CodeConnectionAge) })
	return func() { t.Stop() }
}

// run reads media to its end.
func (c *call) run() error {
	for {
		e, err := c.reader.Next()
		if err != nil {
			return err
		}
		if !c.audible(true) {
			return errOver
		}
		if err := c.take(e); err != nil {
			return err
		}
	}
}
