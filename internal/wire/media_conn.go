package wire

import (
	"bufio"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/millrace/millrace"
)

// Bounds of a MediaConn.
const (
	DefaultWriteTimeout = 30 * time.Second
	MaxLinger           = time.Second // of CloseGracefully

	ackBuffer = 64 << 10 // bytes of acknowledgements that the system keeps
	maxHead   = 4096     // bytes of a response head: clients read it into a buffer of this size
	maxDrain  = 32 << 20 // bytes read and dropped at the end
)

// Errors of a MediaConn. Test with errors.Is.
var (
	ErrInterrupted = errors.New("interrupted")           // Interrupt was called
	ErrPeerClosed  = errors.New("the client went away")  // cause of a context that WatchClose cancelled
	ErrOrder       = errors.New("written out of order")  // head twice, a chunk without head or after Finish
	ErrProtocol    = errors.New("HTTP/1.1 is necessary") // by HijackMedia and HijackResponse
)

// A MediaConn is the connection of one PutMedia or GetMedia call, taken over
// from net/http after the head of the request.
//
// It is taken over because the media calls need what an http.ResponseWriter
// does not give: a response head that goes out before the first byte of the
// body has come, exact control over what is one chunk and one write, a body that
// is still read after the response has begun, and an end at which unread input
// neither holds up the answer nor destroys it.
//
// One goroutine may read the body while any number write. WriteContinue and
// WriteHead come first, then any number of chunks, then Finish; anything else
// is ErrOrder. A call ends with CloseGracefully, or with Abort where the client
// must see that the response is cut. Nobody else closes the connection, and a
// server's Shutdown does not wait for it.
type MediaConn struct {
	conn    net.Conn // what net/http gave: plain or TLS
	raw     net.Conn // the same, or what lies below TLS
	tcp     bool     // conn is a *net.TCPConn, so that pieces go out by writev
	chunked bool     // response framing; HTTP/1.0 has none
	body    mediaBody

	readMu      sync.Mutex // guards the fields below, and the order of deadlines
	interrupted bool
	stopWatch   func() // nil if nobody watches

	began    time.Time
	waiting  atomic.Int64 // since when a system call writes, in nanoseconds since began; 0 if none does
	writeMu  sync.Mutex   // one write at a time: held over I/O so that chunks never mix
	timeout  atomic.Int64 // of a write, in nanoseconds
	stage    stage
	writeErr error       // first failed write; final
	line     [20]byte    // scratch: a size line
	vec      net.Buffers // the next write, where there is writev
	unsent   net.Buffers // what is left of it
	joined   []byte      // the next write, where there is not
	pending  int         // its size in bytes
}

// stage is how far a response has come.
type stage uint8

const (
	stageNothing stage = iota
	stageHead
	stageFinished
)

// HijackMedia takes over the connection of a PutMedia call, whose body nobody
// has read. After success w and r's body must not be used; r's other fields
// may. If the request's protocol cannot carry the call the error has
// CodeInvalidArgument, wraps ErrProtocol, and w is still good for an answer.
func HijackMedia(w http.ResponseWriter, r *http.Request) (*MediaConn, error) {
	if !r.ProtoAtLeast(1, 1) && r.Header.Get("Content-Length") == "" {
		return nil, errProtocol(r)
	}
	framing := bodyNone
	switch {
	case len(r.TransferEncoding) > 0:
		framing = bodyChunked
	case r.ContentLength > 0:
		framing = bodyLength
	}
	c, err := hijack(w, r, framing)
	if err == nil {
		c.bound(ackBuffer)
	}
	return c, err
}

// bound limits what the system keeps of answers that the client does not read,
// in bytes.
func (c *MediaConn) bound(bytes int) {
	if t, ok := c.raw.(*net.TCPConn); ok {
		_ = t.SetWriteBuffer(bytes) // its own choice would only be larger
	}
}

// HijackResponse takes over the connection of a GetMedia call, whose body has
// been read to its end. Otherwise it is like HijackMedia.
func HijackResponse(w http.ResponseWriter, r *http.Request) (*MediaConn, error) {
	return hijack(w, r, bodyNone)
}

func errProtocol(r *http.Request) error {
	return &millrace.Error{
		Code:    millrace.CodeInvalidArgument,
		Message: fmt.Sprintf("Media calls need HTTP/1.1 with a chunked body or one of known length, not %s.", r.Proto),
		Err:     ErrProtocol,
	}
}

func hijack(w http.ResponseWriter, r *http.Request, framing bodyFraming) (*MediaConn, error) {
	if r.ProtoMajor != 1 {
		return nil, errProtocol(r)
	}
	conn, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return nil, fmt.Errorf("take over connection: %w", err)
	}
	c := &MediaConn{conn: conn, raw: conn, chunked: r.ProtoAtLeast(1, 1), began: time.Now()}
	c.timeout.Store(int64(DefaultWriteTimeout))
	_, c.tcp = conn.(*net.TCPConn)
	if t, ok := conn.(*tls.Conn); ok {
		c.raw = t.NetConn()
	}
	c.body = newMediaBody(c, rebase(buffered.Reader, conn), framing, r.ContentLength)
	return c, nil
}

// rebase makes br continue on conn itself after what it has buffered. The
// reader that net/http left behind it would cancel the request's context when a
// read deadline passes.
func rebase(br *bufio.Reader, conn net.Conn) *bufio.Reader {
	buffered, _ := br.Peek(br.Buffered()) // never fails for what is buffered
	src := &source{prefix: append([]byte(nil), buffered...), conn: conn}
	br.Reset(src)
	return br
}

// source reads what net/http had read too much, then the connection.
type source struct {
	prefix []byte
	conn   net.Conn
}

// Read reads from the prefix or from the connection, never from both.
func (s *source) Read(p []byte) (int, error) {
	if len(s.prefix) > 0 {
		n := copy(p, s.prefix)
		s.prefix = s.prefix[n:]
		return n, nil
	}
	return s.conn.Read(p)
}

// SetReadDeadline bounds the reads of the body. A read that meets its deadline
// fails with os.ErrDeadlineExceeded, and the body is at its end for good. After
// Interrupt this does nothing.
func (c *MediaConn) SetReadDeadline(at time.Time) error {
	c.readMu.Lock()
	defer c.readMu.Unlock()
	if c.interrupted {
		return nil
	}
	return c.conn.SetReadDeadline(at)
}

// Interrupt ends the body: a read that waits now, and every later one, fails
// with ErrInterrupted. Writes go on.
func (c *MediaConn) Interrupt() {
	c.readMu.Lock()
	defer c.readMu.Unlock()
	c.interrupted = true
	_ = c.conn.SetReadDeadline(time.Unix(1, 0)) // fails only on a closed connection
}

func (c *MediaConn) isInterrupted() bool {
	c.readMu.Lock()
	defer c.readMu.Unlock()
	return c.interrupted
}
