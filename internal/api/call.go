package api

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/auth"
	"github.com/millrace/millrace/internal/limit"
	"github.com/millrace/millrace/internal/store"
	"github.com/millrace/millrace/internal/wire"
)

// A call is one request on its way through the steps.
type call struct {
	id        string // request id
	request   *http.Request
	operation operation
	body      []byte         // of a JSON operation
	release   func()         // gives back what the body takes; may be called again
	principal auth.Principal // none until the signature was checked
	began     time.Time
	answered  time.Duration       // from its arrival until its answer began; 0 before
	result    any                 // of a JSON operation that went well
	refusal   error               // that is about to be answered
	admitted  bool                // it has been counted
	stream    millrace.StreamName // that the call is about, for the log; may be empty
	subject   string              // the key or device that it is about, likewise
	archived  *millrace.Stream    // whose archived media it is about, once it is found
}

// decode reads the body into the struct that in points to.
func (c *call) decode(in any) error { return wire.DecodeJSON(c.body, in) }

// notFound is the text that the service answers with, also for what is there
// and not active.
const notFound = "The requested stream is not found or not active."

// explain turns an error of the layers below into the exception that a client
// is told. What already is one passes.
func explain(err error) error {
	if err == nil {
		return nil
	}
	if _, ok := errors.AsType[*millrace.Error](err); ok {
		return err
	}
	exception := func(code millrace.Code, text string) error {
		return &millrace.Error{Code: code, Message: text, Err: err}
	}
	switch {
	case errors.Is(err, millrace.ErrNotFound):
		return exception(millrace.CodeNotFound, notFound)
	case errors.Is(err, millrace.ErrExists), errors.Is(err, millrace.ErrConflict):
		return exception(millrace.CodeInUse, "The stream is being changed by somebody else.")
	case errors.Is(err, store.ErrUnavailable), errors.Is(err, millrace.ErrClosed):
		return exception(millrace.CodeUnavailable, "The service is unavailable at present. Try again.")
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return exception(millrace.CodeUnavailable, "The request was given up before it was completed.")
	}
	return err
}

// strangersLogged is how many calls by nobody known stand in the log in one second:
// whoever reaches the server could fill its disk with them. The metrics count all.
const strangersLogged = 50

// newStrangers is the rate of calls by nobody known.
func newStrangers(c Config) *limit.Requests {
	return limit.NewRequests(map[string]limit.Rate{"": {Account: strangersLogged}}, c.Now)
}

// levelOf is the level at which a call is logged of somebody, who may be unknown.
func (h *Handler) levelOf(p auth.Principal) slog.Level {
	if p.KeyID == "" && h.strangers.Admit("", "strangers", "") != nil {
		return slog.LevelDebug
	}
	return slog.LevelInfo
}

// logCall writes the one record of a call: at error level what the server did
// wrong, at debug level reads that went well and strangers who are too many, the
// rest at info level.
func (h *Handler) logCall(c *call, answer *response, err error, took time.Duration) {
	var level slog.Level
	switch {
	case answer.status >= http.StatusInternalServerError && c.operation.offered():
		level = slog.LevelError
	case err == nil && c.operation.kind == reads:
		level = slog.LevelDebug
	default:
		level = h.levelOf(c.principal)
	}
	attrs := []slog.Attr{
		slog.String("operation", c.operation.name),
		slog.Int("status", answer.status),
		slog.Duration("duration", took),
		slog.String("request", c.id),
	}
	if c.stream != "" {
		attrs = append(attrs, slog.String("stream", c.stream.String()))
	}
	if key := c.principal.KeyID; key != "" {
		attrs = append(attrs, slog.String("key", key))
	}
	if err != nil {
		attrs = append(attrs, slog.String("code", codeName(err)), slog.Any("err", err))
	}
	h.config.Logger.LogAttrs(c.request.Context(), level, "request", attrs...)
}

// offered is false for an operation that is refused whatever is asked.
func (op operation) offered() bool {
	return op.run != nil || op.media != nil || op.resource != nil || op.stream != nil || op.hls != nil
}

// notSupported is what an operation answers that is not offered.
func (op operation) notSupported() error {
	if op.signaling {
		return millrace.Errorf(millrace.CodeUnsupported,
			"Signaling channels are not supported by this server: there is no operation %s.", op.name)
	}
	return millrace.Errorf(millrace.CodeUnsupported, "The operation %s is not supported by this server.", op.name)
}

// codeName is the name by which the client was told of err: an exception's, or
// that of the acknowledgement that ended a PutMedia session.
func codeName(err error) string {
	code := millrace.CodeOf(err)
	if code >= millrace.CodeStreamRead {
		_, name := wire.AckError(code)
		return name
	}
	name, _ := wire.Exception(code)
	return name
}
