package wire

import "net/http"

// preflightHeaders are the request headers that pages are always told they may
// send, whatever they asked for.
const preflightHeaders = "authorization, content-type, x-amz-date, x-amz-security-token, x-amz-content-sha256, " +
	"x-amz-user-agent, amz-sdk-invocation-id, amz-sdk-request"

// WritePreflight answers the OPTIONS request by which a browser asks whether a
// page of another origin may call: it may, with GET, HEAD and POST and with any
// header it asks for.
func WritePreflight(w http.ResponseWriter, r *http.Request, requestID string) {
	h := w.Header()
	SetRequestID(h, requestID)
	SetCrossOrigin(h)
	allowed := r.Header.Get("Access-Control-Request-Headers")
	if allowed == "" || len(allowed) > maxHeaderValue {
		allowed = preflightHeaders
	}
	h.Set("Access-Control-Allow-Methods", "GET, HEAD, POST, OPTIONS")
	h.Set("Access-Control-Allow-Headers", allowed)
	h.Set("Access-Control-Max-Age", "172800")
	h.Set("Content-Length", "0")
	w.WriteHeader(http.StatusOK)
}

// maxHeaderValue bounds a header value that is given back or parsed, in bytes.
const maxHeaderValue = 4096
