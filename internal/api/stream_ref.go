package api

import (
	"context"
	"errors"
	"regexp"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/auth"
)

var arnPattern = regexp.MustCompile(`^arn:[a-z\d-]+:kinesisvideo:[a-z0-9-]+:[0-9]+:[a-z]+/[a-zA-Z0-9_.-]+/[0-9]+$`)

// A streamRef is the two members by which most operations address a stream:
// either suffices, and both must agree.
type streamRef struct {
	StreamName *string `json:"StreamName"`
	StreamARN  *string `json:"StreamARN"`
}

// A target is a stream as a caller addressed it.
type target struct {
	name millrace.StreamName
	arn  millrace.StreamARN // set if the caller gave it
}

func (t target) byARN() bool { return t.arn.Name != "" }

// resource is what permission is asked for when the stream is not there.
func (t target) resource() string {
	if t.byARN() {
		return t.arn.String()
	}
	return t.name.String()
}

// target checks the two members.
func (r streamRef) target(c *checks) target {
	var t target
	if r.StreamName == nil && r.StreamARN == nil {
		c.found = append(c.found, "Either StreamName or StreamARN must be given")
		return t
	}
	if r.StreamARN != nil {
		t.arn = c.streamARN("streamARN", *r.StreamARN)
		t.name = t.arn.Name
	}
	if r.StreamName != nil {
		name := c.streamName("streamName", r.StreamName)
		if t.byARN() && name != t.name {
			c.fail("streamName", name.String(), "Member must be the name in StreamARN")
		}
		t.name = name
	}
	return t
}

// streamARN checks an ARN that must be a stream's. It returns the zero ARN for
// one that is not.
func (c *checks) streamARN(member, value string) millrace.StreamARN {
	before := len(c.found)
	c.text(member, value, 1, 1024, arnPattern)
	if len(c.found) > before {
		return millrace.StreamARN{}
	}
	arn, err := millrace.ParseStreamARN(value)
	if err != nil {
		c.fail(member, value, "Member must be the ARN of a stream")
	}
	return arn
}

// find looks a stream up as it was addressed, after asking for permission.
// One that is not there, or that is an earlier or later one of the name than
// the ARN says, is CodeNotFound.
func (h *Handler) find(ctx context.Context, c *call, t target, action auth.Action) (millrace.Stream, error) {
	c.stream = t.name
	s, err := h.config.Control.Stream(ctx, t.name)
	if err != nil && !errors.Is(err, millrace.ErrNotFound) {
		return millrace.Stream{}, err
	}
	found := err == nil && (!t.byARN() || t.arn.Compare(s.ARN) == 0)
	if err := t.authorize(c.principal, action, s, found); err != nil {
		return millrace.Stream{}, err
	}
	if err := h.admit(c, t.name.String()); err != nil {
		return millrace.Stream{}, err
	}
	if !found {
		return millrace.Stream{}, millrace.Errorf(millrace.CodeNotFound, notFound)
	}
	return s, nil
}

// authorize asks for permission on the stream that was found, or else on what
// the caller named. A refusal speaks of what the caller named, so that it does
// not tell whether there is such a stream (A3).
func (t target) authorize(p auth.Principal, action auth.Action, s millrace.Stream, found bool) error {
	if !found {
		return auth.Authorize(p, action, t.resource())
	}
	err := auth.Authorize(p, action, s.ARN.String())
	if err == nil {
		return nil
	}
	if as := auth.Authorize(p, action, t.resource()); as != nil {
		return as
	}
	return err
}

// findActive is find for the operations to which a stream that is being
// deleted is no longer there.
func (h *Handler) findActive(ctx context.Context, c *call, t target, action auth.Action) (millrace.Stream, error) {
	s, err := h.find(ctx, c, t, action)
	if err == nil && s.Status != millrace.StatusActive {
		return millrace.Stream{}, millrace.Errorf(millrace.CodeNotFound, notFound)
	}
	return s, err
}
