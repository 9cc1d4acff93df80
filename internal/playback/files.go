package playback

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/fmp4"
	"github.com/millrace/millrace/internal/memory"
	"github.com/millrace/millrace/internal/store"
)

// The bounds of Files.
const (
	DefaultFileFragments = 50_000 // of one file: a day of fragments of two seconds, and some
	DefaultOpenFiles     = 64     // that are written at once

	maxPlans    = 32      // that are kept
	maxPlanRows = 1 << 16 // fragments of all of them
	rowBytes    = 1 << 10 // that a fragment takes while a file is laid out, and some
)

// A FilesConfig is what Files are made of.
type FilesConfig struct {
	Store FileStore
	Rules Rules // which tracks MP4 has

	Clip ClipLimits // of clips

	Memory *memory.Budget // for files that are laid out and written; nil: it is not bounded

	MaxFragments int // of one file; DefaultFileFragments if zero
	MaxOpen      int // files that are written at once; DefaultOpenFiles if zero
}

// Files makes files of ranges of streams. Any number of goroutines may use it.
//
// Those that were asked for last are kept, as what there is to know of each
// fragment, so that a player's many requests for parts of one cost little. A file
// that is kept is used again only while the range has the same fragments.
type Files struct {
	config FilesConfig
	places chan struct{} // holds a token for each file that may be written now

	mu    sync.Mutex // guards what follows
	plans *simplelru.LRU[string, *File]
	rows  int // fragments of all plans
}

// NewFiles returns Files without any.
func NewFiles(c FilesConfig) *Files {
	c.MaxFragments = cmp.Or(c.MaxFragments, DefaultFileFragments)
	c.MaxOpen = cmp.Or(c.MaxOpen, DefaultOpenFiles)
	x := &Files{config: c, places: make(chan struct{}, c.MaxOpen)}
	for range c.MaxOpen {
		x.places <- struct{}{}
	}
	x.plans, _ = simplelru.NewLRU(maxPlans, func(_ string, f *File) { x.rows -= f.fragments }) // the size is above 0
	return x
}

// Enter takes a place for a file that is to be written, without waiting. The place
// is given back by leave. Where there is none the error has CodeThrottled.
func (x *Files) Enter() (leave func(), err error) {
	select {
	case <-x.places:
		return func() { x.places <- struct{}{} }, nil
	default:
		return nil, millrace.Errorf(millrace.CodeThrottled, "The server is writing %d files, which is as many as it may. Try again.", x.config.MaxOpen)
	}
}

// Hold takes the memory that writing a file needs, and waits for it until ctx ends.
// It is given back by release. cut is told when memory is short: it breaks the writer
// off if that has moved nothing for so long, and reports whether it did.
func (x *Files) Hold(ctx context.Context, f *File, cut memory.Cut) (release func(), err error) {
	return x.borrow(ctx, f.memory, cut)
}

func (x *Files) borrow(ctx context.Context, n int64, cut memory.Cut) (release func(), err error) {
	if x.config.Memory == nil {
		return func() {}, nil
	}
	loan, err := x.config.Memory.Borrow(ctx, n, cut)
	if err != nil {
		return nil, &millrace.Error{Code: millrace.CodeUnavailable, Message: "The server has no memory for a file at present. Try again.", Err: err}
	}
	return loan.Return, nil
}

// Open returns the file of a range. An error is what the client is told: a range
// without fragments is CodeNotFound, one with too many or of which a file cannot be
// made CodeInvalidArgument or one of the codes of Rules.
func (x *Files) Open(ctx context.Context, r FileRequest) (*File, error) {
	entries, err := x.overlapping(ctx, &r)
	if err != nil {
		return nil, err
	}
	return x.file(ctx, &r, entries, ClipLimits{})
}

// overlapping returns the fragments of which any part is in the range.
func (x *Files) overlapping(ctx context.Context, r *FileRequest) ([]store.Entry, error) {
	from := r.From
	at := x.config.Store.AtProducerTime
	if r.Clock == store.ServerClock {
		at = x.config.Store.AtServerTime
	}
	e, err := at(ctx, r.Scope, from)
	switch {
	case errors.Is(err, millrace.ErrNotFound):
		return nil, errNoFragments()
	case err != nil:
		return nil, fmt.Errorf("find the beginning of a file: %w", err)
	}
	if start := startOf(r.Clock, &e); start.Before(from) {
		from = start
	}
	return x.selected(ctx, r, Selection{Clock: r.Clock, From: from, To: r.To.Add(-time.Millisecond)})
}

