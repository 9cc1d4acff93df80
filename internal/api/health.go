package api

import (
	"net/http"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/wire"
)

// The paths by which an operator's machinery looks at the server. But for the
// metrics they need no credentials; they tell nothing of streams.
const (
	healthPath  = "/healthz" // the process answers
	readyPath   = "/readyz"  // the process can serve
	metricsPath = "/metrics" // what Prometheus reads
	caPath      = ownPrefix + "/ca.pem"
)

type health struct {
	Status string `json:"status"`
}

// serveHealth answers GET and HEAD of these paths, and reports whether it
// did.
func (h *Handler) serveHealth(w http.ResponseWriter, r *http.Request) bool {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		return false
	}
	id := wire.NewRequestID()
	w.Header()["Cache-Control"] = []string{"no-store"}
	switch r.URL.Path {
	case metricsPath:
		h.serveMetrics(w, r, id)
	case healthPath:
		_ = wire.WriteJSON(w, id, health{"ok"}) // who has gone does not wait for it
	case readyPath:
		if err := h.config.Ready(r.Context()); err != nil {
			h.config.Logger.WarnContext(r.Context(), "not ready", "err", err)
			wire.WriteError(w, id, notReady(err))
			break
		}
		_ = wire.WriteJSON(w, id, health{"ready"})
	case caPath:
		if h.config.Authority == nil {
			w.Header().Del("Cache-Control")
			return false
		}
		h.serveAuthority(w, id)
	default:
		w.Header().Del("Cache-Control")
		return false
	}
	return true
}

// notReady shows no cause, for nobody signed the request.
func notReady(err error) error {
	return &millrace.Error{Code: millrace.CodeUnavailable, Message: "The server is not ready.", Err: err}
}

// serveAuthority shows the certificate that clients have to trust. It is no
// secret; whether it is the right one its reader has to find out otherwise.
func (h *Handler) serveAuthority(w http.ResponseWriter, id string) {
	wire.SetRequestID(w.Header(), id)
	wire.SetCrossOrigin(w.Header())
	w.Header().Set("Content-Type", "application/x-pem-file")
	_, _ = w.Write(h.config.Authority) // who has gone does not wait for it
}
