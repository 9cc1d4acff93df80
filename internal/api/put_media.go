package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/ingest"
	"github.com/millrace/millrace/internal/wire"
)

// linger is how long a media connection's input is drained at its end, so that
// the last acknowledgement is not lost.
const linger = time.Second

// PutMedia is the MediaHandler of PutMedia.
func (m *Media) PutMedia(w http.ResponseWriter, r *http.Request, c *MediaCall) (err error) {
	h, err := wire.ParsePutMediaHeaders(r.Header)
	if err != nil {
		return err
	}
	s, err := m.find(r.Context(), c, newTarget(h), "PutMedia")
	if err != nil {
		return err
	}
	events := m.config.Events.Put(s)
	events.CallEvents = events.CallEvents.withDefaults()
	defer func() { events.Ended(err) }()
	a, err := m.enter(s)
	if err != nil {
		return err
	}
	defer m.leave(s, a)
	place, err := m.config.Sessions.Admit(s.Key)
	if err != nil {
		return err
	}
	defer place.Leave()
	held, err := m.hold(r.Context(), s)
	if err != nil {
		return err
	}
	defer m.release(s, held)
	conn, err := wire.HijackMedia(w, r)
	if err != nil {
		return err
	}
	defer conn.CloseGracefully(linger)
	m.setTimeout(conn)
	// The request's context ends with net/http's interest in the connection.
	ctx, done := m.permit(context.WithoutCancel(r.Context()), c, "PutMedia", s, errNotPermitted())
	defer done()
	return m.config.Sessions.Serve(ctx, putMediaConn{conn, c, h.Producer, events.Accepted}, ingest.Params{
		Stream: s, Retention: func() time.Duration { return m.retention(s, a) },
		Relative: h.Timecode == wire.TimecodeRelative, Start: h.Start, Quiet: h.NoAcks,
		Expect: strings.EqualFold(r.Header.Get("Expect"), "100-continue"),
		Place:  place, RequestID: c.RequestID, Producer: h.Producer,
		Events: events.Session,
	})
}

// errNotPermitted ends a session whose key is no longer good. On its code a
// client comes again with what was not persisted, and is refused, or has another
// key by then.
func errNotPermitted() error {
	return millrace.Errorf(millrace.CodeConnectionAge, "the key may not do this any more")
}

// putMediaConn is a connection that knows the head of its answer.
type putMediaConn struct {
	*wire.MediaConn
	call     *MediaCall
	producer millrace.ProducerID // of which each fragment is kept once; else none
	accepted func(time.Duration)
}

// WriteHead writes the head with which PutMedia answers.
func (c putMediaConn) WriteHead() error {
	h := mediaHead(c.call.RequestID, wire.ContentTypeJSON)
	if c.producer != (millrace.ProducerID{}) {
		h.Set(wire.HeaderProducer, c.producer.String())
	}
	err := c.MediaConn.WriteHead(http.StatusOK, h)
	if err == nil {
		c.accepted(time.Since(c.call.Began))
	}
	return err
}

// mediaHead is the head with which a media call is answered.
func mediaHead(requestID, contentType string) http.Header {
	h := http.Header{"Content-Type": {contentType}}
	wire.SetRequestID(h, requestID)
	wire.SetCrossOrigin(h)
	return h
}

// newTarget is the stream that PutMedia's headers name.
func newTarget(h wire.PutMediaHeaders) target {
	if h.ByARN() {
		return target{name: h.ARN.Name, arn: h.ARN}
	}
	return target{name: h.Name}
}

// ended makes of a media call's end what the log should say: nothing, if it is
// the client that went away.
func ended(err error) error {
	if errors.Is(err, wire.ErrPeerClosed) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("media call: %w", err)
	}
	return nil
}
