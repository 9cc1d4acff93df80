package producertest

import (
	"context"
	"crypto/tls"
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

// A Server is the other side of a producer. All its methods may be called by any
// number of goroutines at once.
type Server struct {
	config    Config
	hosts     [2]host
	tls       *tls.Config // nil without TLS
	trust     *tls.Config
	verifier  *wire.Verifier
	closing   chan struct{} // closed when the server is
	listeners sync.WaitGroup
	served    sync.WaitGroup

	mu        sync.Mutex // guards what follows
	closed    bool
	network   Network
	links     map[*link]bool // connections that are open
	keys      map[string]Key
	streams   map[millrace.StreamName]*Stream
	steps     []Step
	after     Step
	answers   map[Operation][]Answer
	live      map[*call]bool
	kept      map[identity]*Fragment   // of producers that are identified
	begun     map[identity][]*Fragment // by them, whatever became of it
	sequence  uint64                   // of the last fragment number
	fragments []*Fragment
	durable   []*Fragment
	attempts  []Attempt
	calls     []*Call
	events    []Event
}

// A host is one address of the server.
type host struct {
	name     string // host and port
	listener net.Listener
}

// A Network is how a server can be reached.
type Network uint8

// The networks.
const (
	Up     Network = iota // it answers
	Down                  // connections are refused, at the latest when they are made
	Silent                // nothing that is sent to it is answered, not even a connection
)

// NewServer starts a server. Close ends it.
func NewServer(c Config) (*Server, error) {
	s := &Server{
		config:   c,
		verifier: wire.NewVerifier(wire.VerifierOptions{}),
		links:    map[*link]bool{},
		keys:     map[string]Key{},
		streams:  map[millrace.StreamName]*Stream{},
		steps:    append([]Step(nil), c.Steps...),
		after:    c.After,
		answers:  map[Operation][]Answer{},
		live:     map[*call]bool{},
		kept:     map[identity]*Fragment{},
		begun:    map[identity][]*Fragment{},
		closing:  make(chan struct{}),
	}
	for _, k := range c.Keys {
		s.keys[k.AccessKeyID] = k
	}
	for _, stream := range c.Streams {
		s.streams[stream.Name] = &stream
	}
	for op, answers := range c.Answers {
		s.answers[op] = append([]Answer(nil), answers...)
	}
	if err := s.open(); err != nil {
		s.Close()
		return nil, fmt.Errorf("%w: %w", ErrServer, err)
	}
	return s, nil
}

// Start is NewServer for a test, which fails if there is no server, and closes
// it at its end. Inside a synctest bubble give it the bubble's testing.T.
func Start(t testing.TB, c Config) *Server {
	t.Helper()
	s, err := NewServer(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// open makes both hosts.
func (s *Server) open() (err error) {
	names := [...]string{Control: "control.test", Data: "data.test"}
	for h := range s.hosts {
		if s.config.Pipes {
			s.hosts[h].name = net.JoinHostPort(names[h], s.port())
			continue
		}
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return err
		}
		s.hosts[h] = host{l.Addr().String(), l}
	}
	if s.config.TLS {
		if s.tls, s.trust, err = certify(names[:]); err != nil {
			return err
		}
	}
	for h := range s.hosts {
		if s.hosts[h].listener != nil {
			s.listeners.Go(func() { s.listen(Host(h)) })
		}
	}
	return nil
}

func (s *Server) port() string {
	if s.config.TLS {
		return "443"
	}
	return "80"
}

func (s *Server) listen(h Host) {
	for {
		conn, err := s.hosts[h].listener.Accept()
		if err != nil {
			return // closed
		}
		s.take(h, conn)
	}
}

// take serves a connection that was made, or refuses it.
func (s *Server) take(h Host, conn net.Conn) {
	network, n, ok := s.attempt(h)
	l := newLink(s, h, n, conn)
	if !ok || network == Down {
		l.reset()
		return
	}
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		l.reset()
		return
	}
	s.links[l] = true
	s.served.Add(1)
	s.mu.Unlock()
	go func() { // Close waits for it
		defer s.served.Done()
		defer s.drop(l)
		if network == Silent {
			<-l.gone
			return
		}
		l.serve()
	}()
}

// attempt writes down that somebody tries to connect.
func (s *Server) attempt(h Host) (network Network, n int, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n = len(s.attempts) + 1
	s.attempts = append(s.attempts, Attempt{Number: n, Host: h, At: time.Now(), Refused: s.network == Down})
	return s.network, n, !s.closed
}

func (s *Server) drop(l *link) {
	l.reset() // does nothing to one that was closed in good order
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.links, l)
}

