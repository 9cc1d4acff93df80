package wire_test

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/millrace/millrace/internal/wire"
)

const (
	chunkedHead = "POST /putMedia HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
	expectHead  = "POST /putMedia HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n"
	lengthHead  = "POST /putMedia HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\n"
)

// testTimeout ends a test that hangs, long after it should have ended.
const testTimeout = 20 * time.Second

// A call is both ends of one media call.
type call struct {
	net.Conn // the client's end
	c        *wire.MediaConn
	request  *http.Request
	writes   *atomic.Int64 // the server's writes to the socket, over TLS
	done     chan struct{} // closed when the client's end is to be left; the handler waits for it
}

// overTCPAndTLS runs a test over both.
func overTCPAndTLS(t *testing.T, test func(t *testing.T, secure bool)) {
	t.Run("TCP", func(t *testing.T) { test(t, false) })
	t.Run("TLS", func(t *testing.T) { test(t, true) })
}

// open sends bytes to a server, which takes the connection over.
func open(t *testing.T, secure bool, head string, hijack func(http.ResponseWriter, *http.Request) (*wire.MediaConn, error)) *call {
	t.Helper()
	k := &call{writes: new(atomic.Int64), done: make(chan struct{})}
	ready, left := make(chan struct{}), make(chan struct{})
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer close(left)
		c, err := hijack(w, r)
		if err != nil {
			t.Errorf("hijack: %v", err)
			wire.WriteError(w, "id", err)
		}
		k.c, k.request = c, r
		close(ready)
		<-k.done
	}))
	if secure {
		srv.Listener = countingListener{srv.Listener, k.writes}
		srv.StartTLS()
	} else {
		srv.Start()
	}
	k.Conn = dial(t, srv)
	t.Cleanup(func() {
		close(k.done)
		<-left
		_ = k.Conn.Close()
		if k.c != nil {
			k.c.Abort()
		}
		srv.Close()
	})
	if _, err := io.WriteString(k.Conn, head); err != nil {
		t.Fatal(err)
	}
	<-ready
	if k.c == nil {
		t.FailNow()
	}
	return k
}

func dial(t *testing.T, srv *httptest.Server) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", srv.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	_ = conn.SetDeadline(time.Now().Add(testTimeout))
	if srv.TLS == nil {
		return conn
	}
	roots := x509.NewCertPool()
	roots.AddCert(srv.Certificate())
	client := tls.Client(conn, &tls.Config{RootCAs: roots, ServerName: "example.com", NextProtos: []string{"http/1.1"}})
	if err := client.Handshake(); err != nil {
		t.Fatal(err)
	}
	return client
}

// countingListener counts the writes to the connections below TLS.
type countingListener struct {
	net.Listener
	writes *atomic.Int64
}

func (l countingListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return countingConn{conn.(*net.TCPConn), l.writes}, nil
}

type countingConn struct {
	*net.TCPConn
	writes *atomic.Int64
}

func (c countingConn) Write(p []byte) (int, error) {
	c.writes.Add(1)
	return c.TCPConn.Write(p)
}

// readOnce does one read, as a client does that takes what is there.
func (k *call) readOnce(t *testing.T) string {
	t.Helper()
	buf := make([]byte, 1<<20)
	n, err := k.Read(buf)
	if err != nil {
		t.Fatalf("read: %v", err)
	}
	return string(buf[:n])
}

func (k *call) writeString(t *testing.T, s string) {
	t.Helper()
	if _, err := io.WriteString(k.Conn, s); err != nil {
		t.Fatalf("write: %v", err)
	}
}

// closeWrite half-closes the client's end.
func (k *call) closeWrite(t *testing.T) {
	t.Helper()
	for conn := k.Conn; conn != nil; {
		if err := conn.(interface{ CloseWrite() error }).CloseWrite(); err != nil {
			t.Fatal(err)
		}
		secure, ok := conn.(*tls.Conn)
		if !ok {
			return
		}
		conn = secure.NetConn()
	}
}

// respond starts the response.
func (k *call) respond(t *testing.T) {
	t.Helper()
	h := http.Header{}
	wire.SetRequestID(h, "the-id")
	h.Set("Content-Type", wire.ContentTypeJSON)
	if err := k.c.WriteHead(http.StatusOK, h); err != nil {
		t.Fatal(err)
	}
}

// response reads the rest of the response as an HTTP client does.
func (k *call) response(t *testing.T) (string, error) {
	t.Helper()
	resp, err := http.ReadResponse(bufio.NewReader(k.Conn), nil)
	if err != nil {
		t.Fatalf("read response: %v", err)
	}
	defer resp.Body.Close()
	var b bytes.Buffer
	_, err = b.ReadFrom(resp.Body)
	return b.String(), err
}

// within runs f and fails the test if it does not return.
func within(t *testing.T, what string, f func()) {
	t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	select {
	case <-done:
	case <-time.After(testTimeout):
		t.Fatalf("%s does not return", what)
	}
}
