package producertest

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/millrace/millrace/internal/wire"
)

const (
	linger     = time.Second // for a client to close after the answer
	headBuffer = 4 << 10
)

// errOver says that a connection is not to be used any more.
var errOver = errors.New("the connection is over")

// A link is one connection.
type link struct {
	server *Server
	host   Host
	number int // of the attempt
	raw    net.Conn
	conn   net.Conn // raw, or TLS over it
	in     *bufio.Reader
	heard  []byte // of the request that is being read, while that is its head
	call   *call  // that has taken the connection over, else nil

	once sync.Once
	gone chan struct{} // closed when the connection is
}

func newLink(s *Server, h Host, n int, conn net.Conn) *link {
	return &link{server: s, host: h, number: n, raw: conn, conn: conn, gone: make(chan struct{})}
}

// Read reads for in: for a call as its step says.
func (l *link) Read(p []byte) (int, error) {
	if l.call != nil {
		return l.call.read(p)
	}
	n, err := l.conn.Read(p)
	if len(l.heard) < maxHead {
		l.heard = append(l.heard, p[:n]...)
	}
	return n, err
}

// reset destroys the connection, unless it is over.
func (l *link) reset() {
	l.once.Do(func() {
		switch c := l.raw.(type) {
		case *pipe:
			c.reset()
		case *net.TCPConn:
			_ = c.SetLinger(0) // fails only on a closed connection
		}
		_ = l.raw.Close() // nothing is to be saved
		close(l.gone)
	})
}

// shut closes the connection at once.
func (l *link) shut() {
	l.once.Do(func() {
		_ = l.raw.Close() // nothing is to be saved
		close(l.gone)
	})
}

// leave closes a connection whose answer is complete so that the client gets to
// read it: what the client still sends is taken in for a moment.
func (l *link) leave() {
	if half, ok := l.conn.(interface{ CloseWrite() error }); ok {
		_ = half.CloseWrite() // fails only where the connection is gone
	}
	if half, ok := l.raw.(interface{ CloseWrite() error }); ok {
		_ = half.CloseWrite()
	}
	if l.raw.SetReadDeadline(time.Now().Add(linger)) == nil {
		_, _ = io.Copy(io.Discard, l.raw) // ends with the client or the deadline
	}
	l.shut()
}

// wait lets time pass, and reports whether the connection is still there. A time
// of less than 0 is for ever.
func (l *link) wait(d time.Duration) bool {
	var after <-chan time.Time
	if d == 0 {
		return true
	}
	if d > 0 {
		t := time.NewTimer(d)
		defer t.Stop()
		after = t.C
	}
	select {
	case <-after:
		return true
	case <-l.gone:
		return false
	}
}

// do does what a fault outside of media says. It returns errOver if that ends the
// connection.
func (l *link) do(delay time.Duration, a Action) error {
	if !l.wait(delay) {
		return errOver
	}
	switch a {
	case Proceed:
		return nil
	case Reset:
		l.reset()
	case Stall, Deafen:
		l.wait(-1)
	default:
		l.shut()
	}
	return errOver
}

// serve answers what comes over the connection.
func (l *link) serve() {
	var step Step
	if l.host == Data {
		step = l.server.nextStep()
	}
	if f, ok := step.early(AtConnect); ok && l.happen(f) != nil {
		return
	}
	if l.server.tls != nil && l.secure() != nil {
		return
	}
	l.in = bufio.NewReaderSize(l, headBuffer)
	if f, ok := step.early(AtRequestHead); ok {
		if _, err := l.in.Peek(len("POST /putMedia")); err != nil || l.happen(f) != nil {
			return
		}
	}
	for l.request(step) == nil {
	}
}

// secure makes the TLS handshake.
func (l *link) secure() error {
	c := tls.Server(l.raw, l.server.tls)
	ctx, cancel := context.WithTimeout(context.Background(), DefaultIdle)
	defer cancel()
	if err := c.HandshakeContext(ctx); err != nil {
		return err
	}
	l.conn = c
	return nil
}

// happen does a fault that stands before media.
func (l *link) happen(f Fault) error {
	l.server.note(Event{Kind: FaultHappened, Fault: f})
	return l.do(f.Delay, f.Do)
}

// request reads one request and answers it.
func (l *link) request(step Step) error {
	r, err := http.ReadRequest(l.in)
	if err != nil {
		return err
	}
	path := r.URL.Path
	if path == "/putMedia" {
		if l.host == Control {
			step = l.server.nextStep()
		}
		l.putMedia(r, step)
		return errOver
	}
	if err := l.control(Operation(strings.TrimPrefix(path, "/")), r); err != nil {
		return err
	}
	l.heard = l.heard[:0] // no client sends the next request before it has the answer
	if r.Close {
		l.leave()
		return errOver
	}
	return nil
}

// An answer is a response with a body that is all there.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// head is the response's head, with what every response has.
func (s *Server) head(status int, h http.Header, framing string) []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "HTTP/1.1 %d %s\r\n%s: %s\r\n", status, http.StatusText(status), wire.HeaderRequestID, wire.NewRequestID())
	_ = h.Write(&b) // a builder takes all
	fmt.Fprintf(&b, "Content-Type: %s\r\nDate: %s\r\n%s\r\n\r\n", wire.ContentTypeJSON, s.now().UTC().Format(http.TimeFormat), framing)
	return []byte(b.String())
}

// now is the server's time.
func (s *Server) now() time.Time { return time.Now().Add(s.config.ClockOffset) }

func (a answer) write(l *link) error {
	head := l.server.head(a.status, a.header, "Content-Length: "+strconv.Itoa(len(a.body)))
	_, err := l.conn.Write(append(head, a.body...))
	return err
}
