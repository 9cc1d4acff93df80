package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/egress"
	"github.com/millrace/millrace/internal/limit"
	"github.com/millrace/millrace/internal/store"
	"github.com/millrace/millrace/internal/wire"
)

// maxFragmentsInList is the most fragments that a call may ask for.
const maxFragmentsInList = 1000

// opFragmentList is the operation's name.
const opFragmentList = "GetMediaForFragmentList"

// fragmentListInput is GetMediaForFragmentList's body.
type fragmentListInput struct {
	streamRef
	Fragments []string `json:"Fragments"`
}

// GetMediaForFragmentList is the MediaHandler of GetMediaForFragmentList.
func (m *Media) GetMediaForFragmentList(w http.ResponseWriter, r *http.Request, c *MediaCall) error {
	var in fragmentListInput
	if err := wire.DecodeJSON(c.Body, &in); err != nil {
		return err
	}
	c.Body = nil
	var v checks
	t, numbers := in.target(&v), in.numbers(&v)
	if err := v.err(); err != nil {
		return err
	}
	s, err := m.find(r.Context(), c, t, opFragmentList)
	if err != nil {
		return err
	}
	took, err := m.serveList(w, r, c, s, numbers)
	m.config.Archive.Events.Served(Served{Operation: opFragmentList, Stream: s, Took: took, Err: err})
	return err
}

// numbers checks the list. What can be no number of a fragment is told in the
// service's own words.
func (in fragmentListInput) numbers(v *checks) []millrace.FragmentNumber {
	switch n := len(in.Fragments); {
	case in.Fragments == nil:
		v.missing("fragments")
		return nil
	case n == 0:
		v.fail("fragments", "[]", "Member must have length greater than or equal to 1")
		return nil
	case n > maxFragmentsInList:
		v.fail("fragments", "["+strings.Join(in.Fragments, ", ")+"]", "Member must have length less than or equal to %d", maxFragmentsInList)
		return nil
	}
	numbers := make([]millrace.FragmentNumber, 0, len(in.Fragments))
	var bad []string
	for _, text := range in.Fragments {
		n, err := millrace.ParseFragmentNumber(text)
		if err != nil || n == millrace.MaxFragmentNumber() { // none has so many digits
			bad = append(bad, text)
		}
		numbers = append(numbers, n)
	}
	if len(bad) > 0 {
		v.found = append(v.found, fmt.Sprintf("Fragment numbers are invalid : %.*s", maxShown, strings.Join(bad, ", ")))
	}
	return numbers
}

// serveList answers with the fragments. It returns how long it took until the
// answer began, or was refused.
func (m *Media) serveList(w http.ResponseWriter, r *http.Request, c *MediaCall, s millrace.Stream, numbers []millrace.FragmentNumber) (time.Duration, error) {
	// The request's context ends with net/http's interest in the connection.
	ctx, a, reader, err := m.enterList(context.WithoutCancel(r.Context()), s)
	if err != nil {
		return time.Since(c.Began), err
	}
	defer m.leaveReader(s, a, reader)
	if err := m.config.Archive.spend(opFragmentList, s, limit.GetMediaForFragmentList(len(numbers))); err != nil {
		return time.Since(c.Began), err
	}
	ctx, done := m.permit(ctx, c, opFragmentList, s, egress.ErrStop)
	defer done()
	conn, err := wire.HijackResponse(w, r)
	if err != nil {
		return time.Since(c.Began), err
	}
	m.attach(reader, conn)
	m.setTimeout(conn)
	ctx, stop := conn.WatchClose(ctx)
	defer stop()
	err = conn.WriteHead(http.StatusOK, mediaHead(c.RequestID, wire.ContentTypeMedia))
	took := time.Since(c.Began)
	if err == nil {
		err = m.config.Egress.List(ctx, egress.ListRequest{
			Numbers: numbers, Scope: func() store.Scope { return m.scope(s, a) }, Events: m.listEvents(s),
		}, conn)
	}
	if err != nil && !errors.Is(err, egress.ErrTold) {
		conn.Abort()
		return took, ended(err)
	}
	finished := conn.Finish()
	stop()
	conn.CloseGracefully(linger)
	return took, errors.Join(err, ended(finished))
}

// listEvents tell of what went out.
func (m *Media) listEvents(s millrace.Stream) egress.Events {
	sent := m.config.Archive.Events.Sent
	return egress.Events{
		Delivered: func(d egress.Delivered) { sent(opFragmentList, s, Sent{Fragments: 1, Frames: d.Frames}) },
		Written:   func(bytes int64) { sent(opFragmentList, s, Sent{Bytes: bytes}) },
	}
}
