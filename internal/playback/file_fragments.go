package playback

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/store"
	"github.com/millrace/millrace/internal/timeline"
)

// A FileStore is where files come from.
type FileStore interface {
	store.Index
	store.Outliner
}

// A fragmentReader reads the fragments of one stream for files.
type fragmentReader struct {
	store FileStore
	scope store.Scope

	mu      sync.Mutex // guards what follows
	formats map[[32]byte]*timeline.Format
}

func newFragmentReader(st FileStore, s store.Scope) *fragmentReader {
	return &fragmentReader{store: st, scope: s, formats: map[[32]byte]*timeline.Format{}}
}

// maxFormats bounds how many different headers a file may have.
const maxFormats = 1024

// format reads the tracks of a header, once for each.
func (x *fragmentReader) format(h *millrace.Header) (*timeline.Format, error) {
	if h == nil {
		return nil, fmt.Errorf("fragment without a header: %w", millrace.ErrCorrupt)
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	if f := x.formats[h.Hash]; f != nil {
		return f, nil
	}
	if len(x.formats) == maxFormats {
		return nil, millrace.Errorf(millrace.CodeInvalidArgument, "The range has more than %d changes of its tracks.", maxFormats)
	}
	f, err := timeline.Parse(h)
	if err == nil {
		x.formats[h.Hash] = f
	}
	return f, err
}

// blocks reads a fragment without its media.
func (x *fragmentReader) blocks(ctx context.Context, e store.Entry) (*millrace.Fragment, *timeline.Format, error) {
	f, err := x.store.Outline(ctx, x.scope, e)
	if err != nil {
		return nil, nil, err
	}
	format, err := x.format(f.Header)
	return f, format, err
}

// outline is blocks with the frames told apart of blocks that hold several, for
// which the media is needed after all.
func (x *fragmentReader) outline(ctx context.Context, e store.Entry) (*millrace.Fragment, *timeline.Format, error) {
	f, format, err := x.blocks(ctx, e)
	if err == nil && timeline.Laced(f) {
		f, err = x.unlaced(ctx, e, format)
	}
	return f, format, err
}

func (x *fragmentReader) unlaced(ctx context.Context, e store.Entry, format *timeline.Format) (*millrace.Fragment, error) {
	f, err := x.store.Read(ctx, x.scope, e, nil)
	if err == nil {
		err = timeline.Unlace(f, format)
	}
	if err != nil {
		return nil, err
	}
	f.Leading, f.Cluster, f.Trailing = nil, nil, nil
	return f, nil
}

// read reads a fragment with its media, into the memory that s has.
func (x *fragmentReader) read(ctx context.Context, e store.Entry, s *scratch) (*millrace.Fragment, error) {
	if need := int(e.Size); cap(s.fragment) < need {
		s.fragment = make([]byte, need)
	}
	return x.store.Read(ctx, x.scope, e, s.fragment[:cap(s.fragment)])
}

// each calls do with every fragment's blocks, several at a time and in no order.
// The first error ends it.
func (x *fragmentReader) each(ctx context.Context, entries []store.Entry, do func(ctx context.Context, i int, f *millrace.Fragment, format *timeline.Format) error) error {
	work, ctx := errgroup.WithContext(ctx)
	workers := min(runtime.GOMAXPROCS(0), batchWork, len(entries))
	for w := range workers {
		work.Go(guarded(func() error {
			for i := w; i < len(entries); i += workers {
				f, format, err := x.blocks(ctx, entries[i])
				if err == nil {
					err = do(ctx, i, f, format)
				}
				if err != nil {
					return of(entries[i], err)
				}
			}
			return nil
		}))
	}
	return work.Wait()
}

// of says which fragment an error is about, where a client is told of it.
func of(e store.Entry, err error) error {
	if known, ok := errors.AsType[*millrace.Error](err); ok {
		return &millrace.Error{Code: known.Code, Message: fmt.Sprintf("%s (fragment %v of %s)",
			known.Message, e.Number, e.ProducerTime.Format("2006-01-02T15:04:05.000Z07:00")), Err: known.Err}
	}
	return fmt.Errorf("fragment %v: %w", e.Number, err)
}
