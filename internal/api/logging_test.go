package api_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/api"
	"github.com/millrace/millrace/internal/store/mem"
	"github.com/millrace/millrace/internal/wire"
)

// A journal keeps log records.
type journal struct {
	mu    sync.Mutex
	lines bytes.Buffer
}

func (j *journal) Write(b []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.lines.Write(b)
}

// logTo has the handler's log kept.
func logTo(c *api.Config) *journal {
	var j journal
	c.Logger = slog.New(slog.NewJSONHandler(&j, &slog.HandlerOptions{Level: slog.LevelDebug}))
	return &j
}

func (j *journal) text() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.lines.String()
}

// last returns the newest record.
func (j *journal) last(t *testing.T) map[string]any {
	t.Helper()
	lines := strings.Split(strings.TrimSpace(j.text()), "\n")
	var record map[string]any
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &record); err != nil {
		t.Fatal(err)
	}
	return record
}

func TestEveryCallIsLoggedOnce(t *testing.T) {
	c := config(mem.NewControl())
	log := logTo(&c)
	c.GetMedia = func(w http.ResponseWriter, _ *http.Request, m *api.MediaCall) error {
		m.Stream = "cam"
		wire.SetRequestID(w.Header(), m.RequestID)
		w.WriteHeader(http.StatusOK)
		return millrace.Errorf(millrace.CodeTimecodeOrder, "The timecode is too low.")
	}
	h := newHandler(t, c)
	for _, tc := range []struct {
		name, key, path, body string
		want                  map[string]any
	}{
		{"a change", "root", "/createStream", `{"StreamName":"cam"}`, map[string]any{
			"level": "INFO", "operation": "CreateStream", "stream": "cam", "status": 200.0, "key": "root",
		}},
		{"a read", "root", "/describeStream", `{"StreamName":"cam"}`, map[string]any{
			"level": "DEBUG", "operation": "DescribeStream", "stream": "cam", "status": 200.0, "key": "root",
		}},
		{"a read that fails", "root", "/describeStream", `{"StreamName":"door"}`, map[string]any{
			"level": "INFO", "operation": "DescribeStream", "stream": "door", "status": 404.0, "key": "root", "code": missing,
		}},
		{"a stream by its ARN", "root", "/deleteStream", `{"StreamARN":"arn:aws:kinesisvideo:us-west-2:111122223333:stream/door/1"}`, map[string]any{
			"level": "INFO", "operation": "DeleteStream", "stream": "door", "status": 404.0, "key": "root", "code": missing,
		}},
		{"a refusal", "guest", "/describeStream", `{"StreamName":"cam"}`, map[string]any{
			"level": "INFO", "operation": "DescribeStream", "stream": "cam", "status": 403.0, "key": "guest", "code": denied,
		}},
		{"no signature", "", "/listStreams", `{}`, map[string]any{
			"level": "INFO", "operation": "ListStreams", "status": 403.0, "code": "MissingAuthenticationTokenException",
		}},
		{"no operation", "root", "/nothing", `{}`, map[string]any{
			"level": "INFO", "operation": "", "status": 404.0, "code": noSuchOp,
		}},
		{"an operation that is not offered", "root", "/getClip", `{}`, map[string]any{
			"level": "INFO", "operation": "GetClip", "status": 501.0, "key": "root", "code": notOffered,
		}},
		{"media", "root", "/getMedia", `{}`, map[string]any{
			"level": "INFO", "operation": "GetMedia", "stream": "cam", "status": 200.0, "key": "root", "code": "FRAGMENT_TIMECODE_LESSER_THAN_PREVIOUS",
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			before := strings.Count(log.text(), "\n")
			got := ask(t, h, tc.key, http.MethodPost, tc.path, tc.body, nil)
			if n := strings.Count(log.text(), "\n") - before; n != 1 {
				t.Errorf("%d records", n)
			}
			record := log.last(t)
			for _, name := range []string{"level", "operation", "stream", "status", "key", "code"} {
				if record[name] != tc.want[name] {
					t.Errorf("%s = %v, want %v", name, record[name], tc.want[name])
				}
			}
			if record["msg"] != "request" || record["request"] != got.header.Get("X-Amzn-Requestid") || record["duration"] == nil {
				t.Errorf("record: %v", record)
			}
		})
	}
	for _, secret := range []string{"secret-of", "Signature", "Credential"} {
		if strings.Contains(log.text(), secret) {
			t.Errorf("the log has %q: %s", secret, log.text())
		}
	}
}

func TestReadiness(t *testing.T) {
	c := config(mem.NewControl())
	log := logTo(&c)
	var state error
	c.Ready = func(context.Context) error { return state }
	h := newHandler(t, c)
	if got := ask(t, h, "", http.MethodGet, "/readyz", "", nil); got.status != 200 {
		t.Errorf("ready: %d", got.status)
	}
	state = errors.New("packs are being read")
	got := ask(t, h, "", http.MethodGet, "/readyz", "", nil)
	wantAnswer(t, got, http.StatusServiceUnavailable, "ServiceUnavailable")
	if strings.Contains(got.body, "packs") || !strings.Contains(log.text(), "packs are being read") {
		t.Errorf("answer %s, log %s", got.body, log.text())
	}
	if got := ask(t, h, "", http.MethodGet, "/healthz", "", nil); got.status != 200 {
		t.Errorf("health: %d", got.status)
	}
}

// TestStrangersDoNotFillTheLog: they have no key, and there may be many.
func TestStrangersDoNotFillTheLog(t *testing.T) {
	c := config(mem.NewControl())
	log := logTo(&c)
	h := newHandler(t, c)
	for range 300 {
		ask(t, h, "", http.MethodPost, "/createStream", `{}`, nil)
		ask(t, h, "", http.MethodPost, "/nothing", `{}`, nil)
		ask(t, h, "", http.MethodGet, "/metrics", "", nil)
	}
	if n := strings.Count(log.text(), `"level":"INFO"`); n != 50 {
		t.Errorf("%d are in the log", n)
	}
	ask(t, h, "guest", http.MethodPost, "/describeStream", `{"StreamName":"cam"}`, nil)
	if last := log.last(t); last["level"] != "INFO" || last["key"] != "guest" {
		t.Errorf("behind them: %v", last)
	}
}
