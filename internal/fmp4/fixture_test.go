package fmp4_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/fragment"
	"github.com/millrace/millrace/internal/timeline"
	"github.com/millrace/millrace/mkv"
)

// A shelf keeps the fragments of a body.
type shelf struct {
	fragments []*millrace.Fragment
	open      *millrace.Fragment
}

func (s *shelf) Begin(b fragment.Begin) error {
	s.open = &millrace.Fragment{
		Header: b.Header, Timecode: b.Timecode, TimecodeScale: b.Scale, ProducerTime: b.ProducerTime,
		Cluster: [][]byte{bytes.Clone(b.Prefix)},
	}
	return nil
}

func (s *shelf) Append(p []byte) error {
	s.open.Cluster[0] = append(s.open.Cluster[0], p...)
	return nil
}

func (s *shelf) Received() error { return nil }

func (s *shelf) Finish(f fragment.Finish) error {
	s.open.Samples, s.open.Duration, s.open.Flags = f.Samples, f.Duration, f.Flags
	s.fragments = append(s.fragments, s.open)
	return nil
}

func (s *shelf) Abort() error                   { return nil }
func (s *shelf) Condemned(fragment.Begin) error { return nil }

// fragmentsOf reads a body as ingest does.
func fragmentsOf(t testing.TB, body io.Reader) []*millrace.Fragment {
	t.Helper()
	s := &shelf{}
	a := fragment.NewAssembler(fragment.Config{
		Sink:    s,
		TagKind: func(string) fragment.TagKind { return fragment.EventTag },
		Limits:  fragment.Limits{AllowMissing: true, AllowHeaders: true},
	})
	r := mkv.NewReader(body, a.ReaderOptions())
	for {
		e, err := r.Next()
		if errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
			break
		}
		if err == nil {
			err = a.Add(e)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := a.Close(true, false); err != nil {
		t.Fatal(err)
	}
	return s.fragments
}

// vector reads the fragments of a file beside the repository, and skips the
// case where there is none.
func vector(t testing.TB, name string) []*millrace.Fragment {
	t.Helper()
	body, err := os.ReadFile(vectorPath(name))
	if errors.Is(err, os.ErrNotExist) {
		t.Skip("vectors not present")
	}
	if err != nil {
		t.Fatal(err)
	}
	var all []*millrace.Fragment
	magic := []byte{0x1a, 0x45, 0xdf, 0xa3} // each document is a session of its own
	for _, document := range bytes.Split(body, magic)[1:] {
		all = append(all, fragmentsOf(t, io.MultiReader(bytes.NewReader(magic), bytes.NewReader(document)))...)
	}
	return all
}

func vectorPath(name string) string {
	root := os.Getenv("MILLRACE_VECTORS")
	if root == "" {
		root = "../../../shared/vectors"
	}
	return filepath.Join(root, name)
}

func formatOf(t testing.TB, f *millrace.Fragment) *timeline.Format {
	t.Helper()
	format, err := timeline.Parse(f.Header)
	if err != nil {
		t.Fatal(err)
	}
	if err := timeline.Unlace(f, format); err != nil {
		t.Fatal(err)
	}
	return format
}

// startOf is when a fragment begins, in ticks of a track.
func startOf(track *timeline.Track, f *millrace.Fragment) int64 {
	return track.Ticks(time.Duration(f.Timecode * f.TimecodeScale))
}

// nextOf is what is known of the fragment behind the i-th.
func nextOf(track *timeline.Track, fragments []*millrace.Fragment, i int) timeline.Hint {
	if i+1 == len(fragments) {
		return timeline.Hint{}
	}
	next := track.Span(fragments[i+1], timeline.Hint{})
	if next.Samples == 0 {
		return timeline.Hint{}
	}
	return timeline.Hint{Next: startOf(track, fragments[i+1]) - startOf(track, fragments[i]) + next.Start, HasNext: true}
}
