package server_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/millrace/millrace/internal/wire"
)

// dial opens a connection whose client is not quick to take what it is sent:
// its window is small.
func (r *rig) dial() net.Conn {
	r.t.Helper()
	d := net.Dialer{Control: func(_, _ string, c syscall.RawConn) error {
		return c.Control(func(fd uintptr) {
			_ = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF, 4096)
		})
	}}
	conn, err := d.Dial("tcp", r.address())
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { conn.Close() })
	return conn
}

// say opens a connection and says something on it.
func (r *rig) say(text string) net.Conn {
	r.t.Helper()
	conn := r.dial()
	if _, err := io.WriteString(conn, text); err != nil {
		r.t.Fatal(err)
	}
	return conn
}

// begun says something behind the head of a PutMedia call, and reads the head
// of the answer.
func (r *rig) begun(head string, body []byte) net.Conn {
	r.t.Helper()
	conn := r.say(head)
	r.readHead(conn)
	if len(body) > 0 {
		if _, err := fmt.Fprintf(conn, "%x\r\n%s\r\n", len(body), body); err != nil {
			r.t.Fatal(err)
		}
	}
	return conn
}

// getHead makes the whole request of a GetMedia call.
func (r *rig) getHead(stream string, selector map[string]any) string {
	r.t.Helper()
	body, err := json.Marshal(map[string]any{"StreamName": stream, "StartSelector": selector})
	if err != nil {
		r.t.Fatal(err)
	}
	req, err := http.NewRequest(http.MethodPost, r.url+"/getMedia", bytes.NewReader(body))
	if err != nil {
		r.t.Fatal(err)
	}
	if err := r.signer().Sign(req, wire.PayloadHash(body), r.now()); err != nil {
		r.t.Fatal(err)
	}
	var head bytes.Buffer
	if err := req.Write(&head); err != nil {
		r.t.Fatal(err)
	}
	return head.String()
}

// readHead reads an answer's head byte by byte, and nothing more.
func (r *rig) readHead(conn net.Conn) {
	r.t.Helper()
	_ = conn.SetReadDeadline(time.Now().Add(10 * time.Second))
	var head strings.Builder
	for b := make([]byte, 1); !strings.HasSuffix(head.String(), "\r\n\r\n"); {
		if _, err := io.ReadFull(conn, b); err != nil {
			r.t.Fatalf("read head: %v", err)
		}
		head.WriteByte(b[0])
	}
	if !strings.HasPrefix(head.String(), "HTTP/1.1 200 ") {
		r.t.Fatalf("head: %q", head.String())
	}
}

// wantClosed fails the test unless the server closes the connection soon.
func wantClosed(t testing.TB, what string, conn net.Conn, within time.Duration) {
	t.Helper()
	_ = conn.SetReadDeadline(time.Now().Add(within))
	if _, err := io.Copy(io.Discard, conn); errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("%s: the connection is open after %v", what, within)
	}
}

// A census is what a process holds.
type census struct {
	goroutines  int
	descriptors int   // 0 where they cannot be counted
	heap        int64 // bytes
}

func takeCensus() census {
	runtime.GC()
	runtime.GC() // the first one empties the pools of the second
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	open, _ := os.ReadDir("/proc/self/fd")
	return census{goroutines: runtime.NumGoroutine(), descriptors: len(open), heap: int64(m.HeapAlloc)}
}

// wantReturned fails the test unless everything that was taken since before is
// given back soon, but for slack bytes.
func wantReturned(t testing.TB, before census, slack int64) {
	t.Helper()
	const patience = 15 * time.Second
	var now census
	for began := time.Now(); time.Since(began) < patience; time.Sleep(50 * time.Millisecond) {
		now = takeCensus()
		if now.goroutines <= before.goroutines && now.descriptors <= before.descriptors && now.heap <= before.heap+slack {
			return
		}
	}
	t.Errorf("after %v there are %+v, and before there were %+v", patience, now, before)
}
