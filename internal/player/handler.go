package player

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"net/http"
	"path"
	"sync"
	"time"

	"github.com/millrace/millrace/internal/wire"
)

// Path is where the page is; its other files are below it.
const Path = "/player"

// hlsFile is hls.js. Its name changes with its version.
const hlsFile = "hls-1.7.4.min.js"

//go:embed page
var page embed.FS

// The policy of the page, which has no exceptions for text within it. hls.js
// hands pictures to the browser, and work to a thread of its own, by addresses
// of blobs that it made itself.
const contentPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; " +
	"media-src 'self' blob:; worker-src blob:; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'self'"

// How long a browser may use a file without asking: one whose name has its
// version for ever, all others never.
const (
	cacheForEver = "public, max-age=31536000, immutable"
	cacheAsk     = "no-cache"
)

// A Handler answers GET and HEAD of the page's files. Any number of goroutines
// may use it.
type Handler struct {
	files map[string]*file // by the path of the request
}

var _ http.Handler = (*Handler)(nil)

// A file is one of the page's.
type file struct {
	kind, cache string
	plain       []byte
	tag         string                // of plain, without quotes
	packed      func() ([]byte, bool) // plain in gzip, made when it is first asked for
}

// New makes a Handler.
func New() *Handler {
	const script = "text/javascript; charset=utf-8"
	h := &Handler{files: map[string]*file{
		Path: load("page.html", "text/html; charset=utf-8", cacheAsk),
	}}
	for name, kind := range map[string]string{
		"player.css": "text/css; charset=utf-8", "hls-license.txt": "text/plain; charset=utf-8",
		"player.js": script, "address.js": script, "engine.js": script, "failure.js": script, "screen.js": script,
	} {
		h.files[Path+"/"+name] = load(name, kind, cacheAsk)
	}
	h.files[Path+"/"+hlsFile] = load(hlsFile, script, cacheForEver)
	return h
}

func load(name, kind, cache string) *file {
	plain, err := page.ReadFile(path.Join("page", name))
	if err != nil {
		panic(err) // the file is part of the binary
	}
	sum := sha256.Sum256(plain)
	f := &file{kind: kind, cache: cache, plain: plain, tag: base64.RawURLEncoding.EncodeToString(sum[:12])}
	f.packed = sync.OnceValues(f.pack)
	return f
}

// pack packs the file; false if that is not worth while.
func (f *file) pack() ([]byte, bool) {
	var b bytes.Buffer
	w, _ := gzip.NewWriterLevel(&b, gzip.BestCompression) // the level is a good one
	_, _ = w.Write(f.plain)                               // a Buffer takes everything
	_ = w.Close()
	return b.Bytes(), b.Len() < len(f.plain)
}

// Serves reports whether a request is for the page or one of its files.
func (h *Handler) Serves(r *http.Request) bool {
	return (r.Method == http.MethodGet || r.Method == http.MethodHead) && h.files[r.URL.Path] != nil
}

// ServeHTTP answers a request that the handler Serves, with 304 where the caller
// has the file already; any other is 404.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !h.Serves(r) {
		http.NotFound(w, r)
		return
	}
	f := h.files[r.URL.Path]
	head := w.Header()
	head.Set("Content-Type", f.kind)
	head.Set("Cache-Control", f.cache)
	head.Set("Vary", "Accept-Encoding")
	head.Set("X-Content-Type-Options", "nosniff")
	head.Set("Content-Security-Policy", contentPolicy)
	head.Set("Referrer-Policy", "no-referrer")
	head.Set("Cross-Origin-Resource-Policy", "same-origin")
	content, tag := f.plain, f.tag
	if wire.AcceptsGzip(r.Header) {
		if packed, ok := f.packed(); ok {
			content, tag = packed, f.tag+"-gzip"
			head.Set("Content-Encoding", "gzip")
		}
	}
	head.Set("ETag", `"`+tag+`"`)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(content))
}
