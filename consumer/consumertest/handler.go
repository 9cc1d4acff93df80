package consumertest

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/wire"
)

// ServeHTTP answers one call. A Server that was made by NewServer is served
// already; this is for those who have a listener of their own, such as a
// httptest.Server.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !s.enter() {
		panic(http.ErrAbortHandler) // net/http's way to close a connection
	}
	defer s.served.Done()
	if s.config.ClockOffset != 0 {
		w.Header().Set("Date", s.now().UTC().Format(http.TimeFormat))
	}
	op := Operation(strings.TrimLeft(r.URL.Path, "/"))
	call := s.begin(op, r.Host)
	defer s.finish(call)
	if s.silent() {
		(&response{server: s, ctx: r.Context(), w: w}).stall()
	}
	body, err := wire.ReadBody(r)
	if err != nil {
		s.refuse(w, call, err)
		return
	}
	if op.carriesMedia() {
		s.media(w, r, call, body)
		return
	}
	s.answer(w, r, call, body)
}

// stall holds a response up until the client or the server goes.
func (r *response) stall() {
	_ = r.pause(-1) // it says that the response is over, which is so
	panic(http.ErrAbortHandler)
}

// media answers a call with documents, as the next Step says.
func (s *Server) media(w http.ResponseWriter, r *http.Request, call *Call, body []byte) {
	step := s.nextStep(call.Op)
	out := &response{server: s, record: call, ctx: r.Context(), w: w, step: step, fired: make([]bool, len(step.Faults))}
	if out.pause(step.Delay) != nil {
		panic(http.ErrAbortHandler)
	}
	if step.Refuse.Status != 0 {
		s.note(call, body)
		s.reject(w, call, step.Refuse)
		return
	}
	stream, in, err := s.admit(r, call, body)
	if err != nil {
		s.refuse(w, call, err)
		return
	}
	if call.Op == GetMedia {
		sel, err := in.StartSelector.parse()
		if err == nil && sel.Type == millrace.StartContinuationToken && s.tokensRefused() {
			err = millrace.Errorf(millrace.CodeInvalidArgument, "The ContinuationToken is not known.")
		}
		if err != nil {
			s.refuse(w, call, err)
			return
		}
		s.recordStart(call, sel)
		out.end(out.begin(stream, sel))
		return
	}
	numbers, err := in.numbers()
	if err != nil {
		s.refuse(w, call, err)
		return
	}
	s.recordList(call, numbers)
	out.end(out.open(func() error { return out.list(stream, numbers) }))
}

// begin sends what a getMedia call asks for.
func (r *response) begin(stream *Stream, sel millrace.StartSelector) error {
	p := stream.start(sel, r.server.config)
	r.last = sel.Number
	return r.open(func() error {
		if p.expired {
			return r.fail(sel.Number, millrace.CodeNotFound)
		}
		return r.follow(stream, p)
	})
}

// admit reads and checks a request.
func (s *Server) admit(r *http.Request, call *Call, body []byte) (*Stream, parameters, error) {
	s.note(call, body)
	if err := s.authenticate(r, body); err != nil {
		return nil, parameters{}, err
	}
	in, err := decode(body)
	if err != nil {
		return nil, in, err
	}
	stream, err := s.named(in.StreamName)
	return stream, in, err
}

// answer answers a call without media, as the next Answer says.
func (s *Server) answer(w http.ResponseWriter, r *http.Request, call *Call, body []byte) {
	a := s.nextAnswer(call.Op)
	out := &response{server: s, record: call, ctx: r.Context(), w: w}
	if out.pause(a.Delay) != nil {
		panic(http.ErrAbortHandler)
	}
	switch a.Do {
	case Reset:
		out.reset()
		return
	case Close:
		panic(http.ErrAbortHandler)
	case Stall:
		out.stall()
	}
	s.note(call, body)
	if a.Status != 0 {
		s.reject(w, call, a.Refusal)
		return
	}
	err := s.authenticate(r, body)
	var in parameters
	if err == nil {
		in, err = decode(body)
	}
	var v any
	if err == nil {
		v, err = s.operate(call.Op, in, a, r.Host)
	}
	if err != nil {
		s.refuse(w, call, err)
		return
	}
	s.recordStatus(call, http.StatusOK)
	_ = wire.WriteJSON(w, wire.NewRequestID(), v) // a client that has gone needs no answer
}

// refuse answers with an error of our own.
func (s *Server) refuse(w http.ResponseWriter, call *Call, err error) {
	_, status := wire.Exception(millrace.CodeOf(err))
	s.recordStatus(call, status)
	wire.WriteError(w, wire.NewRequestID(), err)
}

// reject answers with an error of the script.
func (s *Server) reject(w http.ResponseWriter, call *Call, r Refusal) {
	s.recordStatus(call, r.Status)
	h := w.Header()
	if r.Exception != "" {
		h[wire.HeaderErrorType] = []string{r.Exception}
	}
	if r.RetryAfter > 0 {
		h.Set("Retry-After", strconv.Itoa(int(r.RetryAfter/time.Second)))
	}
	text := r.Body
	if text == "" {
		h.Set("Content-Type", wire.ContentTypeJSON)
		text = `{"Message":` + strconv.Quote(r.Message) + `}`
	} else if h.Set("Content-Type", "text/html"); r.Type != "" {
		h.Set("Content-Type", r.Type)
	}
	w.WriteHeader(r.Status)
	_, _ = w.Write([]byte(text)) // a client that has gone needs no answer
}
