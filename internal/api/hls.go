package api

import (
	"context"
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/auth"
	"github.com/millrace/millrace/internal/hls"
	"github.com/millrace/millrace/internal/limit"
	"github.com/millrace/millrace/internal/playback"
)

// Playback is what players are served by. Its fields must not be changed any more.
type Playback struct {
	HLS    *playback.HLS
	Tokens *playback.Tokens

	// Bearer returns the principal by whom an address was given out as it is now,
	// or millrace.ErrNotFound if its key is no longer good. Nil: nobody's is.
	Bearer func(ctx context.Context, of auth.Parent) (auth.Principal, error)

	// WriteTimeout is how long a player may take for each part of what is
	// written; wire.DefaultWriteTimeout if zero.
	WriteTimeout time.Duration
}

// hlsPath begins the paths of what players ask for within a session.
const hlsPath = "/hls/v1/"

// An hlsCall is a request within a session.
type hlsCall struct {
	*call
	query  url.Values
	token  playback.Token
	stream millrace.Stream
	visit  playback.Visit
}

// hlsOperations are what players ask for within a session, by the names of files.
func (h *Handler) hlsOperations() map[string]operation {
	if h.config.Playback == nil || h.config.Archive == nil {
		return nil
	}
	return map[string]operation{
		hls.MasterName:  {name: "GetHLSMasterPlaylist", path: hlsPath + hls.MasterName, hls: h.getHLSMasterPlaylist},
		hls.MediaName:   {name: "GetHLSMediaPlaylist", path: hlsPath + hls.MediaName, hls: h.getHLSMediaPlaylist},
		hls.InitName:    {name: "GetMP4InitFragment", path: hlsPath + hls.InitName, hls: h.getMP4InitFragment},
		hls.SegmentName: {name: "GetMP4MediaFragment", path: hlsPath + hls.SegmentName, kind: streams, hls: h.getMP4MediaFragment},
		hls.TSName:      {name: "GetTSFragment", path: hlsPath + hls.TSName, kind: streams, hls: h.getTSFragment},
	}
}

// played is archived for the operations that make sessions.
func (h *Handler) played(run func(context.Context, *call) (any, error)) func(context.Context, *call) (any, error) {
	if h.config.Playback == nil {
		return nil
	}
	return h.archived(run)
}

// hlsOperation finds the operation of a path.
func (h *Handler) hlsOperation(path string) (operation, bool) {
	file, ok := strings.CutPrefix(h.withoutPrefix(path), hlsPath)
	if !ok {
		return operation{}, false
	}
	op, ok := h.files[file]
	return op, ok
}

// serveHLS answers a request within a session. Every answer may be read by pages
// of other origins.
func (h *Handler) serveHLS(w http.ResponseWriter, c *call) error {
	if read, err := beginRead(w, c); !read {
		return err
	}
	p := &hlsCall{call: c, query: looseQuery(c.request.URL.RawQuery)}
	if err := h.openSession(c.request.Context(), p); err != nil {
		return explain(err)
	}
	err := h.admitHLS(p)
	if err == nil {
		err = explain(c.operation.hls(w, p))
	}
	if err != nil {
		h.servedHLS(p, false, err)
	}
	if millrace.CodeOf(err) == millrace.CodeThrottled {
		w.Header()["Retry-After"] = []string{"1"}
	}
	return err
}

// looseQuery reads what can be read of a query: players and proxies add to it
// what they like.
func looseQuery(raw string) url.Values {
	if len(raw) > maxResourceQuery {
		return nil
	}
	query, _ := url.ParseQuery(raw) // the parts that are well-formed
	return query
}

// openSession finds out which session a request belongs to, and whether that is
// still good: its token's time, its stream, and the right by which it was made.
func (h *Handler) openSession(ctx context.Context, p *hlsCall) (err error) {
	end := h.config.Events.Step(ctx, "authenticate")
	defer func() { end(err) }()
	text := p.query.Get(queryToken)
	if p.token, err = h.config.Playback.Tokens.Open(playback.KindHLS, text, h.config.Now()); err != nil {
		return errSessionOver(err)
	}
	order, err := playback.OpenOrder(p.token.Body)
	if err != nil {
		return errSessionOver(err)
	}
	p.call.stream = p.token.Name
	if p.principal, err = h.bearer(ctx, p.token.Holder); err != nil {
		return err
	}
	s, err := h.config.Control.Stream(ctx, p.token.Name)
	if err == nil && (s.Key != p.token.Stream || s.Status != millrace.StatusActive) {
		err = millrace.ErrNotFound
	}
	if err != nil {
		return err
	}
	if err := auth.Authorize(p.principal, opHLSSession, s.ARN.String()); err != nil {
		return errSessionOver(err)
	}
	p.stream = s
	p.visit = playback.Visit{
		ID: p.token.ID, Text: text, Created: p.token.Created, Order: order, Scope: h.config.Archive.scope(s), Now: h.config.Archive.Since(0),
	}
	return nil
}

// admitHLS counts a request against the rate of its session and the points of its
// stream. Players try again after a while.
func (h *Handler) admitHLS(p *hlsCall) error {
	cost := limit.Cost{}
	switch p.operation.name {
	case "GetHLSMediaPlaylist":
		cost = limit.Playlist(p.visit.Order.Limit)
	case "GetMP4MediaFragment", "GetTSFragment":
		cost = limit.PlaybackFragment()
	}
	err := h.config.Requests.Admit(p.operation.name, h.config.Account, base64.RawURLEncoding.EncodeToString(p.token.ID[:]))
	if err == nil && cost != (limit.Cost{}) {
		err = h.config.Archive.spend(p.operation.name, p.stream, cost)
	}
	if e, ok := errors.AsType[*millrace.Error](err); ok && e.Code == millrace.CodeRateLimit {
		return &millrace.Error{Code: millrace.CodeThrottled, Message: e.Message, Err: e.Err}
	}
	return err
}

// servedHLS tells of a request that is about to be answered.
func (h *Handler) servedHLS(p *hlsCall, cached bool, err error) {
	h.config.Archive.Events.Served(Served{
		Operation: p.operation.name, Stream: p.stream, Took: time.Since(p.began), Err: err, Cached: cached,
	})
}

// number reads a whole number of a query, which is fallback where it is missing.
func (p *hlsCall) number(name string, fallback int) (int, error) {
	text := p.query.Get(name)
	if text == "" {
		return fallback, nil
	}
	n, err := strconv.ParseUint(text, 10, 31)
	if err != nil {
		return 0, millrace.Errorf(millrace.CodeInvalidArgument, "%s must be a number, and is %.60q.", name, text)
	}
	return int(n), nil
}

// track is the track that is asked for, from 0.
func (p *hlsCall) track() (int, error) {
	n, err := p.number("TrackNumber", 1)
	return n - 1, err
}

// lifetime is for how long the session lasts, in whole seconds.
func (h *Handler) lifetime(p *hlsCall) int {
	return int(max(p.token.Expires.Sub(h.config.Now()), 0) / time.Second)
}
