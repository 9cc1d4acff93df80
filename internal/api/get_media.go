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
	StreamName    *string
	StreamARN     *string
	StartSelector *startSelectorInput
}

type startSelectorInput struct {
	StartSelectorType   *string
	AfterFragmentNumber *string
	StartTimestamp      *wire.Timestamp
	ContinuationToken   *string
}

// GetMedia is the MediaHandler of GetMedia.
func (m *Media) GetMedia(w http.ResponseWriter, r *http.Request, c *MediaCall) error {
	var in getMediaInput
	if err := wire.DecodeJSON(c.Body, &in); err != nil {
		return err
	}
	name, arn, err := in.stream()
	if err != nil {
		return err
	}
	start, err := in.StartSelector.parse()
	if err != nil {
		return err
	}
	c.Stream = name
	if name == "" {
		c.Stream = arn.Name
	}
	if err := authorizeMedia(c, "GetMedia"); err != nil {
		return err
	}
	s, err := m.find(r.Context(), name, arn)
	if err != nil {
		return err
	}
	return m.serveReader(w, r, c, s, start)
}

// serveReader answers with the fragments of a stream.
func (m *Media) serveReader(w http.ResponseWriter, r *http.Request, c *MediaCall, s millrace.Stream, start millrace.StartSelector) error {
	// The request's context ends with net/http's interest in the connection.
	ctx, a, leave, err := m.enterReader(context.WithoutCancel(r.Context()), s)
	if err != nil {
		return err
	}
	defer leave()
	conn, err := wire.HijackResponse(w, r)
	if err != nil {
		return err
	}
	ctx, stop := conn.WatchClose(ctx)
	defer stop()
	if err := conn.WriteHead(http.StatusOK, mediaHead(c.RequestID, wire.ContentTypeMedia)); err != nil {
		conn.Abort()
		return ended(err)
	}
	if err := m.deliver(ctx, conn, s, a, start); err != nil {
		conn.Abort()
		return ended(err)
	}
	err = conn.Finish()
	stop()
	conn.CloseGracefully(linger)
	return ended(err)
}

func (m *Media) deliver(ctx context.Context, conn *wire.MediaConn, s millrace.Stream, a *activeStream, start millrace.StartSelector) error {
	stream := m.config.Tail.Acquire(s.Key, m.retention(s, a))
	defer stream.Release()
	return m.config.Egress.GetMedia(ctx, conn, egress.Request{
		Stream: stream, Start: start,
		Scope: func() store.Scope { return m.scope(s, a) },
	})
}

// scope is what a reader sees of the store: nothing of a stream that lives in
// memory alone.
func (m *Media) scope(s millrace.Stream, a *activeStream) store.Scope {
	return store.Scope{Stream: s.Key, Since: m.config.Now().Add(-m.retention(s, a))}
}

func (in *getMediaInput) stream() (name millrace.StreamName, arn millrace.StreamARN, err error) {
	switch {
	case in.StreamName == nil && in.StreamARN == nil:
		return "", arn, invalid("Either StreamName or StreamARN must be given.")
	case in.StreamName != nil:
		if name, err = millrace.ParseStreamName(*in.StreamName); err != nil {
			return "", arn, invalid("StreamName: %v.", err)
		}
	}
	if in.StreamARN == nil {
		return name, arn, nil
	}
	if arn, err = millrace.ParseStreamARN(*in.StreamARN); err != nil {
		return "", arn, invalid("StreamARN: %v.", err)
	}
	if name != "" && name != arn.Name {
		return "", arn, invalid("StreamName and StreamARN name two streams.")
	}
	return "", arn, nil
}

func (in *startSelectorInput) parse() (sel millrace.StartSelector, err error) {
	if in == nil || in.StartSelectorType == nil {
		return sel, invalid("StartSelector and its StartSelectorType must be given.")
	}
	if sel.Type, err = millrace.ParseStartType(*in.StartSelectorType); err != nil {
		return sel, invalid("StartSelectorType: %v.", err)
	}
	switch sel.Type {
	case millrace.StartFragmentNumber:
		sel.Number, err = parseNumber("AfterFragmentNumber", in.AfterFragmentNumber)
	case millrace.StartContinuationToken:
		sel.Number, err = parseNumber("ContinuationToken", in.ContinuationToken)
	case millrace.StartServerTime, millrace.StartProducerTime:
		if in.StartTimestamp == nil {
			return sel, invalid("StartTimestamp must be given with %s.", sel.Type)
		}
		sel.Time = in.StartTimestamp.Truncate(time.Millisecond)
	}
	return sel, err
}

func parseNumber(member string, s *string) (n millrace.FragmentNumber, err error) {
	if s == nil {
		return n, invalid("%s must be given with this start selector.", member)
	}
	if n, err = millrace.ParseFragmentNumber(*s); err != nil {
		return n, invalid("%s: %v.", member, err)
	}
	return n, nil
}
