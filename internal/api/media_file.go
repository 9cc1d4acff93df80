package api

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/millrace/millrace/internal/playback"
	"github.com/millrace/millrace/internal/store"
)

// The files that a range of a stream can be had as, below streamsPath.
const (
	fileMP4 = "media.mp4"
	fileMKV = "media.mkv"
)

// opMediaFile is the operation by which they are read.
const opMediaFile = "GetMediaFile"

// The parameters of a file, as they stand in queries and messages.
const (
	queryFrom  = "from"
	queryTo    = "to"
	queryCut   = "cut"
	queryClock = "clock"

	cutExact    = "exact"
	cutFragment = "fragment"

	clockProducer = "producer"
	clockServer   = "server"
)

// mediaFile answers GET and HEAD of a range of a stream as one file, with the parts
// of it that are asked for.
func (h *Handler) mediaFile(w http.ResponseWriter, c *ResourceCall) error {
	r, err := c.fileRequest()
	if err != nil {
		return err
	}
	leave, err := h.config.Files.Enter()
	if err != nil {
		return err
	}
	defer leave()
	file, err := h.config.Files.Open(c.Request.Context(), r)
	if err != nil {
		return err
	}
	head := w.Header()
	head.Set("Content-Disposition", fmt.Sprintf(`inline; filename="%s-%s.%s"`,
		c.Stream.Name, r.From.UTC().Format("20060102T150405Z"), strings.TrimPrefix(c.call.operation.path, "media.")))
	head.Set("Cache-Control", "private, no-cache") // the range may get more, or lose some
	a := h.newFileAnswer(w, c.call, c.Stream)
	if c.token != nil {
		a.action = opMediaFileURL
	}
	return a.serve(file)
}

// fileRequest is what the query asks for, or what the token was made for.
func (c *ResourceCall) fileRequest() (playback.FileRequest, error) {
	if c.token != nil {
		r := c.token.request
		r.Scope = c.Scope
		return r, nil
	}
	var v checks
	r := playback.FileRequest{Scope: c.Scope, Clock: store.ProducerClock}
	r.From, r.To = v.queryTime(c.Query, queryFrom), v.queryTime(c.Query, queryTo)
	if c.call.operation.path == fileMKV {
		r.Format = playback.FileMKV
	}
	v.file(&r, c.Query.Get(queryClock), c.Query.Get(queryCut))
	return r, v.err()
}

// file checks what can be chosen of a file beside its range. What is not said is
// the producer's clock, and an exact cut where the format has one.
func (c *checks) file(r *playback.FileRequest, clock, cut string) {
	if clock != "" {
		c.oneOf(queryClock, clock, clockProducer, clockServer)
	}
	if clock == clockServer {
		r.Clock = store.ServerClock
	}
	if cut != "" {
		c.oneOf(queryCut, cut, cutExact, cutFragment)
	}
	if r.Format == playback.FileMKV {
		if cut == cutExact {
			c.fail(queryCut, cut, "Member must be fragment for Matroska, which cannot say what is not to be shown")
		}
		cut = cutFragment
	}
	if cut == cutFragment {
		r.Cut = playback.CutFragment
	}
	if len(c.found) == 0 && !r.From.Before(r.To) {
		c.fail(queryTo, r.To.Format(time.RFC3339Nano), "Member must be later than %s", queryFrom)
	}
}
