package producertest

import (
	"errors"
	"io"
	"maps"
	"net"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/wire"
	"github.com/millrace/millrace/mkv"
)

const (
	idleEvery    = 5 * time.Second // between IDLE acknowledgements
	maxElement   = 256 << 20       // bytes; a fragment that is too large has to come first
	smallReceive = 4 << 10         // of the kernel's buffer for steps that do not read, in bytes
	readsEvery   = 50 * time.Millisecond
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
	name := params.Name
	if params.ByARN() {
		name = params.ARN.Name
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	c.record = &Call{
		Number: len(s.calls) + 1, Attempt: c.number, Stream: name, Producer: params.Producer,
		Header: maps.Clone(map[string][]string(r.Header)), Began: time.Now(),
	}
	s.calls = append(s.calls, c.record)
	if a := s.refused(c.step.Refuse); a.status != 0 {
		return a
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

// end has the call end with an ERROR of no fragment.
func (c *call) end(code millrace.Code) { c.interrupt(&verdict{do: Fail, code: code}) }

// interrupt has the call end. The first verdict counts.
func (c *call) interrupt(v *verdict) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cause == nil {
		c.cause = v
	}
	_ = c.raw.SetReadDeadline(time.Unix(1, 0)) // wakes the reader; fails only where there is none
}

// read reads from the connection as the step says. It returns a verdict when the
// call is to end.
func (c *call) read(p []byte) (int, error) {
	idle := c.server.config.Idle
	if idle == 0 {
		idle = DefaultIdle
	}
	since := time.Now()
	for {
		wait := idleEvery
		if idle > 0 {
			wait = min(wait, idle-time.Since(since))
		}
		if wait <= 0 {
			return 0, &verdict{do: Finish}
		}
		if err := c.ready(time.Now().Add(wait)); err != nil {
			return 0, err
		}
		n, err := c.conn.Read(p[:c.portion(len(p))])
		if n > 0 {
			return n, c.slowDown(n)
		}
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			return n, err
		}
		if c.judged() == nil && (idle < 0 || time.Since(since) < idle) {
			c.send(outgoing{ack: millrace.Ack{Type: millrace.AckIdle}})
		}
	}
}

// ready waits until reading is what the step wants, and sets the deadline of the
// read.
func (c *call) ready(deadline time.Time) error {
	if !c.audible(true) {
		return errOver
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cause != nil {
		return c.cause
	}
	return c.raw.SetReadDeadline(deadline)
}

func (c *call) judged() *verdict {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.cause
}

// portion is how much is read at a time.
func (c *call) portion(n int) int {
	if c.step.ReadRate <= 0 {
		return n
	}
	return min(n, max(1, int(int64(c.step.ReadRate)*int64(readsEvery)/int64(time.Second))))
}

// slowDown waits for as long as n bytes take.
func (c *call) slowDown(n int) error {
	if c.step.ReadRate > 0 && !c.wait(time.Duration(n)*time.Second/time.Duration(c.step.ReadRate)) {
		return errOver
	}
	return nil
}

// audible waits until the call may read or write, and reports whether it still
// can.
func (c *call) audible(reading bool) bool {
	for {
		c.mu.Lock()
		pause := time.Until(c.quiet)
		if c.silent || reading && c.deaf && c.cause == nil {
			pause = -1
		} else {
			pause = max(pause, 0)
		}
		c.mu.Unlock()
		if pause == 0 {
			return true
		}
		if !c.wait(pause) {
			return false
		}
	}
}

// finish ends the call: what is complete is kept and acknowledged, what ended the
// call is told, and the connection goes.
func (c *call) finish(err error) {
	v := c.conclude(err)
	switch v.do {
	case Reset:
		c.reset()
	case Close:
		c.shut()
	}
	close(c.keeps)
	<-c.kept
	if v.do == Fail {
		c.fail(v)
	}
	close(c.acks)
	<-c.acked
	if c.audible(false) {
		if _, err := io.WriteString(c.conn, "0\r\n\r\n"); err == nil {
			c.leave()
		}
	}
}

// conclude makes a verdict of what ended the reading.
func (c *call) conclude(err error) *verdict {
	v, ok := errors.AsType[*verdict](err)
	syntax, bad := errors.AsType[*mkv.SyntaxError](err)
	switch {
	case ok:
		return v
	case errors.Is(err, io.EOF):
		return c.media.verdict(c)
	case c.judged() != nil:
		return c.judged()
	case bad && !errors.Is(syntax.Err, io.ErrUnexpectedEOF) || bad && c.body.ended:
		return &verdict{do: Fail, code: millrace.CodeInvalidMKV, fragment: c.media.open}
	}
	return &verdict{do: Reset} // the client is gone
}

// fail sends the ERROR that ends a call.
func (c *call) fail(v *verdict) {
	a := millrace.Ack{Type: millrace.AckError, Code: v.code}
	if f := v.fragment; f != nil {
		a.HasTimecode, a.Timecode, a.Number = true, f.Timecode, f.Number
		c.server.settle(f, Refused)
	}
	c.send(outgoing{ack: a})
}
