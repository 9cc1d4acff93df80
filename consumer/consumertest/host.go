package consumertest

import (
	"fmt"
	"io"
	"log"
	"maps"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/millrace/millrace/producer/producertest"
)

// A host is one address of the server.
type host struct {
	name     string // host and port
	listener net.Listener
	pipes    *producertest.Listener // the same, if it is in memory
	server   *http.Server
	serving  sync.WaitGroup
	left     bool // the server has moved away; guarded by the Server's mutex

	mu    sync.Mutex // guards conns
	conns map[net.Conn]bool
}

// open makes one host.
func (s *Server) open(which Host) error {
	s.mu.Lock()
	n := len(s.all)
	s.mu.Unlock()
	h := &host{conns: map[net.Conn]bool{}}
	if s.config.Pipes {
		name := "control.test:80"
		if which == Data {
			name = fmt.Sprintf("data-%d.test:80", n)
		}
		h.name, h.pipes = name, producertest.NewListener(name)
		h.listener = h.pipes
	} else {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return err
		}
		h.name, h.listener = l.Addr().String(), l
	}
	h.server = &http.Server{Handler: s, ConnState: h.keep(s), ErrorLog: log.New(io.Discard, "", 0)}
	h.serving.Go(func() { _ = h.server.Serve(h.listener) }) // it says that it was closed
	s.mu.Lock()
	s.all = append(s.all, h)
	s.hosts[which] = h
	s.mu.Unlock()
	return nil
}

// keep knows the connections that are there, and refuses them while the server is
// down.
func (h *host) keep(s *Server) func(net.Conn, http.ConnState) {
	return func(c net.Conn, state http.ConnState) {
		switch state {
		case http.StateNew:
			h.serving.Add(1)
			h.hold(c, true)
			if s.down() {
				reset(c)
			}
		case http.StateClosed, http.StateHijacked:
			if h.hold(c, false) {
				h.serving.Done()
			}
		}
	}
}

// hold remembers a connection or forgets it, and reports whether it was known.
func (h *host) hold(c net.Conn, there bool) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	known := h.conns[c]
	if there {
		h.conns[c] = true
	} else {
		delete(h.conns, c)
	}
	return known
}

// reset destroys a connection.
func reset(c net.Conn) {
	if l, ok := c.(interface{ SetLinger(sec int) error }); ok {
		_ = l.SetLinger(0) // fails only on a closed connection
	}
	_ = c.Close() // nothing is to be saved
}

// cut resets every connection.
func (h *host) cut() {
	h.mu.Lock()
	all := slices.Collect(maps.Keys(h.conns))
	h.mu.Unlock()
	for _, c := range all {
		reset(c)
	}
}

// close ends the host, and waits for what it runs.
func (h *host) close() {
	_ = h.listener.Close() // nothing is lost with it
	h.cut()
	_ = h.server.Close() // the same once more, and Serve returns
	h.serving.Wait()
}

// Move gives the data endpoint another address. The old one refuses connections from
// now on, and those that are there are reset.
func (s *Server) Move() error {
	s.mu.Lock()
	old := s.hosts[Data]
	s.mu.Unlock()
	if err := s.open(Data); err != nil {
		return fmt.Errorf("%w: %w", ErrServer, err)
	}
	s.mu.Lock()
	old.left = true
	s.mu.Unlock()
	_ = old.listener.Close() // nothing is lost with it
	old.cut()
	return nil
}

// at is the host of an address, nil if there is none, and whether the server has
// left it.
func (s *Server) at(address string) (h *host, left bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, h := range s.all {
		if h.name == address {
			return h, h.left
		}
	}
	return nil, false
}

// Endpoint is the URL of the control operations.
func (s *Server) Endpoint() string { return s.url(Control) }

// DataEndpoint is the URL that getDataEndpoint answers.
func (s *Server) DataEndpoint() string { return s.url(Data) }

// Address is the host and port of a host, as Dial takes them.
func (s *Server) Address(h Host) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.hosts[h].name
}

func (s *Server) url(h Host) string { return "http://" + strings.TrimSuffix(s.Address(h), ":80") }

// dataEndpoint is what getDataEndpoint answers to a request at a host.
func (s *Server) dataEndpoint(asked string) string {
	switch {
	case s.config.DataEndpoint != "":
		return s.config.DataEndpoint
	case strings.TrimSuffix(s.Address(Control), ":80") == strings.TrimSuffix(asked, ":80"):
		return s.url(Data)
	}
	return "http://" + asked // somebody else's listener
}
