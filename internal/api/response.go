package api

import (
	"bufio"
	"net"
	"net/http"
)

// A response notices what was answered. http.ResponseController sees through
// it.
type response struct {
	http.ResponseWriter
	status int              // 0 until the head has been written or the connection taken over
	begins func(status int) // told when the status is known, before the client is
}

func (r *response) begun() bool { return r.status != 0 }

func (r *response) begin(status int) {
	if r.status == 0 {
		r.status = status
		r.begins(status)
	}
}

// WriteHeader implements http.ResponseWriter. An interim head is no answer.
func (r *response) WriteHeader(status int) {
	if status >= http.StatusOK {
		r.begin(status)
	}
	r.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (r *response) Write(b []byte) (int, error) {
	r.begin(http.StatusOK)
	return r.ResponseWriter.Write(b)
}

// Hijack implements http.Hijacker. Whoever takes the connection over answers
// with 200; errors are answered before.
func (r *response) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, buffered, err := http.NewResponseController(r.ResponseWriter).Hijack()
	if err == nil {
		r.begin(http.StatusOK)
	}
	return conn, buffered, err
}

// Unwrap is for http.ResponseController.
func (r *response) Unwrap() http.ResponseWriter { return r.ResponseWriter }