// Close resets all connections, and returns when nothing of the server runs any
// more. Calling it again does nothing. What was recorded can still be asked for.
func (s *Server) Close() {
	s.mu.Lock()
	if !s.closed {
		close(s.closing)
	}
	s.closed = true
	s.mu.Unlock()
	for _, h := range s.hosts {
		if h.listener != nil {
			_ = h.listener.Close() // nothing is lost with it
		}
	}
	s.cutAll()
	s.listeners.Wait()
	s.served.Wait()
}

// cutAll resets every connection.
func (s *Server) cutAll() {
	s.mu.Lock()
	links := make([]*link, 0, len(s.links))
	for l := range s.links {
		links = append(links, l)
	}
	s.mu.Unlock()
	for _, l := range links {
		l.reset()
	}
}

// SetNetwork changes how the server can be reached from now on. With Down and
// Silent the connections that are there are reset.
func (s *Server) SetNetwork(n Network) {
	s.mu.Lock()
	s.network = n
	s.mu.Unlock()
	if n != Up {
		s.cutAll()
	}
}

// Endpoint is the URL of the control operations.
func (s *Server) Endpoint() string { return s.url(Control) }

// DataEndpoint is the URL that getDataEndpoint answers.
func (s *Server) DataEndpoint() string { return s.url(Data) }

// Address is the host and port of a host, as Dial takes them.
func (s *Server) Address(h Host) string { return s.hosts[h].name }

func (s *Server) url(h Host) string {
	name := s.hosts[h].name
	if host, port, err := net.SplitHostPort(name); err == nil && port == s.port() {
		name = host
	}
	if s.config.TLS {
		return "https://" + name
	}
	return "http://" + name
}

// ClientTLS is what a client needs to trust the server. It is nil without TLS.
func (s *Server) ClientTLS() *tls.Config {
	if s.trust == nil {
		return nil
	}
	return s.trust.Clone()
}

// Dial connects to the server, with Pipes in memory, else as a net.Dialer does.
// A server that is Down refuses with an error that wraps syscall.ECONNREFUSED; one
// that is Silent lets ctx end.
func (s *Server) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	if !s.config.Pipes {
		return (&net.Dialer{}).DialContext(ctx, network, address)
	}
	for h := range s.hosts {
		if s.hosts[h].name == address {
			return s.dialPipe(ctx, Host(h))
		}
	}
	return nil, &net.OpError{Op: "dial", Net: network, Err: &net.DNSError{Err: "no such host", Name: address, IsNotFound: true}}
}

func (s *Server) dialPipe(ctx context.Context, h Host) (net.Conn, error) {
	s.mu.Lock()
	state := s.network
	s.mu.Unlock()
	if state != Up {
		s.attempt(h)
	}
	switch state {
	case Down:
		return nil, &net.OpError{Op: "dial", Net: "pipe", Addr: pipeAddr(s.hosts[h].name), Err: syscall.ECONNREFUSED}
	case Silent:
		err := net.ErrClosed
		select {
		case <-ctx.Done():
			err = ctx.Err()
		case <-s.closing: // an http.Transport lets no context end its dials
		}
		return nil, &net.OpError{Op: "dial", Net: "pipe", Addr: pipeAddr(s.hosts[h].name), Err: err}
	}
	near, far := newPipe(pipeAddr("client.test"), pipeAddr(s.hosts[h].name))
	s.take(h, far)
	return near, nil
}

// HTTPClient makes control calls: over Dial, with the trust of ClientTLS, a
// connection for each.
func (s *Server) HTTPClient() *http.Client {
	return &http.Client{Transport: &http.Transport{
		DialContext: s.Dial, TLSClientConfig: s.ClientTLS(), DisableKeepAlives: true,
	}}
}

// pipeAddr is an address in memory.
type pipeAddr string

// Network is the name of the network.
func (pipeAddr) Network() string { return "pipe" }

// String is the address.
func (a pipeAddr) String() string { return string(a) }
