package api

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"runtime/debug"
	"strings"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/limit"
	"github.com/millrace/millrace/internal/wire"
)

// A Handler answers every request of the protocol, and /healthz and /readyz.
// Any number of goroutines may use it. It must see requests as they came: a
// ServeMux in front of it would redirect paths such as "//putMedia".
type Handler struct {
	config    Config
	prefix    string
	routes    map[string]operation
	resources map[string]operation // by the last element of their paths
	files     map[string]operation // of HLS sessions, likewise
	tokens    pageTokens
	deletions deletions
	creating  chan struct{} // holds a token while nobody makes a stream that is counted
	strangers *limit.Requests
	places    chan struct{} // holds a token for each large body that may be read now
}

var _ http.Handler = (*Handler)(nil)

// tokenKeyName is the name under which the control state keeps the key of
// page tokens.
const tokenKeyName = "page-token-key"

// New makes a Handler. It reads the key of page tokens from the control state,
// and makes it at the first start. For deletions to be completed, the caller
// runs Run.
func New(ctx context.Context, c Config) (*Handler, error) {
	fresh := make([]byte, 32)
	_, _ = rand.Read(fresh) // never fails
	key, err := c.Control.Keep(ctx, tokenKeyName, fresh)
	if err != nil {
		return nil, fmt.Errorf("read key of page tokens: %w", err)
	}
	h := &Handler{
		config: c.withDefaults(),
		prefix: strings.TrimRight(c.MountPrefix, "/"),
		routes: map[string]operation{},
		tokens: pageTokens{key: key}, creating: make(chan struct{}, 1), places: make(chan struct{}, mostLarge),
	}
	h.creating <- struct{}{}
	for range mostLarge {
		h.places <- struct{}{}
	}
	h.deletions = newDeletions(h.config)
	h.strangers = newStrangers(h.config)
	for _, op := range h.operations() {
		h.routes[op.path] = op
	}
	h.resources, h.files = h.resourceOperations(), h.hlsOperations()
	return h, nil
}

// Operations returns the names of all operations, in no order.
func (h *Handler) Operations() []string {
	names := make([]string, 0, len(h.routes))
	for _, op := range h.routes {
		names = append(names, op.name)
	}
	for _, op := range h.resources {
		names = append(names, op.name)
	}
	for _, op := range h.files {
		names = append(names, op.name)
	}
	return names
}

// Paths returns the path of every operation by its name, but for those on what
// belongs to a stream: their paths name it.
func (h *Handler) Paths() map[string]string {
	paths := make(map[string]string, len(h.routes))
	for _, op := range h.routes {
		paths[op.name] = op.path
	}
	return paths
}

// Run completes deletions, those that a former process left over first, until
// ctx ends. It returns when the last one under way has stopped.
func (h *Handler) Run(ctx context.Context) error { return h.deletions.run(ctx) }

// ServeHTTP answers one request.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if h.serveHealth(w, r) {
		return
	}
	c := &call{id: wire.NewRequestID(), request: r, began: time.Now(), release: func() {}}
	defer func() { c.release() }()
	answer := &response{ResponseWriter: w, begins: func(status int) { c.answered = time.Since(c.began); h.answered(c, status) }}
	err := h.serve(answer, c)
	if err != nil && !answer.begun() {
		c.refusal = err
		h.refuse(answer, c, err)
	}
	h.logCall(c, answer, err, time.Since(c.began))
}

// serve answers a call unless it returns an error. A panic is an error too,
// except for the one by which a handler gives its connection up.
func (h *Handler) serve(w http.ResponseWriter, c *call) (err error) {
	defer func() {
		p := recover()
		if cause, ok := p.(error); ok && errors.Is(cause, http.ErrAbortHandler) {
			panic(p)
		}
		if p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	if alias, ok := requestedAlias(c.request); ok && h.config.Devices != nil {
		h.begin(c, h.credentialsOperation(alias))
		return h.serveCredentials(w, c)
	}
	if op, name, ok := h.resource(c.request.URL.Path); ok {
		h.begin(c, op)
		return h.serveResource(w, c, name)
	}
	if op, ok := h.hlsOperation(c.request.URL.Path); ok {
		h.begin(c, op)
		return h.serveHLS(w, c)
	}
	op, ok := h.route(c.request.URL.Path)
	if !ok {
		return millrace.Errorf(millrace.CodeUnknownOperation, "Unable to determine service/operation name to be authorized")
	}
	h.begin(c, op)
	switch {
	case c.request.Method == http.MethodOptions:
		wire.WritePreflight(w, c.request, c.id)
		return nil
	case c.request.Method != http.MethodPost:
		return millrace.Errorf(millrace.CodeUnknownOperation,
			"Unable to determine service/operation name to be authorized: operations are called with POST, not %.20s", c.request.Method)
	case op.media != nil:
		return h.serveMedia(w, c)
	}
	return h.serveJSON(w, c)
}

// begin notes which operation a call is of, and tells of it.
func (h *Handler) begin(c *call, op operation) {
	c.operation = op
	c.request = c.request.WithContext(h.config.Events.Began(c.request, op.name, c.id))
}

// serveJSON answers a JSON operation.
func (h *Handler) serveJSON(w http.ResponseWriter, c *call) error {
	if err := h.readBody(w, c); err != nil {
		return err
	}
	if err := h.authenticate(c); err != nil {
		return err
	}
	switch {
	case c.operation.stream != nil:
		c.release()
		return explain(c.operation.stream(w, c))
	case c.operation.run == nil:
		return c.operation.notSupported()
	}
	end := h.config.Events.Step(c.request.Context(), "execute")
	out, err := c.operation.run(c.request.Context(), c)
	end(err)
	if err != nil {
		return explain(err)
	}
	c.result = out
	return wire.WriteJSON(w, c.id, out)
}

// serveMedia hands a media call on. PutMedia's body is not read here: its
// signature does not cover it, and the answer begins before it does.
func (h *Handler) serveMedia(w http.ResponseWriter, c *call) error {
	if c.operation.name != "PutMedia" {
		if err := h.readBody(w, c); err != nil {
			return err
		}
	}
	if err := h.authenticate(c); err != nil {
		return err
	}
	c.release() // it is somebody's who may, and is answered for long
	m := &MediaCall{RequestID: c.id, Principal: c.principal, Body: c.body, Began: c.began, stream: &c.stream}
	if c.body != nil {
		c.body = []byte{} // it was read, and is the handler's alone
	}
	err := c.operation.media(w, c.request, m)
	c.stream = m.Stream
	return explain(err)
}

// authenticate finds out who signed the call.
func (h *Handler) authenticate(c *call) error {
	end := h.config.Events.Step(c.request.Context(), "authenticate")
	p, err := h.config.Auth.Authenticate(c.request.Context(), c.request, c.body, h.config.Now())
	end(err)
	c.principal = p
	return err
}
