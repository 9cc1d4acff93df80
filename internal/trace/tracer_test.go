package trace_test

import (
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	spans "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/millrace/millrace/internal/trace"
)

// A receiver is an OpenTelemetry collector that keeps what it is sent.
type receiver struct {
	mu    sync.Mutex // guards what follows
	spans []*spans.Span
	raw   []byte
	paths []string
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(req.Body)
	var in collector.ExportTraceServiceRequest
	if err != nil || proto.Unmarshal(body, &in) != nil {
		http.Error(w, "no spans", http.StatusBadRequest)
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.raw, r.paths = append(r.raw, body...), append(r.paths, req.URL.Path)
	for _, resource := range in.ResourceSpans {
		for _, scope := range resource.ScopeSpans {
			r.spans = append(r.spans, scope.Spans...)
		}
	}
}

func (r *receiver) span(t *testing.T, name string) *spans.Span {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, s := range r.spans {
		if s.Name == name {
			return s
		}
	}
	t.Fatalf("there is no span %q among %d", name, len(r.spans))
	return nil
}

func attributes(s *spans.Span) map[string]string {
	all := map[string]string{}
	for _, a := range s.Attributes {
		all[a.Key] = a.Value.GetStringValue()
	}
	return all
}

func start(t *testing.T, url string, log io.Writer) *trace.Tracer {
	t.Helper()
	tracer, err := trace.New(t.Context(), url, "v1.2.3", slog.New(slog.NewTextHandler(log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	return tracer
}

func TestACallIsATraceBelowThatOfItsClient(t *testing.T) {
	r := &receiver{}
	s := httptest.NewServer(r)
	defer s.Close()
	tracer := start(t, s.URL, io.Discard)
	req := httptest.NewRequest(http.MethodPost, "/createStream", strings.NewReader("hush"))
	req.Header.Set("Traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
	req.Header.Set("Tracestate", "vendor=hush")
	req.Header.Set("Authorization", "AWS4-HMAC-SHA256 Signature=hush")
	ctx := tracer.Begin(req, "CreateStream", "id-1")
	tracer.Step(ctx, "authenticate")(nil)
	tracer.Step(ctx, "execute")(errors.New("hush"))
	tracer.End(ctx, "cam", "ResourceInUseException", 400)
	if err := tracer.Close(); err != nil {
		t.Fatal(err)
	}
	call, step := r.span(t, "CreateStream"), r.span(t, "execute")
	if string(call.ParentSpanId) != "\xb7\xad\x6b\x71\x69\x20\x33\x31" || call.TraceId[0] != 0x0a {
		t.Errorf("the client's trace does not go on: %x of %x", call.ParentSpanId, call.TraceId)
	}
	if string(step.ParentSpanId) != string(call.SpanId) || step.Status.GetCode() != spans.Status_STATUS_CODE_ERROR {
		t.Errorf("the step is %v", step)
	}
	r.span(t, "authenticate")
	a := attributes(call)
	for name, want := range map[string]string{"operation": "CreateStream", "stream": "cam", "code": "ResourceInUseException", "request.id": "id-1"} {
		if a[name] != want {
			t.Errorf("%s is %q, want %q", name, a[name], want)
		}
	}
	if strings.Contains(string(r.raw), "hush") || r.paths[0] != "/v1/traces" {
		t.Errorf("%s: %q", r.paths, r.raw)
	}
}

func TestACollectorThatHangsHoldsNothingUp(t *testing.T) {
	leave := make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-leave }))
	defer s.Close()
	defer close(leave)
	tracer := start(t, s.URL, io.Discard)
	began := time.Now()
	for range 5000 { // more than may wait
		tracer.End(tracer.Begin(httptest.NewRequest(http.MethodPost, "/", nil), "ListStreams", "id"), "", "", 200)
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("5000 calls took %v", took)
	}
	began = time.Now()
	_ = tracer.Close()
	if took := time.Since(began); took > 8*time.Second {
		t.Errorf("it closed in %v", took)
	}
}

func TestWhatCannotBeSentIsToldOnce(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadRequest) }))
	defer s.Close()
	var log strings.Builder
	tracer := start(t, s.URL, &log)
	for range 1500 { // several batches
		tracer.End(tracer.Begin(httptest.NewRequest(http.MethodPost, "/", nil), "ListStreams", "id"), "", "", 200)
	}
	_ = tracer.Close()
	if n := strings.Count(log.String(), "traces cannot be sent"); n != 1 {
		t.Errorf("told %d times:\n%s", n, log.String())
	}
}
