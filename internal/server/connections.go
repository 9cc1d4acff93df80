package server

import (
	"container/list"
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"sync"
)

// The bounds of how many connections there may be when nobody says it.
const (
	otherFiles      = 256      // that the server has open beside connections
	connectionCost  = 64 << 10 // bytes of the memory for media that there must be for each
	leastConnection = 32
)

// mostConnections is how many connections fit the process's open files and the
// memory that it may take.
func mostConnections(files int, memory int64) int {
	return max(min(files-files/16-otherFiles, int(memory/connectionCost)), leastConnection)
}

// mostMediaCalls is how many connections may carry media. The others are kept
// for the calls by which the server is looked after.
func mostMediaCalls(connections int) int { return connections - max(connections/8, 4) }

// A connections keeps the connections of an http.Server within a bound, those
// that a handler has taken over included. Where there are too many, the one goes
// on which nothing has been asked for longest; where there is none, the new one.
type connections struct {
	most int

	mu      sync.Mutex // guards what follows, and what connections say of themselves
	open    map[net.Conn]*connection
	waiting list.List // of *connection: those on which nothing is asked, the longest first
}

// A connection is one that is open.
type connection struct {
	conn     net.Conn
	at       *list.Element // in waiting; nil while it is asked something
	answered bool          // it has been, at least once
	taken    bool          // a handler has taken it over
}

func newConnections(most int) *connections {
	return &connections{most: most, open: map[net.Conn]*connection{}}
}

// connectionKey is under which a request's context has its connection.
type connectionKey struct{}

// watch makes an http.Server's connections count.
func (c *connections) watch(s *http.Server) {
	handler := s.Handler
	s.ConnState = c.changed
	s.ConnContext = func(ctx context.Context, conn net.Conn) context.Context {
		return context.WithValue(ctx, connectionKey{}, conn)
	}
	s.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			if conn, ok := r.Context().Value(connectionKey{}).(net.Conn); ok {
				c.handled(conn)
			}
		}()
		handler.ServeHTTP(w, r)
	})
}

// changed is the server's ConnState.
func (c *connections) changed(conn net.Conn, state http.ConnState) {
	if surplus := c.note(conn, state); surplus != nil {
		drop(surplus)
	}
}

// drop closes a connection at once, whatever it says to that. One that speaks
// TLS would be told first, for which it could make the caller wait.
func drop(conn net.Conn) {
	if c, ok := conn.(*tls.Conn); ok {
		conn = c.NetConn()
	}
	_ = conn.Close()
}

// dropIdle closes the connections on which nothing is asked any more.
func (c *connections) dropIdle() {
	for _, conn := range c.idle() {
		drop(conn)
	}
}

func (c *connections) idle() (all []net.Conn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for at := c.waiting.Front(); at != nil; at = at.Next() {
		if x := at.Value.(*connection); x.answered {
			all = append(all, x.conn)
		}
	}
	return all
}

// note keeps the books, and returns a connection that has to go.
func (c *connections) note(conn net.Conn, state http.ConnState) (surplus net.Conn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if state == http.StateNew {
		x := &connection{conn: conn}
		c.open[conn] = x
		if len(c.open) > c.most {
			surplus = c.surplus(x)
		}
		x.at = c.waiting.PushBack(x)
		return surplus
	}
	x := c.open[conn]
	if x == nil {
		return nil // it has gone as surplus
	}
	switch state {
	case http.StateActive:
		c.asked(x)
	case http.StateIdle:
		c.asked(x)
		x.answered = true
		x.at = c.waiting.PushBack(x)
	case http.StateHijacked:
		c.asked(x)
		x.taken = true
	case http.StateClosed:
		c.gone(x)
	}
	return nil
}

// surplus chooses who has to go for a new connection. mu is held.
func (c *connections) surplus(fresh *connection) net.Conn {
	if front := c.waiting.Front(); front != nil {
		x := front.Value.(*connection)
		c.gone(x)
		return x.conn
	}
	return fresh.conn
}

// asked takes a connection off those that wait. mu is held.
func (c *connections) asked(x *connection) {
	if x.at != nil {
		c.waiting.Remove(x.at)
		x.at = nil
	}
}

// gone forgets a connection. mu is held.
func (c *connections) gone(x *connection) {
	c.asked(x)
	delete(c.open, x.conn)
}

// handled notes that a handler is done with a request: a connection that it had
// taken over it has closed.
func (c *connections) handled(conn net.Conn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if x := c.open[conn]; x != nil && x.taken {
		c.gone(x)
	}
}

// count is how many connections are open.
func (c *connections) count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.open)
}
