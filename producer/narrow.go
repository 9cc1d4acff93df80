package producer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/mkv"
)

// narrow gives a fragment whose header declares tracks of which it has no frame
// a header of its own without them: some servers refuse it otherwise. It is for a
// fragment that has ended. If it has frames of all its tracks, or cannot be read
// back, it is given up with what the server said of it.
func (s *Stream) narrow(ctx context.Context, f *fragment) (*header, error) {
	has, err := s.tracksOf(ctx, f)
	var narrowed []byte
	if err == nil {
		narrowed, err = narrowedHeader(f.header.bytes, has)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case f.settled:
		return nil, errGone
	case err == nil && narrowed != nil:
		f.lacking = false
		f.header = &header{bytes: narrowed, relative: f.header.relative, start: f.header.start}
		return f.header, nil
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	}
	s.settle(f, rejected, millrace.CodeFramesMissing)
	return nil, errGone
}

// tracksOf returns the numbers of the tracks that a fragment has frames of.
func (s *Stream) tracksOf(ctx context.Context, f *fragment) (map[uint64]bool, error) {
	from := &fragmentReader{ctx: ctx, stream: s, of: f}
	defer from.at.close()
	has := map[uint64]bool{}
	for r := mkv.NewReader(from, mkv.ReaderOptions{}); ; {
		e, err := r.Next()
		if errors.Is(err, io.EOF) {
			return has, nil
		}
		if err != nil {
			return nil, fmt.Errorf("look at fragment: %w", err)
		}
		switch e.ID {
		case mkv.IDSimpleBlock:
			b, err := mkv.ParseBlock(e.Data())
			if err != nil {
				return nil, fmt.Errorf("look at block: %w", err)
			}
			has[b.Track] = true
		case mkv.IDBlockGroup:
			g, err := mkv.ParseBlockGroup(e.Data())
			if err != nil {
				return nil, fmt.Errorf("look at block: %w", err)
			}
			has[g.Block.Track] = true
		}
	}
}

// narrowedHeader is a header without the tracks that has lacks, and nil if it
// lacks none.
func narrowedHeader(h []byte, has map[uint64]bool) ([]byte, error) {
	r := mkv.NewReader(bytes.NewReader(h), mkv.ReaderOptions{})
	for {
		e, err := r.Next()
		if err != nil {
			return nil, fmt.Errorf("look at header: %w", noEOF(err))
		}
		if e.ID != mkv.IDTracks {
			continue
		}
		var kept []byte
		fewer := false
		for entry, err := range mkv.Children(e.Data()) {
			if err != nil {
				return nil, fmt.Errorf("look at tracks: %w", err)
			}
			if entry.ID == mkv.IDTrackEntry && !has[trackNumber(entry)] {
				fewer = true
				continue
			}
			kept = append(kept, entry.Raw...)
		}
		if !fewer {
			return nil, nil
		}
		out := append([]byte(nil), h[:e.Offset]...)
		out = mkv.AppendBytes(out, mkv.IDTracks, kept)
		return append(out, h[e.Offset+int64(len(e.Raw)):]...), nil
	}
}

// trackNumber is the number in a TrackEntry, 0 if there is none.
func trackNumber(entry mkv.Element) uint64 {
	for e, err := range mkv.Children(entry.Data()) {
		if err == nil && e.ID == mkv.IDTrackNumber {
			n, _ := mkv.ParseUint(e.Data())
			return n
		}
	}
	return 0
}

// A fragmentReader reads a fragment that has ended, wherever its bytes are.
type fragmentReader struct {
	ctx    context.Context // of whoever reads
	stream *Stream
	of     *fragment
	at     cursor
}

// Read reads what lies behind the cursor.
func (r *fragmentReader) Read(p []byte) (int, error) {
	s, f := r.stream, r.of
	s.mu.Lock()
	if f.settled {
		s.mu.Unlock()
		return 0, errGone
	}
	inMemory := f.body != nil
	n := 0
	if inMemory {
		n = f.copyFrom(&r.at, p)
	}
	s.mu.Unlock()
	switch {
	case !inMemory:
		return s.readSpooled(r.ctx, f, &r.at, p)
	case n == 0 && len(p) > 0:
		return 0, io.EOF
	}
	return n, nil
}
