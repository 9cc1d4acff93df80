package producer_test

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/millrace/millrace/producer"
)

// hostile is a server whose media connections are handled by bad until it
// relents, and by a good server afterwards.
type hostile struct {
	server *server
	bad    func(conn net.Conn)
	good   time.Time
	dials  atomic.Int32
	took   atomic.Int64
}

func (h *hostile) dial(ctx context.Context, network, address string) (net.Conn, error) {
	if !time.Now().Before(h.good) {
		return h.server.dial(ctx, network, address)
	}
	h.dials.Add(1)
	near, far := net.Pipe()
	go func() {
		defer far.Close()
		h.bad(&counted{Conn: far, n: &h.took})
	}()
	return near, nil
}

type counted struct {
	net.Conn
	n *atomic.Int64
}

func (c *counted) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	c.n.Add(int64(n))
	return n, err
}

func readHead(conn net.Conn) bool {
	_, err := http.ReadRequest(bufio.NewReader(conn))
	return err == nil
}

// says answers with text, and reads on until the other end has gone.
func says(text string) func(net.Conn) {
	return func(conn net.Conn) {
		if !readHead(conn) {
			return
		}
		go func() { _, _ = io.WriteString(conn, text) }()
		_, _ = io.Copy(io.Discard, conn)
	}
}

// saysAndEnds is says, but the connection ends at once.
func saysAndEnds(text string) func(net.Conn) {
	return func(conn net.Conn) {
		if readHead(conn) {
			_, _ = io.WriteString(conn, text)
		}
	}
}

// floods says text over and over, as fast as it is taken at first.
func floods(first, text string) func(net.Conn) {
	return func(conn net.Conn) {
		if !readHead(conn) {
			return
		}
		go func() { _, _ = io.Copy(io.Discard, conn) }()
		if _, err := io.WriteString(conn, first); err != nil {
			return
		}
		for {
			for range 50 {
				if _, err := io.WriteString(conn, text); err != nil {
					return
				}
			}
			time.Sleep(500 * time.Millisecond)
		}
	}
}

const patience = 2 * time.Minute

const ok = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"

func TestServersThatSpeakNonsenseLoseNothingAndAreLeftAlone(t *testing.T) {
	for name, bad := range map[string]func(net.Conn){
		"garbage":                     says("\x00\x01\x02 garbage \r\n\r\n"),
		"http/2 preface":              says("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
		"silence":                     func(conn net.Conn) { _, _ = io.Copy(io.Discard, conn) },
		"never reads":                 func(net.Conn) { time.Sleep(2 * time.Minute) },
		"hangs up":                    func(conn net.Conn) {},
		"head never ends":             floods("HTTP/1.1 200 OK\r\nX: ", strings.Repeat("x", 4096)),
		"heads never end":             floods("HTTP/1.1 200 OK\r\n", "X-A: "+strings.Repeat("x", 1000)+"\r\n"),
		"status never ends":           floods("HTTP/1.1 200 ", strings.Repeat("x", 4096)),
		"interim answers":             floods("", "HTTP/1.1 100 Continue\r\n\r\n"),
		"redirect":                    says("HTTP/1.1 307 Temporary Redirect\r\nLocation: http://elsewhere.test/\r\nContent-Length: 0\r\n\r\n"),
		"wrong length":                says("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n"),
		"no body":                     says("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
		"empty body":                  says(ok + "0\r\n\r\n"),
		"ends":                        saysAndEnds(ok),
		"ends in good order":          saysAndEnds(ok + "0\r\n\r\n"),
		"ends without a length":       saysAndEnds("HTTP/1.1 200 OK\r\n\r\n"),
		"no content":                  says("HTTP/1.1 204 No Content\r\n\r\n"),
		"gzip":                        says("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 10\r\n\r\n\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x00"),
		"a page":                      says("HTTP/1.1 200 OK\r\nContent-Length: 26\r\n\r\n<html>please log in</html>"),
		"error without end":           floods("HTTP/1.1 400 Bad\r\n\r\n", strings.Repeat("x", 4096)),
		"object without end":          floods("HTTP/1.1 200 OK\r\n\r\n{\"", strings.Repeat("x", 4096)),
		"white space without end":     floods("HTTP/1.1 200 OK\r\n\r\n", strings.Repeat("\n", 100)),
		"idle without end":            floods("HTTP/1.1 200 OK\r\n\r\n", `{"EventType":"IDLE"}`+"\n"),
		"unknown events":              floods("HTTP/1.1 200 OK\r\n\r\n", `{"EventType":"WHATEVER"}`+"\n"),
		"acks of others":              floods("HTTP/1.1 200 OK\r\n\r\n", `{"EventType":"BUFFERING","FragmentTimecode":7}`+"\n"),
		"persists of others":          floods("HTTP/1.1 200 OK\r\n\r\n", `{"EventType":"PERSISTED","FragmentTimecode":7}`+"\n"),
		"errors of others":            floods("HTTP/1.1 200 OK\r\n\r\n", `{"EventType":"ERROR","FragmentTimecode":7,"ErrorId":4006}`+"\n"),
		"a chunk that is no chunk":    says("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzzzz\r\n"),
		"a chunk of all there is":     says("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n{"),
		"two lengths":                 says("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n"),
		"wants to be left alone long": says("HTTP/1.1 503 Busy\r\nRetry-After: 99999999999\r\nContent-Length: 0\r\n\r\n"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("HOME", t.TempDir())
			synctest.Test(t, func(t *testing.T) {
				s := newServer(t)
				c, stop := s.start()
				defer stop()
				start := time.Now()
				h := &hostile{server: s, bad: bad, good: start.Add(patience)}
				c.Dial = h.dial
				up, err := c.Open(t.Context(), "gate", producer.StreamConfig{Tracks: tracks()})
				if err != nil {
					t.Fatal(err)
				}
				write(t, up, 0, "AbCdEf")
				ctx, cancel := context.WithTimeout(t.Context(), 2*time.Hour)
				defer cancel()
				err = up.Close(ctx)
				if err != nil || len(s.persisted) != 3 {
					t.Errorf("%v; durable are %q", err, s.persisted)
				}
				if took := time.Since(start); took > patience+6*time.Minute { // it is waited for longer each time
					t.Errorf("it took %v", took)
				}
				time.Sleep(3 * time.Minute)
				if n := h.dials.Load(); n > 40 {
					t.Errorf("%d connections in %v", n, patience)
				}
				if n := h.took.Load() / int64(h.dials.Load()); n > 1<<20 {
					t.Errorf("%d bytes were taken over each connection", n)
				}
			})
		})
	}
}
