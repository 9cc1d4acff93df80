package api

import (
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/auth"
	"github.com/millrace/millrace/internal/store"
	"github.com/millrace/millrace/internal/wire"
)

// streamsPath begins the paths of what belongs to one stream, such as
// streamsPath + "door/media.mp4". They are Millrace's own.
const streamsPath = ownPrefix + "/streams/"

// queryToken is the parameter that carries a sealed token instead of a signature.
const queryToken = "SessionToken"

// A ResourceHandler answers GET or HEAD of something that belongs to a stream,
// for a caller who may. An error that it returns before it has written anything
// becomes the answer; one that it returns later goes to the log alone.
type ResourceHandler func(w http.ResponseWriter, c *ResourceCall) error

// A ResourceCall is what is known of a call when it is handed to a
// ResourceHandler.
type ResourceCall struct {
	RequestID string
	Request   *http.Request // GET or HEAD; its context ends with the client's interest
	Query     url.Values    // each parameter once; with those of a signature
	Stream    millrace.Stream
	Scope     store.Scope // what there is of the stream at Now
	Principal auth.Principal
	Now       time.Time // the server's wall clock

	call  *call
	token *fileToken // that the caller had instead of a signature
}

// Head reports whether the answer's body is not wanted.
func (c *ResourceCall) Head() bool { return c.Request.Method == http.MethodHead }

// resourceOperations are those on what belongs to one stream, by the last
// element of its path.
func (h *Handler) resourceOperations() map[string]operation {
	all := map[string]operation{}
	add := func(file, name string, kind kind, serve ResourceHandler) {
		if serve != nil {
			all[file] = operation{name: name, path: file, kind: kind, resource: serve}
		}
	}
	if h.config.Files != nil && h.config.Archive != nil {
		add(fileMP4, opMediaFile, streams, h.counted(h.mediaFile))
		add(fileMKV, opMediaFile, streams, h.counted(h.mediaFile))
	}
	if h.config.Availability != nil {
		add(fileAvailability, opAvailability, reads, h.counted(h.config.Availability))
	}
	return all
}

// resource finds the operation of a path below streamsPath, and the stream that
// the path names. A name that none can have is no path.
func (h *Handler) resource(path string) (op operation, name millrace.StreamName, ok bool) {
	rest, ok := strings.CutPrefix(h.withoutPrefix(path), streamsPath)
	if !ok {
		return operation{}, "", false
	}
	stream, file, ok := strings.Cut(rest, "/")
	if !ok || len(stream) > 256 || !namePattern.MatchString(stream) {
		return operation{}, "", false
	}
	op, ok = h.resources[file]
	return op, millrace.StreamName(stream), ok
}

// serveResource answers a call on what belongs to a stream.
func (h *Handler) serveResource(w http.ResponseWriter, c *call, name millrace.StreamName) error {
	if read, err := beginRead(w, c); !read {
		return err
	}
	query, err := parseResourceQuery(c.request.URL.RawQuery)
	if err != nil {
		return err
	}
	token, err := h.authenticateResource(c, query.Get(queryToken), name)
	if err != nil {
		return explain(err)
	}
	ctx := c.request.Context()
	var s millrace.Stream
	if token != nil {
		s, err = h.findByToken(ctx, c, token, name)
	} else {
		s, err = h.findArchived(ctx, c, target{name: name}, auth.Action(c.operation.name))
	}
	if err != nil {
		return explain(err)
	}
	return explain(c.operation.resource(w, &ResourceCall{
		call: c, RequestID: c.id, Request: c.request, Query: query, Stream: s, Principal: c.principal, Now: h.config.Now(), token: token,
		Scope: store.Scope{Stream: s.Key, Since: h.config.Since(s.Retention)},
	}))
}

// beginRead begins the answer of what is read with GET and HEAD, by pages of any
// origin. It reports false where that is all there is to answer: to the question
// whether a page may, and to any other method, which is an error.
func beginRead(w http.ResponseWriter, c *call) (read bool, err error) {
	switch c.request.Method {
	case http.MethodOptions:
		wire.WritePreflight(w, c.request, c.id)
		return false, nil
	case http.MethodGet, http.MethodHead:
		wire.SetRequestID(w.Header(), c.id)
		wire.SetCrossOrigin(w.Header())
		return true, nil
	}
	return false, millrace.Errorf(millrace.CodeUnknownOperation,
		"Unable to determine service/operation name to be authorized: %s is read with GET, not %.20s", c.operation.path, c.request.Method)
}

// maxResourceQuery bounds a query, in bytes: a token is the longest part of it.
const maxResourceQuery = 16 << 10

// parseResourceQuery reads a query. A parameter that occurs twice is an error,
// so that nobody can disagree on its value.
func parseResourceQuery(raw string) (url.Values, error) {
	if len(raw) > maxResourceQuery {
		return nil, millrace.Errorf(millrace.CodeInvalidArgument, "The query has more than %d bytes.", maxResourceQuery)
	}
	query, err := url.ParseQuery(raw)
	if err != nil {
		return nil, &millrace.Error{Code: millrace.CodeInvalidArgument, Message: "The query string is malformed.", Err: err}
	}
	for name, values := range query {
		if len(values) > 1 {
			return nil, millrace.Errorf(millrace.CodeInvalidArgument, "The query has the parameter %.60q %d times.", name, len(values))
		}
	}
	return query, nil
}

// authenticateResource finds out who made the token, or else who signed. An
// address that was signed for GET is good for HEAD too: players ask for the
// length that way, and it tells less.
func (h *Handler) authenticateResource(c *call, token string, name millrace.StreamName) (opened *fileToken, err error) {
	end := h.config.Events.Step(c.request.Context(), "authenticate")
	defer func() { end(err) }()
	if token != "" {
		return h.openFileToken(c.request.Context(), c, token, name)
	}
	ctx, now := c.request.Context(), h.config.Now()
	p, err := h.config.Auth.Authenticate(ctx, c.request, nil, now)
	switch millrace.CodeOf(err) {
	case millrace.CodeInvalidSignature:
		if c.request.Method != http.MethodHead {
			break
		}
		get := c.request.Clone(ctx)
		get.Method = http.MethodGet
		if as, no := h.config.Auth.Authenticate(ctx, get, nil, now); no == nil {
			p, err = as, nil
		}
	}
	c.principal = p
	return nil, err
}

// queryTime checks a required time of a query: RFC 3339 or epoch seconds.
func (c *checks) queryTime(query url.Values, name string) time.Time {
	value := query.Get(name)
	if value == "" {
		c.missing(name)
		return time.Time{}
	}
	at, err := wire.ParseTimestamp(value)
	if err != nil { // the sign of a zone that nobody escaped
		at, err = wire.ParseTimestamp(strings.ReplaceAll(value, " ", "+"))
	}
	if err != nil {
		c.fail(name, value, "Member must be a time, RFC 3339 or epoch seconds (not milliseconds)")
		return time.Time{}
	}
	return at
}
