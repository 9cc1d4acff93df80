package api

import (
	"context"
	"net/http"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/auth"
	"github.com/millrace/millrace/internal/limit"
	"github.com/millrace/millrace/internal/store"
)

// An Archive is where the operations on archived media find fragments, and what
// they are held to. Any number of goroutines may use it; its fields must not be
// changed any more.
type Archive struct {
	Index  store.Index
	Points *limit.Points // what each stream affords; nil: everything

	// StrictRanges refuses a range of time that reaches out of a stream's
	// retention.
	StrictRanges bool

	// Since is the server time before which fragments are expired that are kept
	// for so long.
	Since func(retention time.Duration) time.Time

	Events ArchiveEvents
}

// ArchiveEvents are called when archived media are asked for. Any of them may be
// nil. They are called by the goroutine that serves the request and must not
// wait for anybody.
type ArchiveEvents struct {
	// Consumed tells of points that a request costs and that the stream affords,
	// also where nothing bounds them.
	Consumed func(millrace.Stream, limit.Cost)

	// Served is called once for each request on a stream that is there, by
	// somebody who may.
	Served func(Served)

	// Sent tells of media that went out. It may be called several times for one
	// request, while it is under way.
	Sent func(operation string, s millrace.Stream, m Sent)
}

// A Served is a request for archived media that is over, or whose answer begins.
type Served struct {
	Operation string // of the service's: "ListFragments", "GetHLSMediaPlaylist", "GetMP4MediaFragment"
	Stream    millrace.Stream
	Took      time.Duration // from the request's arrival until its answer began
	Err       error         // why it was refused, or did not end as it should; nil otherwise
	Cached    bool          // of a segment: it was there already, and not packaged for this request
}

// A Sent is how much went out since the last was told.
type Sent struct {
	Bytes     int64
	Fragments int
	Frames    int
}

// scope is what is found of a stream: nothing of one that lives in memory alone.
func (a *Archive) scope(s millrace.Stream) store.Scope {
	return store.Scope{Stream: s.Key, Since: a.Since(s.Retention)}
}

// spend takes what a request costs from a stream's points, or refuses it.
func (a *Archive) spend(operation string, s millrace.Stream, c limit.Cost) error {
	if err := a.Points.Spend(operation, s.Name.String(), c); err != nil {
		return err
	}
	a.Events.Consumed(s, c)
	return nil
}

func (a Archive) withDefaults() *Archive {
	if a.Since == nil {
		a.Since = func(retention time.Duration) time.Time { return time.Now().Add(-retention) }
	}
	if a.Events.Consumed == nil {
		a.Events.Consumed = func(millrace.Stream, limit.Cost) {}
	}
	if a.Events.Served == nil {
		a.Events.Served = func(Served) {}
	}
	if a.Events.Sent == nil {
		a.Events.Sent = func(string, millrace.Stream, Sent) {}
	}
	return &a
}

// findToRead is findActive for the operations on archived media: who may not is
// told so as the data plane does.
func (h *Handler) findToRead(ctx context.Context, c *call, t target, action auth.Action) (millrace.Stream, error) {
	s, err := h.findActive(ctx, c, t, action)
	switch {
	case err == nil:
		c.archived = &s
	case millrace.CodeOf(err) == millrace.CodeAccessDenied:
		return s, &millrace.Error{Code: millrace.CodeNotAuthorized, Message: err.Error(), Err: err}
	}
	return s, err
}

// findArchived is findToRead for operations on archived media to which a stream
// that keeps nothing has nothing.
func (h *Handler) findArchived(ctx context.Context, c *call, t target, action auth.Action) (millrace.Stream, error) {
	s, err := h.findToRead(ctx, c, t, action)
	if err == nil && s.Retention == 0 {
		return s, errNoRetention(s)
	}
	return s, err
}

func errNoRetention(s millrace.Stream) error {
	return millrace.Errorf(millrace.CodeNoRetention, "The stream %s keeps no media: its retention is 0 hours.", s.Name)
}

// archived tells of the calls of a JSON operation on archived media, when they are
// about to be answered.
func (h *Handler) archived(run func(context.Context, *call) (any, error)) func(context.Context, *call) (any, error) {
	if h.config.Archive == nil {
		return nil
	}
	return func(ctx context.Context, c *call) (any, error) {
		out, err := run(ctx, c)
		h.served(c, err)
		return out, err
	}
}

// archivedMedia is archived for the operations that answer with media.
func (h *Handler) archivedMedia(serve func(http.ResponseWriter, *call) error) func(http.ResponseWriter, *call) error {
	if h.config.Archive == nil || h.config.Files == nil {
		return nil
	}
	return func(w http.ResponseWriter, c *call) error {
		err := serve(w, c)
		h.served(c, err)
		return err
	}
}

// filed is for an operation on files, where there are files and tokens.
func (h *Handler) filed(run func(context.Context, *call) (any, error)) func(context.Context, *call) (any, error) {
	if h.config.Archive == nil || h.config.Files == nil || h.config.Playback == nil {
		return nil
	}
	return run
}

// served tells of a call on archived media that is over.
func (h *Handler) served(c *call, err error) {
	if c.archived != nil {
		h.config.Archive.Events.Served(Served{Operation: c.operation.name, Stream: *c.archived, Took: c.took(), Err: err})
	}
}

// took is how long it took until the answer began, or until now.
func (c *call) took() time.Duration {
	if c.answered > 0 {
		return c.answered
	}
	return time.Since(c.began)
}

// counted has calls of a resource counted as those for archived media.
func (h *Handler) counted(serve ResourceHandler) ResourceHandler {
	if h.config.Archive == nil {
		return serve
	}
	return func(w http.ResponseWriter, c *ResourceCall) error {
		c.call.archived = &c.Stream
		err := serve(w, c)
		h.served(c.call, err)
		return err
	}
}
