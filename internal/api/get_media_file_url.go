package api

import (
	"context"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/auth"
	"github.com/millrace/millrace/internal/playback"
	"github.com/millrace/millrace/internal/store"
	"github.com/millrace/millrace/internal/wire"
)

// opMediaFileURL is the operation by which addresses of files are made. Whoever has
// one needs no key.
const opMediaFileURL = "GetMediaFileURL"

// For how long an address of a file is good, in seconds.
const (
	minFileExpires   = 60
	maxFileExpires   = 7 * 24 * 3600
	usualFileExpires = 3600
)

// The formats, as they are asked for.
const (
	formatMP4 = "mp4"
	formatMKV = "mkv"
)

type getMediaFileURLInput struct {
	streamRef
	From    *wire.Timestamp `json:"From"`
	To      *wire.Timestamp `json:"To"`
	Clock   string          `json:"Clock"`
	Format  string          `json:"Format"`
	Cut     string          `json:"Cut"`
	Expires *int64          `json:"Expires"`
}

type getMediaFileURLOutput struct {
	URL     string         `json:"MediaFileURL"`
	Expires wire.Timestamp `json:"Expires"`
}

// getMediaFileURL seals a range of a stream into an address. Whether anything is in
// the range is found out by who loads it: it may be yet to come.
func (h *Handler) getMediaFileURL(ctx context.Context, c *call) (any, error) {
	var in getMediaFileURLInput
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	var v checks
	t, r, lifetime := in.target(&v), in.request(&v), in.lifetime(&v)
	if err := v.err(); err != nil {
		return nil, err
	}
	s, err := h.findArchived(ctx, c, t, opMediaFileURL)
	if err != nil {
		return nil, err
	}
	text, expires, err := h.seal(c, s, playback.KindFile, r.Seal(), lifetime)
	if err != nil {
		return nil, err
	}
	file := fileMP4
	if r.Format == playback.FileMKV {
		file = fileMKV
	}
	return getMediaFileURLOutput{
		h.dataEndpoint(c.request) + streamsPath + s.Name.String() + "/" + file + "?" + queryToken + "=" + text, wire.Timestamp{Time: expires},
	}, nil
}

// request checks the members that say what the file is.
func (in *getMediaFileURLInput) request(v *checks) playback.FileRequest {
	r := playback.FileRequest{Clock: store.ProducerClock}
	r.From, r.To = v.timestamp("from", in.From), v.timestamp("to", in.To)
	if in.Format != "" {
		v.oneOf("format", in.Format, formatMP4, formatMKV)
	}
	if in.Format == formatMKV {
		r.Format = playback.FileMKV
	}
	v.file(&r, in.Clock, in.Cut)
	return r
}

func (in *getMediaFileURLInput) lifetime(v *checks) time.Duration {
	if in.Expires == nil {
		return usualFileExpires * time.Second
	}
	v.long("expires", *in.Expires, minFileExpires, maxFileExpires)
	return time.Duration(*in.Expires) * time.Second
}

// openFileToken finds out what an address of a file is for, and by whom it was made.
// It is good for the one file of the one stream, and as long as its maker may.
func (h *Handler) openFileToken(ctx context.Context, c *call, text string, name millrace.StreamName) (*fileToken, error) {
	if h.config.Playback == nil || c.operation.name != opMediaFile {
		return nil, errSessionOver(millrace.ErrInvalid)
	}
	token, err := h.config.Playback.Tokens.Open(playback.KindFile, text, h.config.Now())
	if err != nil {
		return nil, errSessionOver(err)
	}
	r, err := playback.OpenFileRequest(token.Body)
	if err != nil || token.Name != name || (r.Format == playback.FileMKV) != (c.operation.path == fileMKV) {
		return nil, errSessionOver(millrace.ErrInvalid)
	}
	if c.principal, err = h.bearer(ctx, token.Holder); err != nil {
		return nil, err
	}
	return &fileToken{token.Stream, r}, nil
}

// A fileToken is what an address of a file is for.
type fileToken struct {
	stream  millrace.StreamKey
	request playback.FileRequest
}

// findByToken finds the stream that an address of a file was made for.
func (h *Handler) findByToken(ctx context.Context, c *call, t *fileToken, name millrace.StreamName) (millrace.Stream, error) {
	c.stream = name
	s, err := h.config.Control.Stream(ctx, name)
	switch {
	case err != nil:
		return s, err
	case s.Key != t.stream || s.Status != millrace.StatusActive:
		return s, millrace.Errorf(millrace.CodeNotFound, notFound)
	}
	if err := auth.Authorize(c.principal, opMediaFileURL, s.ARN.String()); err != nil {
		return s, errSessionOver(err)
	}
	if s.Retention == 0 {
		return s, errNoRetention(s)
	}
	return s, h.admit(c, name.String())
}
