package api

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/auth"
	"github.com/millrace/millrace/internal/playback"
	"github.com/millrace/millrace/internal/wire"
)

// Bounds of a file's answer.
const (
	fileWrite = 256 << 10 // bytes that must go within the time for a write
	maxRanges = 32        // that are answered; of more the whole file is
)

// errSlow ends an answer that was broken off.
var errSlow = errors.New("the client was slow, and memory is short")

// A fileAnswer writes a file, or parts of it, to one client. Its head goes out with
// the first byte of the file and not before, so that what cannot be read can still
// be told of.
type fileAnswer struct {
	http.ResponseWriter
	h       *Handler
	call    *call
	stream  millrace.Stream
	action  auth.Action // by which the caller may
	control *http.ResponseController
	file    *playback.File
	cursor  *playback.Cursor
	at      int64 // where reading goes on
	status  int   // that is to be sent
	sent    bool  // it was
	renewed time.Time
	moved   atomic.Int64 // when something went last, in nanoseconds of Unix time
	cut     atomic.Bool  // it is broken off, for want of memory
	err     error        // why the file could not be read
}

func (h *Handler) newFileAnswer(w http.ResponseWriter, c *call, s millrace.Stream) *fileAnswer {
	return &fileAnswer{ResponseWriter: w, h: h, call: c, stream: s, action: auth.Action(c.operation.name), control: http.NewResponseController(w), renewed: time.Now()}
}

// serve answers with what the request wants of the file. What goes wrong before the
// first byte is the error's; after that the connection ends short of the length that
// was told.
func (a *fileAnswer) serve(file *playback.File) error {
	release, err := a.open(file)
	if err != nil {
		a.forget()
		return err
	}
	defer release()
	head := a.Header()
	head.Set("Content-Type", file.ContentType())
	head.Set("ETag", file.Tag())
	r := a.call.request
	if strings.Count(r.Header.Get("Range"), ",") >= maxRanges {
		r = r.Clone(r.Context())
		r.Header.Del("Range")
	}
	http.ServeContent(a, r, "", file.Modified(), a)
	switch {
	case a.err != nil && !a.sent:
		a.forget()
		return playback.ExplainFile(a.err)
	case a.err != nil:
		return fmt.Errorf("write file: %w", a.err)
	case a.status == http.StatusRequestedRangeNotSatisfiable:
		err := millrace.Errorf(millrace.CodeInvalidArgument, "The range %.100q is not within the file's %d bytes.", r.Header.Get("Range"), file.Size())
		wire.WriteError(&otherStatus{a.ResponseWriter, a.status}, a.call.id, err)
		return err
	}
	a.begin()
	return nil
}

// open takes the memory that the file needs.
func (a *fileAnswer) open(file *playback.File) (release func(), err error) {
	a.file, a.cursor = file, file.Cursor()
	a.moved.Store(time.Now().UnixNano())
	return a.h.config.Files.Hold(a.call.request.Context(), file, a.breakOff)
}

// breakOff ends an answer of which nothing has been taken for so long. Other
// goroutines call it, until nobody holds the file's memory any more.
func (a *fileAnswer) breakOff(idle time.Duration) bool {
	if time.Since(time.Unix(0, a.moved.Load())) < idle {
		return false
	}
	a.cut.Store(true)
	_ = a.control.SetWriteDeadline(time.Now()) // not every writer stands on a connection
	return true
}

// forget takes back what the head said of the file.
func (a *fileAnswer) forget() {
	for _, name := range []string{
		"Content-Type", "Content-Length", "Content-Range", "Content-Disposition", "ETag", "Last-Modified", "Accept-Ranges", "Cache-Control",
	} {
		a.Header().Del(name)
	}
}

// WriteHeader implements http.ResponseWriter.
func (a *fileAnswer) WriteHeader(status int) { a.status = status }

// begin sends the head.
func (a *fileAnswer) begin() {
	if !a.sent {
		a.sent = true
		a.ResponseWriter.WriteHeader(cmp.Or(a.status, http.StatusOK))
	}
}

