package server_test

import (
	"bytes"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace/internal/config"
)

// Whatever clients do, or do not do, a shutdown ends in its time, leaves no
// connection and no goroutine, and loses nothing that was PERSISTED.
func TestShutdownEndsWhateverClientsDo(t *testing.T) {
	before := takeCensus()
	t.Run("attack", func(t *testing.T) {
		r := start(t, nil, func(c *config.Server) { c.ShutdownTimeout = time.Second })
		r.create("cam", 24)
		r.create("other", 24)
		good := r.put("cam", nil)
		frame := block(1, 0, strings.Repeat("x", 1_000_000))
		good.mustSend(slices.Concat(header(1), cluster(1, slices.Repeat([][]byte{frame}, 20)...), endOfFragment()))
		good.want("BUFFERING 1", "RECEIVED 1", "PERSISTED 1")
		conns := map[string]net.Conn{
			"nothing":                 r.say(""),
			"half a head":             r.say("POST /putMedia HTTP/1.1\r\nHost: x\r\n"),
			"a body held back":        r.say("POST /listStreams HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{"),
			"a session in silence":    r.begun(r.putHead("cam", nil), nil),
			"a session in a header":   r.begun(r.putHead("cam", nil), header(1)[:20]),
			"a session in a block":    r.begun(r.putHead("cam", nil), slices.Concat(header(1), cluster(1, frame[:500_000]))),
			"a reader that reads not": r.deafReader("cam", earliest()),
			"a reader at the edge":    r.deafReader("other", map[string]any{"StartSelectorType": "NOW"}),
		}
		deaf := r.begun(r.putHead("other", nil), header(1))
		conns["a session that reads not"] = deaf
		go pump(deaf)
		time.Sleep(300 * time.Millisecond) // the deaf ones have to fill what lies between
		began := time.Now()
		if err := r.s.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
		if d := time.Since(began); d > 6*time.Second {
			t.Errorf("the shutdown took %v", d)
		}
		for what, conn := range conns {
			wantClosed(t, what, conn, time.Second)
		}
		if got := good.rest(); len(got) != 1 || got[0].String() != "ERROR 4003 MAX_CONNECTION_DURATION_REACHED" || good.failed != nil {
			t.Errorf("the good session ended with %v, %v", got, good.failed)
		}
		for _, conn := range conns {
			conn.Close()
		}
		good.close()
		r.client.CloseIdleConnections()
		r.open()
		if d := r.get("cam", earliest()).must(); d.blocks != 20 {
			t.Errorf("%d blocks are readable", d.blocks)
		}
		r.client.CloseIdleConnections()
	})
	wantReturned(t, before, 8<<20)
}

// deafReader opens a GetMedia call and reads nothing but the head.
func (r *rig) deafReader(stream string, selector map[string]any) net.Conn {
	r.t.Helper()
	conn := r.say(r.getHead(stream, selector))
	r.readHead(conn)
	return conn
}

// pump sends small fragments until it cannot.
func pump(conn net.Conn) {
	var body bytes.Buffer
	for i := uint64(1); ; i++ {
		body.Reset()
		for range 100 {
			body.Write(cluster(i, block(1, 0, "x")))
		}
		if _, err := fmt.Fprintf(conn, "%x\r\n%s\r\n", body.Len(), body.Bytes()); err != nil {
			return
		}
	}
}
