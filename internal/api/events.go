package api

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/auth"
	"github.com/millrace/millrace/internal/egress"
	"github.com/millrace/millrace/internal/ingest"
	"github.com/millrace/millrace/internal/wire"
)

// Events are called when something happens to a call. Any of them may be nil.
// They are called by the goroutine that serves the call and must not wait for
// anybody.
type Events struct {
	// Began is called when the operation of a call is known and nothing else.
	// The call goes on with the context that it returns, which descends from
	// the request's.
	Began func(r *http.Request, operation, requestID string) context.Context

	// Step is called when a part of a call begins: "authenticate", "execute".
	// What it returns is called at the part's end, with why it failed or nil.
	Step func(ctx context.Context, name string) func(error)

	// Answered is called once for each call whose operation is known, when its
	// answer begins: of a media call, when the media are about to begin.
	Answered func(Answered)
}

// An Answered is a call as it stands when its answer begins. What it refers to
// must not be changed and not be kept.
type Answered struct {
	RequestID string
	Operation string
	Media     bool                // it takes or gives media, as opposed to JSON
	Changes   bool                // it changes the control state
	Stream    millrace.StreamName // that the call is about; may be empty
	Subject   string              // the key or the device that the call is about; may be empty
	Principal auth.Principal      // zero if the caller could not be authenticated
	Request   *http.Request       // its context is that of Began
	Body      []byte              // JSON; nil if it was not read, empty of a media call
	Result    any                 // what the answer is made of; nil after an error
	Code      string              // name of the error; empty if there is none
	Message   string              // that the client is told; may be empty
	Status    int
	Took      time.Duration // since the call arrived
}

// MediaEvents are called when something happens to a media call. Any of them may
// be nil.
type MediaEvents struct {
	Put func(millrace.Stream) PutEvents // a producer calls, who may
	Get func(millrace.Stream) GetEvents // a reader calls, who may

	// Dropped tells of a stream that has been deleted. It may be called several
	// times, and while calls on the stream are ending.
	Dropped func(millrace.Stream)
}

// A CallEvents is told of one media call. Its fields may be nil.
type CallEvents struct {
	Accepted func(took time.Duration) // its answer is 200; since the call arrived
	Ended    func(err error)          // the last that is told; nil if it ended as it should
}

// PutEvents are told of one PutMedia call.
type PutEvents struct {
	CallEvents
	Session ingest.Events
}

// GetEvents are told of one GetMedia call.
type GetEvents struct {
	CallEvents
	Response egress.Events
}

func (v Events) withDefaults() Events {
	if v.Began == nil {
		v.Began = func(r *http.Request, _, _ string) context.Context { return r.Context() }
	}
	if v.Step == nil {
		v.Step = func(context.Context, string) func(error) { return func(error) {} }
	}
	if v.Answered == nil {
		v.Answered = func(Answered) {}
	}
	return v
}

func (v MediaEvents) withDefaults() MediaEvents {
	if v.Put == nil {
		v.Put = func(millrace.Stream) PutEvents { return PutEvents{} }
	}
	if v.Get == nil {
		v.Get = func(millrace.Stream) GetEvents { return GetEvents{} }
	}
	if v.Dropped == nil {
		v.Dropped = func(millrace.Stream) {}
	}
	return v
}

func (v CallEvents) withDefaults() CallEvents {
	if v.Accepted == nil {
		v.Accepted = func(time.Duration) {}
	}
	if v.Ended == nil {
		v.Ended = func(error) {}
	}
	return v
}

// answered tells of a call whose answer begins.
func (h *Handler) answered(c *call, status int) {
	if c.operation.name == "" || c.request.Method == http.MethodOptions {
		return
	}
	a := Answered{
		RequestID: c.id, Operation: c.operation.name, Media: c.operation.kind == streams || c.operation.hls != nil, Changes: c.operation.kind == changes,
		Stream: c.stream, Subject: c.subject, Principal: c.principal, Request: c.request, Body: c.body, Result: c.result,
		Status: status, Took: time.Since(c.began),
	}
	if err := c.refusal; err != nil {
		a.Code, a.Status = wire.Exception(millrace.CodeOf(err))
		if e, ok := errors.AsType[*millrace.Error](err); ok {
			a.Message = e.Message
		}
	}
	h.config.Events.Answered(a)
}
