package server_test

import (
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace/internal/config"
	"github.com/millrace/millrace/internal/wire"
)

// scrape reads the metrics as Prometheus would, with their labels as they are
// written.
func (r *rig) scrape() map[string]float64 {
	r.t.Helper()
	values := map[string]float64{}
	for line := range strings.Lines(r.metrics()) {
		line = strings.TrimSpace(line)
		at := strings.LastIndexByte(line, ' ')
		name, value := line[:max(at, 0)], line[at+1:]
		if v, err := strconv.ParseFloat(value, 64); err == nil {
			values[name] = v
		}
	}
	return values
}

func TestMetricsTellWhatBecameDurable(t *testing.T) {
	r := start(t, nil, nil)
	r.create("cam", 24)
	p := r.put("cam", nil)
	p.mustSend(slices.Concat(header(1), cluster(1000, block(1, 0, "a")), cluster(2000, block(1, 0, "b")), endOfFragment()))
	p.end()
	p.rest()
	m := r.scrape()
	for name, want := range map[string]float64{
		"millrace_store_fragments_committed_total": 2,
		"millrace_store_live_fragments":            2,
		"millrace_store_packs":                     1,
		"millrace_store_fragments_failed_total":    0,
		"millrace_store_damages_total":             0,

		"millrace_ingest_fragments_total":                                                2,
		"millrace_ingest_frames_total":                                                   2,
		"millrace_ingest_persisted_ack_seconds_count":                                    2,
		`millrace_ingest_acks_total{error_id="",type="PERSISTED"}`:                       2,
		`millrace_operations_total{code="OK",operation="PutMedia"}`:                      1,
		`millrace_operations_total{code="OK",operation="CreateStream"}`:                  1,
		`millrace_put_media_requests_total{stream_name="cam"}`:                           1,
		`millrace_put_media_incoming_fragments_total{stream_name="cam"}`:                 2,
		`millrace_put_media_success_total{stream_name="cam"}`:                            2,
		`millrace_put_media_persisted_ack_latency_seconds_count{stream_name="cam"}`:      2,
		`millrace_put_media_fragment_ingestion_latency_seconds_count{stream_name="cam"}`: 2,
	} {
		if got, there := m[name]; !there || got != want {
			t.Errorf("%s is %v, want %v", name, got, want)
		}
	}
}

func TestMetricsTellOfTheRoomBeforeAnythingIsKept(t *testing.T) {
	m := start(t, nil, func(c *config.Server) { c.Capacity = 200 << 20 }).scrape()
	if capacity, left := m["millrace_store_capacity_bytes"], m["millrace_store_left_bytes"]; capacity == 0 || left <= 0 || left > capacity {
		t.Errorf("there is room for %v of %v bytes", left, capacity)
	}
	if m["millrace_store_used_bytes"] == 0 {
		t.Error("the databases take no room")
	}
}

func TestMetricsCountEveryByteOfTheBody(t *testing.T) {
	r := start(t, nil, nil)
	r.create("cam", 24)
	body := slices.Concat(header(1), cluster(1000, block(1, 0, "a")), endOfFragment())
	p := r.put("cam", nil)
	p.mustSend(body)
	p.end()
	p.rest()
	m := r.scrape()
	for _, name := range []string{"millrace_ingest_bytes_total", `millrace_put_media_incoming_bytes_total{stream_name="cam"}`} {
		if m[name] != float64(len(body)) {
			t.Errorf("%s is %v, and %d bytes were sent", name, m[name], len(body))
		}
	}
}

func TestMetricsCountOpenSessions(t *testing.T) {
	r := start(t, nil, nil)
	r.create("cam", 24)
	p := r.put("cam", nil)
	await := func(want float64) {
		t.Helper()
		const series = `millrace_put_media_active_connections{stream_name="cam"}`
		for until := time.Now().Add(30 * time.Second); r.scrape()[series] != want; time.Sleep(10 * time.Millisecond) {
			if time.Now().After(until) {
				t.Fatalf("%v are open, want %v", r.scrape()[series], want)
			}
		}
	}
	await(1) // a call is counted once it is admitted
	p.end()
	p.rest()
	p.close()
	await(0) // it ends behind its answer
}

func TestMetricsOfAStreamGoWithIt(t *testing.T) {
	r := start(t, nil, nil)
	r.create("cam", 24)
	p := r.put("cam", nil)
	p.mustSend(slices.Concat(header(1), cluster(1000, block(1, 0, "a")), endOfFragment()))
	p.end()
	p.rest()
	const series = `millrace_put_media_requests_total{stream_name="cam"}`
	if r.scrape()[series] != 1 {
		t.Fatal("the call was not counted")
	}
	_, described := r.call("/describeStream", map[string]any{"StreamName": "cam"})
	arn := described["StreamInfo"].(map[string]any)["StreamARN"]
	if status, out := r.call("/deleteStream", map[string]any{"StreamARN": arn}); status != 200 {
		t.Fatal(status, out)
	}
	for {
		if _, there := r.scrape()[series]; !there {
			return
		}
		time.Sleep(10 * time.Millisecond) // the deletion is completed behind its answer; the test's own timeout bounds this
	}
}

func TestMetricsNeedCredentials(t *testing.T) {
	r := start(t, nil, nil)
	for _, c := range []struct {
		name, id, password string
		want               int
	}{
		{"nobody", "", "", 401},
		{"an unknown key", "AKIANOBODY0000000000", secret, 401},
		{"a wrong secret", keyID, "wrong", 401},
		{"the root key", keyID, secret, 200},
	} {
		resp := r.readMetrics(c.id, c.password)
		text, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		if resp.StatusCode != c.want {
			t.Errorf("%s: %s, want %d", c.name, resp.Status, c.want)
		}
		if c.want != 200 && (resp.Header.Get("WWW-Authenticate") == "" || strings.Contains(string(text), "millrace_")) {
			t.Errorf("%s: %v %s", c.name, resp.Header, text)
		}
	}
}

func TestMetricsCanBeReadWithASignature(t *testing.T) {
	r := start(t, nil, nil)
	req, err := http.NewRequest(http.MethodGet, r.url+"/metrics", nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.signer().Sign(req, wire.PayloadHash(nil), r.now()); err != nil {
		t.Fatal(err)
	}
	resp, err := r.client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Error(resp.Status)
	}
}

func TestTheMetricsListenerIsOpenAndHasNothingElse(t *testing.T) {
	r := start(t, nil, func(c *config.Server) { c.MetricsListen = "127.0.0.1:0" })
	for path, want := range map[string]int{"/metrics": 200, "/healthz": 200, "/readyz": 200, "/listStreams": 404, "/": 404} {
		resp, err := r.client.Get("http://" + r.s.MetricsAddr().String() + path)
		if err != nil {
			t.Fatal(err)
		}
		text, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("%s: %s, want %d", path, resp.Status, want)
		}
		if want == http.StatusNotFound && resp.Header.Get(wire.HeaderRequestID) != "" {
			t.Errorf("%s: the protocol answers", path)
		}
		if path == "/metrics" && !strings.Contains(string(text), "millrace_build_info{") {
			t.Errorf("no metrics: %.300s", text)
		}
	}
}
