package server_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace/internal/config"
)

// alone is a client that keeps no connection.
func (r *rig) alone() *rig {
	alone := *r
	alone.client = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 10 * time.Second}
	return &alone
}

func few(most int) func(*config.Server) {
	return func(c *config.Server) { c.MaxConnections, c.MaxSessions = most, 1000 }
}

// However many cameras there are, the server can be looked after.
func TestMediaCallsLeaveConnectionsForOthers(t *testing.T) {
	r := start(t, nil, few(16))
	r.create("cam", 24)
	r.client.CloseIdleConnections()
	var puts []*put
	for i := range 12 {
		p := r.put("cam", nil)
		if p.status != http.StatusOK {
			t.Fatalf("call %d: %d %v", i, p.status, p.failed)
		}
		puts = append(puts, p)
	}
	for range 3 {
		p := r.put("cam", nil)
		if p.status != http.StatusBadRequest || !strings.Contains(p.failed.Error(), "ConnectionLimitExceededException") {
			t.Errorf("one too many: %d %v", p.status, p.failed)
		}
		p.close()
		if _, err := r.tryGet("cam", earliest()); err == nil || !strings.Contains(err.Error(), "ConnectionLimitExceededException") {
			t.Errorf("one too many: %v", err)
		}
	}
	for range 20 {
		if status, out := r.alone().call("/describeStream", map[string]any{"StreamName": "cam"}); status != http.StatusOK {
			t.Errorf("%d %v", status, out)
		}
	}
	puts[0].mustSend(slices.Concat(header(1), cluster(1, block(1, 0, "x")), endOfFragment()))
	puts[0].want("BUFFERING 1", "RECEIVED 1", "PERSISTED 1")
	puts[0].end()
	puts[0].rest()
	puts[0].close()
	again := r.put("cam", nil)
	for deadline := time.Now().Add(10 * time.Second); again.status != http.StatusOK && time.Now().Before(deadline); {
		time.Sleep(20 * time.Millisecond)
		again = r.put("cam", nil)
	}
	if again.status != http.StatusOK {
		t.Errorf("behind one that ended: %d %v", again.status, again.failed)
	}
}

// Who holds connections and says nothing gives way to who asks.
func TestSilentConnectionsGiveWay(t *testing.T) {
	r := start(t, nil, few(16))
	r.create("cam", 24)
	p := r.put("cam", nil)
	before := takeCensus()
	var silent []net.Conn
	for range 100 {
		conn, err := net.Dial("tcp", r.address())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		silent = append(silent, conn)
		if status, out := r.alone().call("/describeStream", map[string]any{"StreamName": "cam"}); status != http.StatusOK {
			t.Fatalf("%d %v", status, out)
		}
	}
	if after := takeCensus(); after.goroutines > before.goroutines+3*16 {
		t.Errorf("%d goroutines, and %d before", after.goroutines, before.goroutines)
	}
	_ = silent[0].SetReadDeadline(time.Now().Add(10 * time.Second))
	if _, err := silent[0].Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("the first of a hundred silent connections: %v", err)
	}
	p.mustSend(slices.Concat(header(1), cluster(1, block(1, 0, "x")), endOfFragment()))
	p.want("BUFFERING 1", "RECEIVED 1", "PERSISTED 1")
}

// Connections come and go, of every kind, and none is counted for ever.
func TestConnectionsAreCountedDown(t *testing.T) {
	r := start(t, nil, few(16))
	r.create("cam", 24)
	for range 20 {
		p := r.put("cam", nil)
		p.mustSend(slices.Concat(header(1), cluster(1, block(1, 0, "x")), endOfFragment()))
		p.want("BUFFERING 1", "RECEIVED 1", "PERSISTED 1")
		p.close()
		g := r.get("cam", earliest())
		g.must()
		g.close()
		if resp, err := r.alone().tryPost(context.Background(), "/nonsense", struct{}{}); err != nil {
			t.Fatal(err)
		} else {
			resp.Body.Close()
		}
	}
	deadline := time.Now().Add(10 * time.Second)
	for !strings.Contains(r.metrics(), "\nmillrace_connections 1\n") {
		if time.Now().After(deadline) {
			t.Fatalf("connections are left:\n%s", r.metrics())
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// metrics is what GET /metrics says, over a connection of its own.
func (r *rig) metrics() string {
	r.t.Helper()
	r.client.CloseIdleConnections()
	resp := r.alone().readMetrics(r.cfg.AccessKeyID, secret)
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	if resp.StatusCode != http.StatusOK {
		r.t.Fatalf("GET /metrics: %s: %s", resp.Status, text)
	}
	return string(text)
}

// readMetrics asks for the metrics as Prometheus does.
func (r *rig) readMetrics(id, password string) *http.Response {
	r.t.Helper()
	req, err := http.NewRequest(http.MethodGet, r.url+"/metrics", nil)
	if err != nil {
		r.t.Fatal(err)
	}
	if id != "" {
		req.SetBasicAuth(id, password)
	}
	resp, err := r.client.Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	return resp
}
