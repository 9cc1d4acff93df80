package api

import (
	"bytes"
	"net/http"
	"time"

	"github.com/millrace/millrace/internal/wire"
)

// refuse answers a call with an error. A body that nobody has read is still on
// its way, and may stay so for as long as its client waits for an answer.
// net/http would read it first, unless the connection closes then; of PutMedia,
// whose body has no end, the connection is taken over.
func (h *Handler) refuse(w *response, c *call, err error) {
	switch {
	case c.body != nil || c.request.Body == http.NoBody:
		wire.WriteError(w, c.id, err)
		return
	case c.operation.name != "PutMedia":
		w.Header().Set("Connection", "close")
		_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(linger)) // not every writer stands on a connection
		wire.WriteError(w, c.id, err)
		return
	}
	conn, hijackErr := wire.HijackMedia(w, c.request)
	if hijackErr != nil {
		wire.WriteError(w, c.id, err)
		return
	}
	var answer recorder
	answer.header = http.Header{}
	wire.WriteError(&answer, c.id, err)
	w.status = answer.status
	answer.header.Del("Content-Length") // the answer is chunked
	if conn.WriteHead(answer.status, answer.header) != nil ||
		conn.WriteChunk(answer.body.Bytes()) != nil || conn.Finish() != nil {
		conn.Abort() // the client has gone
		return
	}
	conn.CloseGracefully(linger)
}

// A recorder keeps an answer.
type recorder struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (r *recorder) Header() http.Header         { return r.header }
func (r *recorder) WriteHeader(status int)      { r.status = status }
func (r *recorder) Write(b []byte) (int, error) { return r.body.Write(b) }