// selected returns the fragments of a selection, if there are some and not too many.
func (x *Files) selected(ctx context.Context, r *FileRequest, sel Selection) ([]store.Entry, error) {
	if sel.Limit == 0 {
		sel.Limit = x.config.MaxFragments + 1
	}
	entries, err := Select(ctx, x.config.Store, r.Scope, sel)
	switch {
	case err != nil:
		return nil, fmt.Errorf("select fragments of a file: %w", err)
	case len(entries) == 0:
		return nil, errNoFragments()
	case len(entries) > x.config.MaxFragments:
		return nil, millrace.Errorf(millrace.CodeInvalidArgument,
			"The range has more than %d fragments, which is as many as one file may have. Ask for a shorter one.", x.config.MaxFragments)
	}
	return entries, nil
}

// file returns the file of some fragments: one that is kept, or else a new one.
func (x *Files) file(ctx context.Context, r *FileRequest, entries []store.Entry, limits ClipLimits) (*File, error) {
	tag := tagOf(r, entries, limits)
	if f := x.kept(tag); f != nil {
		return f, nil
	}
	release, err := x.borrow(ctx, int64(len(entries))*rowBytes, nil)
	if err != nil {
		return nil, err
	}
	defer release()
	f := &File{format: r.Format, tag: tag, fragments: len(entries)}
	largest := int64(0)
	for i := range entries {
		largest = max(largest, entries[i].Size)
		if at := entries[i].ServerTime(); at.After(f.modified) {
			f.modified = at
		}
	}
	f.memory = max(2*largest, 2*aheadWork*min(largest, aheadBytes)) + 2*batchBytes
	if err := x.layOut(ctx, r, f, entries, limits); err != nil {
		return nil, ExplainFile(err)
	}
	x.keep(f)
	return f, nil
}

func (x *Files) layOut(ctx context.Context, r *FileRequest, f *File, entries []store.Entry, limits ClipLimits) error {
	fragments := newFragmentReader(x.config.Store, r.Scope)
	if r.Format == FileMKV {
		made, err := newMKVFile(ctx, fragments, entries)
		if err == nil {
			f.layout, f.length = made.layOut(), made.length
		}
		return err
	}
	made, err := newMP4File(ctx, fragments, x.config.Rules, entries, limits)
	if err != nil {
		return err
	}
	w, err := made.window(ctx, r)
	if err != nil {
		return err
	}
	edits, duration := made.edits(w)
	f.fragments, f.length = len(made.rows), w.to-w.from
	f.layout, err = made.layOut(fmp4.Movie{Created: entries[0].ProducerTime, Timescale: movieScale, Duration: duration}, edits)
	return err
}

// ExplainFile says what it means for a client that a fragment of a file cannot be
// had, whether that was found out before the file or while it is read. An error that
// says so itself is returned as it is.
func ExplainFile(err error) error {
	switch {
	case millrace.CodeOf(err) != millrace.CodeInternal:
		return err
	case errors.Is(err, millrace.ErrNotFound):
		return &millrace.Error{Code: millrace.CodeNotFound, Message: "A fragment of the range was deleted meanwhile. Try again.", Err: err}
	case errors.Is(err, millrace.ErrCorrupt):
		return &millrace.Error{Code: millrace.CodeInternal, Message: "A fragment of the range is damaged: " + err.Error() + ". Ask for a range without it.", Err: err}
	}
	return err
}

// kept returns a file that is kept, nil if it is not.
func (x *Files) kept(tag string) *File {
	x.mu.Lock()
	defer x.mu.Unlock()
	f, _ := x.plans.Get(tag)
	return f
}

// keep keeps a file, and lets others go.
func (x *Files) keep(f *File) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if f.fragments > maxPlanRows || x.plans.Contains(f.tag) {
		return
	}
	x.plans.Add(f.tag, f)
	for x.rows += f.fragments; x.rows > maxPlanRows; {
		x.plans.RemoveOldest()
	}
}
