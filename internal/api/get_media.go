package api

import (
	"context"
	"net/http"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/egress"
	"github.com/millrace/millrace/internal/store"
	"github.com/millrace/millrace/internal/wire"
)

// getMediaInput is GetMedia's body.
type getMediaInput struct {
	streamRef
	StartSelector *startSelectorInput `json:"StartSelector"`
}

type startSelectorInput struct {
	Type   *string         `json:"StartSelectorType"`
	After  *string         `json:"AfterFragmentNumber"`
	Time   *wire.Timestamp `json:"StartTimestamp"`
	Resume *string         `json:"ContinuationToken"`
}

// GetMedia is the MediaHandler of GetMedia.
func (m *Media) GetMedia(w http.ResponseWriter, r *http.Request, c *MediaCall) error {
	var in getMediaInput
	if err := wire.DecodeJSON(c.Body, &in); err != nil {
		return err
	}
	c.Body = nil // the call may last for days
	var v checks
	t, start := in.target(&v), in.StartSelector.parse(&v)
	if err := v.err(); err != nil {
		return err
	}
	s, err := m.find(r.Context(), c, t, "GetMedia")
	if err != nil {
		return err
	}
	events := m.config.Events.Get(s)
	events.CallEvents = events.CallEvents.withDefaults()
	err = m.serveReader(w, r, c, s, start, events)
	events.Ended(err)
	return err
}

// serveReader answers with the fragments of a stream.
func (m *Media) serveReader(w http.ResponseWriter, r *http.Request, c *MediaCall, s millrace.Stream, start millrace.StartSelector, events GetEvents) error {
	// The request's context ends with net/http's interest in the connection.
	ctx, a, reader, err := m.enterReader(context.WithoutCancel(r.Context()), s)
	if err != nil {
		return err
	}
	defer m.leaveReader(s, a, reader)
	ctx, done := m.permit(ctx, c, "GetMedia", s, egress.ErrStop)
	defer done()
	held, err := m.hold(r.Context(), s)
	if err != nil {
		return err
	}
	defer m.release(s, held)
	delivery, err := m.config.Egress.Open(r.Context(), egress.Request{
		Stream: held, Start: start, Scope: func() store.Scope { return m.scope(s, a) }, Events: events.Response,
	})
	if err != nil {
		return err
	}
	conn, err := wire.HijackResponse(w, r)
	if err != nil {
		return err
	}
	m.attach(reader, conn)
	m.setTimeout(conn)
	ctx, stop := conn.WatchClose(ctx)
	defer stop()
	if err := conn.WriteHead(http.StatusOK, mediaHead(c.RequestID, wire.ContentTypeMedia)); err != nil {
		conn.Abort()
		return ended(err)
	}
	events.Accepted(time.Since(c.Began))
	if err := delivery.Run(ctx, conn); err != nil {
		conn.Abort()
		return ended(err)
	}
	err = conn.Finish()
	stop()
	conn.CloseGracefully(linger)
	return ended(err)
}

// scope is what a reader sees of the store: nothing of a stream that lives in
// memory alone.
func (m *Media) scope(s millrace.Stream, a *activeStream) store.Scope {
	return store.Scope{Stream: s.Key, Since: m.config.Since(m.retention(s, a))}
}

// parse checks the selector: its type, and the member that its type needs.
func (in *startSelectorInput) parse(c *checks) (sel millrace.StartSelector) {
	if in == nil {
		c.missing("startSelector")
		return sel
	}
	if in.Type == nil {
		c.missing("startSelector.startSelectorType")
		return sel
	}
	var err error
	if sel.Type, err = millrace.ParseStartType(*in.Type); err != nil {
		c.fail("startSelector.startSelectorType", *in.Type, "%v", err)
		return sel
	}
	switch sel.Type {
	case millrace.StartFragmentNumber:
		sel.Number = c.fragmentNumber("startSelector.afterFragmentNumber", in.After)
	case millrace.StartContinuationToken:
		sel.Number = c.fragmentNumber("startSelector.continuationToken", in.Resume)
	case millrace.StartServerTime, millrace.StartProducerTime:
		if in.Time == nil {
			c.missing("startSelector.startTimestamp")
			return sel
		}
		sel.Time = in.Time.Truncate(time.Millisecond)
	}
	return sel
}

// fragmentNumber checks a required fragment number.
func (c *checks) fragmentNumber(member string, value *string) millrace.FragmentNumber {
	if value == nil {
		c.missing(member)
		return millrace.FragmentNumber{}
	}
	n, err := millrace.ParseFragmentNumber(*value)
	if err != nil {
		c.fail(member, *value, "Member must be a fragment number: 1 to %d digits", millrace.MaxFragmentNumberDigits)
	}
	return n
}
