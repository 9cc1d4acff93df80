package api

import (
	"net/http"
	"strings"

	"github.com/millrace/millrace/internal/auth"
	"github.com/millrace/millrace/internal/wire"
)

// serveMetrics answers GET /metrics for those who may read them: they show how
// the streams are called. Prometheus does not sign; it has a key's id and secret
// as user name and password.
func (h *Handler) serveMetrics(w http.ResponseWriter, r *http.Request, id string) {
	p, err := h.reader(r)
	if err != nil {
		h.config.Logger.Log(r.Context(), h.levelOf(p), "request", "operation", string(auth.ReadMetrics), "request", id, "key", p.KeyID, "err", err)
		w.Header().Set("WWW-Authenticate", `Basic realm="millrace", charset="UTF-8"`)
		wire.WriteError(&challenge{w, p.KeyID == ""}, id, err)
		return
	}
	h.config.Metrics.ServeHTTP(w, r)
}

// reader returns who wants to read the metrics, and an error if he may not.
func (h *Handler) reader(r *http.Request) (p auth.Principal, err error) {
	if strings.HasPrefix(r.Header.Get("Authorization"), "AWS4-") || r.URL.Query().Has("X-Amz-Signature") {
		p, err = h.config.Auth.Authenticate(r.Context(), r, []byte{}, h.config.Now())
	} else {
		p, err = h.config.Auth.AuthenticateBasic(r.Context(), r, h.config.Now())
	}
	if err == nil {
		err = auth.Authorize(p, auth.ReadMetrics, "*")
	}
	return p, err
}

// A challenge answers 401 instead of what the protocol says for somebody
// unknown, so that browsers ask for a password.
type challenge struct {
	http.ResponseWriter
	unknown bool
}

// WriteHeader implements http.ResponseWriter.
func (c *challenge) WriteHeader(status int) {
	if c.unknown && status >= http.StatusBadRequest && status < http.StatusInternalServerError {
		status = http.StatusUnauthorized
	}
	c.ResponseWriter.WriteHeader(status)
}
