package wire

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/millrace/millrace"
)

// maxErrorBody is how much of an error's body a client reads, in bytes.
const maxErrorBody = 64 << 10

// A RemoteError is an answer that was no success, as it came. It is the cause
// of the millrace.Error that DecodeError returns.
type RemoteError struct {
	Status     int           // HTTP status
	Name       string        // the exception's name, without namespace; may be empty
	Message    string        // may be empty
	RequestID  string        // may be empty
	Date       time.Time     // by the server's clock; zero: it did not say
	RetryAfter time.Duration // how long it wants to be left alone; 0: it did not say
}

// Error names the exception, its status and the request.
func (e *RemoteError) Error() string {
	name := e.Name
	if name == "" {
		name = http.StatusText(e.Status)
	}
	if e.RequestID == "" {
		return fmt.Sprintf("%s (HTTP %d)", name, e.Status)
	}
	return fmt.Sprintf("%s (HTTP %d, request %s)", name, e.Status, e.RequestID)
}

// ErrWantsTLS says that http was spoken to a server that speaks https. It is the
// cause of such a RemoteError.
var ErrWantsTLS = errors.New("the server speaks https there")

// Unwrap returns ErrWantsTLS where that is what the answer means.
func (e *RemoteError) Unwrap() error {
	if e.Status == http.StatusBadRequest && e.Message == wantsTLS {
		return ErrWantsTLS
	}
	return nil
}

// wantsTLS is what Go's servers answer to plain HTTP, before any handler.
const wantsTLS = "Client sent an HTTP request to an HTTPS server."

// DecodeError reads an answer that was no success, as every server of the
// protocol spells it. It reads a bounded part of the body and does not close
// it. The result is never nil and wraps a *RemoteError.
func DecodeError(resp *http.Response) *millrace.Error {
	body, _ := io.ReadAll(io.LimitReader(resp.Body, maxErrorBody)) // a cut body is read as far as it came
	remote := &RemoteError{Status: resp.StatusCode, RequestID: requestIDOf(resp.Header)}
	remote.Date, _ = http.ParseTime(resp.Header.Get("Date")) // zero if it is none
	remote.RetryAfter = retryAfter(resp.Header.Get("Retry-After"), remote.Date)
	var in map[string]any
	if json.Unmarshal(body, &in) == nil {
		remote.Name = exceptionName(firstText(in, "__type", "code", "Code"))
		remote.Message = firstText(in, "message", "Message", "errorMessage")
	}
	if name := exceptionName(resp.Header.Get(HeaderErrorType)); name != "" {
		remote.Name = name
	}
	if strings.TrimSpace(string(body)) == wantsTLS {
		remote.Message = wantsTLS
	}
	text := remote.Message
	if text == "" {
		text = http.StatusText(resp.StatusCode)
	}
	return &millrace.Error{Code: CodeOfException(remote.Name, resp.StatusCode), Message: text, Err: remote}
}

// maxRetryAfter bounds what a server may ask for.
const maxRetryAfter = time.Hour

// retryAfter reads the header of that name: seconds, or a date, from which date
// is taken off.
func retryAfter(value string, date time.Time) time.Duration {
	var wait time.Duration
	if seconds, err := strconv.ParseUint(value, 10, 31); err == nil {
		wait = time.Duration(seconds) * time.Second
	} else if at, err := http.ParseTime(value); err == nil && !date.IsZero() {
		wait = at.Sub(date)
	}
	return min(max(wait, 0), maxRetryAfter)
}

// exceptionName takes the namespace before '#' and the address after ':' off.
func exceptionName(s string) string {
	s, _, _ = strings.Cut(s, ":")
	if _, after, ok := strings.Cut(s, "#"); ok {
		s = after
	}
	return strings.TrimSpace(s)
}

func firstText(in map[string]any, keys ...string) string {
	for _, k := range keys {
		if s, ok := in[k].(string); ok && s != "" {
			return s
		}
	}
	return ""
}

func requestIDOf(h http.Header) string {
	if id := h.Get(HeaderRequestID); id != "" {
		return id
	}
	return h.Get(headerRequestIDAlias)
}
