package server

import (
	"runtime"
	"runtime/debug"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/millrace/millrace/internal/api"
)

// callMetrics counts calls by operation. Operations and codes come from tables,
// so that their number is bounded whatever is called.
type callMetrics struct {
	calls *prometheus.CounterVec
	took  *prometheus.HistogramVec
}

func newCallMetrics(r *prometheus.Registry) *callMetrics {
	m := &callMetrics{
		calls: prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: "millrace", Name: "operations_total",
			Help: "Calls by operation and by the code of the answer, which is OK or the name of an error.",
		}, []string{"operation", "code"}),
		took: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Namespace: "millrace", Name: "operation_seconds",
			Help: "From a call's arrival until its answer began, by operation.", Buckets: prometheus.ExponentialBuckets(0.0005, 4, 9),
		}, []string{"operation"}),
	}
	r.MustRegister(m.calls, m.took)
	return m
}

func (m *callMetrics) answered(a api.Answered) {
	code := a.Code
	if code == "" {
		code = "OK"
	}
	m.calls.WithLabelValues(a.Operation, code).Inc()
	m.took.WithLabelValues(a.Operation).Observe(a.Took.Seconds())
}

// registerBuild adds a constant that says what is running.
func registerBuild(r *prometheus.Registry) {
	info := prometheus.NewGauge(prometheus.GaugeOpts{
		Namespace: "millrace", Name: "build_info", Help: "1, with what is running as labels.",
		ConstLabels: prometheus.Labels{"version": release(), "goversion": runtime.Version()},
	})
	info.Set(1)
	r.MustRegister(info)
}

// release is the version that this binary was built from.
func release() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "unknown"
}
