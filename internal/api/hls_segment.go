package api

import (
	"bytes"
	"cmp"
	"io"
	"net/http"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/hls"
	"github.com/millrace/millrace/internal/wire"
)

// getMP4InitFragment answers with what a player needs before the segments of a
// track.
func (h *Handler) getMP4InitFragment(w http.ResponseWriter, p *hlsCall) error {
	track, err := p.track()
	if err != nil {
		return err
	}
	generation, err := p.number("SequenceNumber", 0)
	if err != nil {
		return err
	}
	b, sound, err := h.config.Playback.HLS.Init(p.request.Context(), p.visit, track, generation)
	if err != nil {
		return err
	}
	h.servedHLS(p, false, nil)
	h.sendPart(w, p, mediaType(sound), bytes.NewReader(b))
	return nil
}

// getMP4MediaFragment answers with the segment of a track of a fragment.
func (h *Handler) getMP4MediaFragment(w http.ResponseWriter, p *hlsCall) error {
	track, err := p.track()
	if err != nil {
		return err
	}
	if p.visit.Order.Container != hls.FragmentedMP4 {
		return errOtherContainer()
	}
	return h.sendSegment(w, p, track)
}

// getTSFragment answers with the segment of all tracks of a fragment.
func (h *Handler) getTSFragment(w http.ResponseWriter, p *hlsCall) error {
	if p.visit.Order.Container != hls.MPEGTS {
		return errOtherContainer()
	}
	return h.sendSegment(w, p, 0)
}

func errOtherContainer() error {
	return millrace.Errorf(millrace.CodeNotFound, "The session has another container format.")
}

// mediaType is the content type of fragmented MP4.
func mediaType(sound bool) string {
	if sound {
		return "audio/mp4"
	}
	return "video/mp4"
}

// sendSegment writes the segment of the fragment that is asked for.
func (h *Handler) sendSegment(w http.ResponseWriter, p *hlsCall, track int) error {
	n, err := millrace.ParseFragmentNumber(p.query.Get("FragmentNumber"))
	if err != nil {
		return millrace.Errorf(millrace.CodeInvalidArgument, "FragmentNumber must be a fragment number, and is %.140q.", p.query.Get("FragmentNumber"))
	}
	s, err := h.config.Playback.HLS.Segment(p.request.Context(), p.visit, n, track)
	if err != nil {
		return err
	}
	defer func() { _ = s.Close() }() // never fails
	s.OnBreak(breaker(w))
	w.Header()["Etag"] = []string{s.ETag}
	h.servedHLS(p, s.Cached, nil)
	kind := mediaType(s.Sound)
	if p.visit.Order.Container == hls.MPEGTS {
		kind = "video/mp2t"
	}
	sent := h.sendPart(w, p, kind, s)
	h.config.Archive.Events.Sent(p.operation.name, p.stream, Sent{Bytes: sent, Fragments: 1})
	return nil
}

// breaker ends a write that waits for the client.
func breaker(w http.ResponseWriter) func() {
	control := http.NewResponseController(w)
	return func() { _ = control.SetWriteDeadline(time.Unix(1, 0)) } // not every writer stands on a connection
}

// sendPart writes what has been asked for of media, and returns how many bytes
// went out.
func (h *Handler) sendPart(w http.ResponseWriter, p *hlsCall, kind string, content io.ReadSeeker) int64 {
	w.Header()["Content-Type"] = []string{kind}
	w.Header()["Cache-Control"] = []string{h.private(p)}
	to := h.playerWriter(w)
	http.ServeContent(to, p.request, "", time.Time{}, content)
	return to.sent
}

// A playerWriter gives a player time for each part of what is written.
type playerWriter struct {
	http.ResponseWriter
	control *http.ResponseController
	timeout time.Duration
	sent    int64
}

func (h *Handler) playerWriter(w http.ResponseWriter) *playerWriter {
	return &playerWriter{
		ResponseWriter: w, control: http.NewResponseController(w), timeout: cmp.Or(h.config.Playback.WriteTimeout, wire.DefaultWriteTimeout),
	}
}

// Write implements io.Writer, a part at a time.
func (w *playerWriter) Write(b []byte) (n int, err error) {
	for len(b) > 0 && err == nil {
		part := b[:min(len(b), playerPart)]
		_ = w.control.SetWriteDeadline(time.Now().Add(w.timeout)) // not every writer stands on a connection
		var wrote int
		wrote, err = w.ResponseWriter.Write(part)
		n, b = n+wrote, b[wrote:]
	}
	w.sent += int64(n)
	return n, err
}

// playerPart is how much of an answer must go in one timeout, in bytes.
const playerPart = 256 << 10
