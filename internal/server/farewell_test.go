package server

import (
	"crypto/tls"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/millrace/millrace/internal/certs"
)

// deaf is the server's end of a TLS connection whose client takes nothing any
// more, not even a farewell.
func deaf(t *testing.T) net.Conn {
	t.Helper()
	ca, err := certs.OpenCA(t.TempDir(), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	cert, err := ca.Server(certs.Names{}.With("localhost"), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	ours, theirs := net.Pipe() // a write waits for a reader
	t.Cleanup(func() { theirs.Close() })
	done := make(chan error, 1)
	go func() {
		c := tls.Client(theirs, &tls.Config{RootCAs: ca.Pool(), ServerName: "localhost", MaxVersion: tls.VersionTLS12})
		done <- c.Handshake()
	}()
	conn := tls.Server(ours, &tls.Config{Certificates: []tls.Certificate{*cert}})
	if err := conn.Handshake(); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	return conn
}

// The server accepts nobody while it closes a connection to make room.
func TestNobodyWaitsForThoseWhoTakeNoFarewell(t *testing.T) {
	began := time.Now()
	c := newConnections(2)
	for range 3 {
		conn := deaf(t)
		c.changed(conn, http.StateNew)
		c.changed(conn, http.StateActive)
		c.changed(conn, http.StateIdle)
	}
	if n := c.count(); n != 2 {
		t.Fatalf("%d connections", n)
	}
	c.dropIdle() // as a shutdown does
	for conn := range c.open {
		_ = conn.Close() // net/http does that too
	}
	if took := time.Since(began); took > 4*time.Second {
		t.Errorf("it took %v", took)
	}
}
