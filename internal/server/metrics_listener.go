package server

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"
)

// The bounds of the listener for metrics, which are far above what a Prometheus
// or two, and what looks after health, need.
const (
	metricsTimeout     = 30 * time.Second
	metricsConnections = 64
	metricsHeaderBytes = 16 << 10
)

// A metricsListener serves metrics and health to everybody who reaches its
// address. Nothing else is there.
type metricsListener struct {
	listener net.Listener
	http     *http.Server
	logger   *slog.Logger
}

// listenForMetrics opens an address. health answers /healthz and /readyz.
func listenForMetrics(ctx context.Context, address string, metrics, health http.Handler, logger *slog.Logger) (*metricsListener, error) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("listen for metrics: %w", err)
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", metrics)
	mux.Handle("GET /healthz", health)
	mux.Handle("GET /readyz", health)
	m := &metricsListener{listener: l, logger: logger, http: &http.Server{
		Handler: mux, ReadTimeout: metricsTimeout, WriteTimeout: metricsTimeout, IdleTimeout: connectionTimeout,
		MaxHeaderBytes: metricsHeaderBytes, TLSNextProto: noHTTP2(),
		ErrorLog: slog.NewLogLogger(logger.Handler(), slog.LevelDebug),
	}}
	newConnections(metricsConnections).watch(m.http)
	return m, nil
}

// run serves until ctx ends. That it cannot go on does not end the server.
func (m *metricsListener) run(ctx context.Context) {
	stop := context.AfterFunc(ctx, func() { _ = m.http.Close() }) // nobody needs the answers any more
	defer stop()
	if err := m.http.Serve(m.listener); ctx.Err() == nil {
		m.logger.Error("metrics are served no more", "err", err)
	}
}
