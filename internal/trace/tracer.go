package trace

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// The bounds of what waits for a collector.
const (
	maxWaiting    = 2048             // spans
	exportTimeout = 10 * time.Second // of one request
	flushTimeout  = 3 * time.Second  // of all that waits when a Tracer closes
)

// tracesPath is where a collector takes spans, below its base URL.
const tracesPath = "/v1/traces"

// A Tracer makes spans of calls. Any number of goroutines may use it.
type Tracer struct {
	provider *sdk.TracerProvider
	tracer   trace.Tracer
	context  propagation.TraceContext
}

// New makes a Tracer that sends to endpoint, the base URL of a collector.
// Nothing is sent yet, and a collector that is not there is no error. What cannot
// be sent is told to logger once. The Tracer must be closed.
func New(ctx context.Context, endpoint, version string, logger *slog.Logger) (*Tracer, error) {
	if !strings.HasSuffix(endpoint, tracesPath) {
		endpoint = strings.TrimRight(endpoint, "/") + tracesPath
	}
	client, err := otlptracehttp.New(ctx, otlptracehttp.WithEndpointURL(endpoint), otlptracehttp.WithTimeout(exportTimeout))
	if err != nil {
		return nil, fmt.Errorf("make exporter of traces: %w", err)
	}
	about := resource.NewSchemaless(attribute.String("service.name", "millrace"), attribute.String("service.version", version))
	provider := sdk.NewTracerProvider(
		sdk.WithResource(about),
		sdk.WithBatcher(&exporter{SpanExporter: client, logger: logger}, sdk.WithMaxQueueSize(maxWaiting), sdk.WithExportTimeout(exportTimeout)),
	)
	return &Tracer{provider: provider, tracer: provider.Tracer("github.com/millrace/millrace")}, nil
}

// Begin begins the span of a call, below that of the client if r names one. What
// else the client says of its trace is text of its own, and goes nowhere. The
// context has the span.
func (t *Tracer) Begin(r *http.Request, operation, requestID string) context.Context {
	ctx := t.context.Extract(r.Context(), propagation.HeaderCarrier(r.Header))
	if client := trace.SpanContextFromContext(ctx); client.IsValid() {
		ctx = trace.ContextWithRemoteSpanContext(ctx, client.WithTraceState(trace.TraceState{}))
	}
	ctx, _ = t.tracer.Start(ctx, operation, trace.WithSpanKind(trace.SpanKindServer),
		trace.WithAttributes(attribute.String("operation", operation), attribute.String("request.id", requestID)))
	return ctx
}

// Step begins the span of a part of the call whose context it is, and returns
// what ends it. Why it failed is not told: its text may be of the caller's making.
func (t *Tracer) Step(ctx context.Context, name string) func(error) {
	_, span := t.tracer.Start(ctx, name)
	return func(err error) {
		if err != nil {
			span.SetStatus(codes.Error, "")
		}
		span.End()
	}
}

// End ends the span of a call. code is empty if it went well.
func (t *Tracer) End(ctx context.Context, stream, code string, status int) {
	span := trace.SpanFromContext(ctx)
	span.SetAttributes(attribute.Int("http.response.status_code", status))
	if stream != "" {
		span.SetAttributes(attribute.String("stream", stream))
	}
	if code != "" {
		span.SetAttributes(attribute.String("code", code))
	} else {
		span.SetAttributes(attribute.String("code", "OK"))
	}
	if status >= http.StatusInternalServerError {
		span.SetStatus(codes.Error, code)
	}
	span.End()
}

// Close sends what waits, for a few seconds at most.
func (t *Tracer) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), flushTimeout)
	defer cancel()
	if err := t.provider.Shutdown(ctx); err != nil {
		return fmt.Errorf("send the last traces: %w", err)
	}
	return nil
}

// An exporter tells of the first batch that could not be sent since one was.
type exporter struct {
	sdk.SpanExporter
	logger *slog.Logger

	mu   sync.Mutex // guards told
	told bool
}

// ExportSpans implements the SDK's SpanExporter. It returns no error, which the
// SDK would print: it has been told.
func (e *exporter) ExportSpans(ctx context.Context, spans []sdk.ReadOnlySpan) error {
	err := e.SpanExporter.ExportSpans(ctx, spans)
	if e.news(err != nil) {
		e.logger.Warn("traces cannot be sent and are dropped", "err", err)
	}
	return nil
}

// news notes how sending went, and reports whether that has to be told.
func (e *exporter) news(failed bool) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	news := failed && !e.told
	e.told = failed
	return news
}
