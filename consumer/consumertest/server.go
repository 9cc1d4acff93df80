package consumertest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/wire"
)

// ErrServer is wrapped by what NewServer returns when no server can be made.
var ErrServer = errors.New("make a server for tests")

// A Server is the other side of a consumer. All its methods may be called by any
// number of goroutines at once.
type Server struct {
	config   Config
	verifier *wire.Verifier
	closing  chan struct{}  // closed when the server is
	served   sync.WaitGroup // calls

	mu       sync.Mutex // guards what follows
	closed   bool
	network  Network
	hosts    map[Host]*host
	all      []*host // those that were moved away from as well
	refusing bool    // continuation tokens
	keys     map[string]Key
	streams  map[millrace.StreamName]*Stream
	steps    map[Operation][]Step
	after    Step
	answers  map[Operation][]Answer
	calls    []*Call
}

// NewServer starts a server. Close ends it.
func NewServer(c Config) (*Server, error) {
	s := &Server{
		config:   c,
		verifier: wire.NewVerifier(wire.VerifierOptions{}),
		closing:  make(chan struct{}),
		hosts:    map[Host]*host{},
		keys:     map[string]Key{},
		streams:  map[millrace.StreamName]*Stream{},
		steps:    map[Operation][]Step{},
		after:    c.After,
		answers:  map[Operation][]Answer{},
	}
	for _, k := range c.Keys {
		s.keys[k.AccessKeyID] = k
	}
	for _, name := range c.Streams {
		s.streams[name] = newStream(name)
	}
	for op, steps := range c.Steps {
		s.steps[op] = append([]Step(nil), steps...)
	}
	for op, answers := range c.Answers {
		s.answers[op] = append([]Answer(nil), answers...)
	}
	for _, h := range []Host{Control, Data} {
		if err := s.open(h); err != nil {
			s.Close()
			return nil, fmt.Errorf("%w: %w", ErrServer, err)
		}
	}
	return s, nil
}

// Start is NewServer for a test, which fails if there is no server, and closes it
// at its end. Inside a synctest bubble give it the bubble's testing.T.
func Start(t testing.TB, c Config) *Server {
	t.Helper()
	s, err := NewServer(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// Close resets all connections, and returns when nothing of the server runs any
// more. Calling it again does nothing. What was recorded can still be asked for.
func (s *Server) Close() {
	s.mu.Lock()
	if !s.closed {
		close(s.closing)
	}
	s.closed = true
	all := s.all
	s.mu.Unlock()
	for _, h := range all {
		h.close()
	}
	s.served.Wait()
}

// enter counts a call, unless the server is closed.
func (s *Server) enter() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed {
		s.served.Add(1)
	}
	return !s.closed
}

// Stream is the stream of a name, which is made if it is not there.
func (s *Server) Stream(name millrace.StreamName) *Stream {
	s.mu.Lock()
	defer s.mu.Unlock()
	stream := s.streams[name]
	if stream == nil {
		stream = newStream(name)
		s.streams[name] = stream
	}
	return stream
}

// SetNetwork changes how the server can be reached from now on. With Down and
// Silent the connections that are there are reset.
func (s *Server) SetNetwork(n Network) {
	s.mu.Lock()
	s.network = n
	all := s.all
	s.mu.Unlock()
	if n != Up {
		for _, h := range all {
			h.cut()
		}
	}
}

func (s *Server) silent() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.network == Silent
}

func (s *Server) down() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.network == Down || s.closed
}

// now is the server's time.
func (s *Server) now() time.Time { return time.Now().Add(s.config.ClockOffset) }

// Dial connects to the server, with Pipes in memory, else as a net.Dialer does. A
// server that is Down, and a host that it has moved away from, refuse with an error
// that wraps syscall.ECONNREFUSED.
func (s *Server) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	refused := &net.OpError{Op: "dial", Net: network, Err: syscall.ECONNREFUSED}
	if s.down() {
		return nil, refused
	}
	if !s.config.Pipes {
		return (&net.Dialer{}).DialContext(ctx, network, address)
	}
	h, left := s.at(address)
	switch {
	case h == nil:
		return nil, &net.OpError{Op: "dial", Net: network, Err: &net.DNSError{Err: "no such host", Name: address, IsNotFound: true}}
	case left:
		return nil, refused
	}
	return h.pipes.Dial(ctx, network, address)
}

// headTimeout is how long HTTPClient waits for the head of an answer.
const headTimeout = 30 * time.Second

// HTTPClient makes calls over Dial, a connection for each. As the libraries' own
// client it waits 30 s for the head of an answer.
func (s *Server) HTTPClient() *http.Client {
	return &http.Client{Transport: &http.Transport{
		DialContext: s.Dial, DisableKeepAlives: true, DisableCompression: true, ResponseHeaderTimeout: headTimeout,
	}}
}
