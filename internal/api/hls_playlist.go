package api

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"

	"github.com/millrace/millrace/internal/hls"
	"github.com/millrace/millrace/internal/playback"
	"github.com/millrace/millrace/internal/wire"
)

// playlistType is the content type of playlists, with which all players agree.
const playlistType = "application/vnd.apple.mpegurl"

// smallestPacked is how long a playlist is that is worth compressing, in bytes.
const smallestPacked = 1 << 10

// getHLSMasterPlaylist answers with what a session consists of.
func (h *Handler) getHLSMasterPlaylist(w http.ResponseWriter, p *hlsCall) error {
	l, err := h.config.Playback.HLS.Master(p.request.Context(), p.visit)
	if err != nil {
		return err
	}
	return h.sendPlaylist(w, p, l)
}

// getHLSMediaPlaylist answers with the fragments of a session.
func (h *Handler) getHLSMediaPlaylist(w http.ResponseWriter, p *hlsCall) error {
	track, err := p.track()
	if err != nil {
		return err
	}
	l, err := h.config.Playback.HLS.Playlist(p.request.Context(), p.visit, track)
	if err != nil {
		return err
	}
	return h.sendPlaylist(w, p, l)
}

// sendPlaylist writes a playlist and closes it, compressed for those who take that:
// it has the token in every line.
func (h *Handler) sendPlaylist(w http.ResponseWriter, p *hlsCall, l *playback.List) error {
	defer func() { _ = l.Close() }() // never fails
	head := w.Header()
	head["Content-Type"] = []string{playlistType}
	head["Cache-Control"] = []string{"no-cache"}
	head["Vary"] = []string{"Accept-Encoding"}
	if p.visit.Order.Mode == hls.OnDemand {
		head["Cache-Control"] = []string{h.private(p)}
	}
	if l.Size() >= smallestPacked && wire.AcceptsGzip(p.request.Header) {
		b, err := packed(l)
		if err != nil {
			return err
		}
		head["Content-Encoding"] = []string{"gzip"}
		l.Replace(b)
	}
	head["Content-Length"] = []string{strconv.Itoa(l.Size())}
	h.servedHLS(p, false, nil)
	l.OnBreak(breaker(w))
	_, err := io.Copy(h.playerWriter(w), l)
	return ended(err)
}

// private lets the player keep an answer for as long as the session lasts.
func (h *Handler) private(p *hlsCall) string {
	return fmt.Sprintf("private, max-age=%d", h.lifetime(p))
}

func packed(r io.Reader) ([]byte, error) {
	var out bytes.Buffer
	z, err := gzip.NewWriterLevel(&out, gzip.BestSpeed)
	if err != nil {
		return nil, fmt.Errorf("compress playlist: %w", err)
	}
	_, err = io.Copy(z, r)
	if err = errors.Join(err, z.Close()); err != nil {
		return nil, fmt.Errorf("compress playlist: %w", err)
	}
	return out.Bytes(), nil
}