// Write implements http.ResponseWriter: it writes bytes of the file, or what stands
// between several ranges of it.
func (a *fileAnswer) Write(b []byte) (n int, err error) {
	if a.status == http.StatusRequestedRangeNotSatisfiable {
		return len(b), nil // it is told in the protocol's form
	}
	a.begin()
	for n < len(b) {
		_ = a.control.SetWriteDeadline(time.Now().Add(cmp.Or(a.h.config.WriteTimeout, wire.DefaultWriteTimeout))) // not every writer stands on a connection
		if a.cut.Load() {                                                                                         // or else its deadline comes after this one
			return n, errSlow
		}
		m, err := a.ResponseWriter.Write(b[n:min(len(b), n+fileWrite)])
		n += m
		a.moved.Store(time.Now().UnixNano())
		a.h.config.Archive.Events.Sent(a.call.operation.name, a.stream, Sent{Bytes: int64(m)})
		if err != nil {
			return n, err
		}
		if err := a.renew(); err != nil {
			return n, err
		}
	}
	return n, nil
}

// renew asks every so often whether the caller still may.
func (a *fileAnswer) renew() error {
	c := &a.h.config
	if c.Renew == nil || time.Since(a.renewed) < cmp.Or(c.RenewEvery, renewEvery) {
		return nil
	}
	a.renewed = time.Now()
	ctx, cancel := context.WithTimeout(a.call.request.Context(), controlPatience)
	defer cancel()
	now, err := c.Renew(ctx, a.call.principal)
	switch {
	case err == nil:
		err = auth.Authorize(now, a.action, a.stream.ARN.String())
	case !errors.Is(err, millrace.ErrNotFound):
		err = nil // it cannot be found out now
	}
	a.err = cmp.Or(a.err, err)
	return err
}

// ReadFrom implements io.ReaderFrom, by which one range is written: piece by piece
// as the file's cursor makes them.
func (a *fileAnswer) ReadFrom(r io.Reader) (int64, error) {
	part, ok := r.(*io.LimitedReader)
	if !ok || part.R != io.Reader(a) {
		return io.Copy(struct{ io.Writer }{a}, r)
	}
	written := &writeErrors{w: a}
	n, err := a.cursor.WriteTo(a.call.request.Context(), written, a.at, part.N)
	a.at += n
	part.N -= n
	if err != nil && written.err == nil {
		a.err = cmp.Or(a.err, err)
	}
	return n, err
}

// writeErrors keeps an error of writing apart from those of reading.
type writeErrors struct {
	w   io.Writer
	err error
}

func (w *writeErrors) Write(b []byte) (n int, err error) {
	n, w.err = w.w.Write(b)
	return n, w.err
}

// Read implements io.Reader: it reads the file.
func (a *fileAnswer) Read(p []byte) (n int, err error) {
	n, err = a.cursor.ReadAt(a.call.request.Context(), p, a.at)
	a.at += int64(n)
	if n > 0 && errors.Is(err, io.EOF) {
		return n, nil
	}
	if err != nil && !errors.Is(err, io.EOF) {
		a.err = cmp.Or(a.err, err)
	}
	return n, err
}

// Seek implements io.Seeker: it says where Read goes on.
func (a *fileAnswer) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += a.at
	case io.SeekEnd:
		offset += a.file.Size()
	}
	if offset < 0 {
		return 0, fmt.Errorf("seek to %d: %w", offset, millrace.ErrInvalid)
	}
	a.at = offset
	return offset, nil
}

// Unwrap is for http.ResponseController.
func (a *fileAnswer) Unwrap() http.ResponseWriter { return a.ResponseWriter }

// otherStatus answers with a status of its own.
type otherStatus struct {
	http.ResponseWriter
	status int
}

// WriteHeader implements http.ResponseWriter.
func (o *otherStatus) WriteHeader(int) { o.ResponseWriter.WriteHeader(o.status) }
