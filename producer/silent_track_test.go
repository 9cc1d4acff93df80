package producer

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"github.com/millrace/millrace/media"
	"github.com/millrace/millrace/mkv"
)

// declaredIn are the tracks of a header.
func declaredIn(t *testing.T, header []byte) (numbers []uint64) {
	t.Helper()
	for r := mkv.NewReader(bytes.NewReader(header), mkv.ReaderOptions{}); ; {
		e, err := r.Next()
		if err != nil {
			return numbers
		}
		if e.ID != mkv.IDTracks {
			continue
		}
		list, err := mkv.ParseTracks(e.Data())
		if err != nil {
			t.Fatal(err)
		}
		for _, track := range list {
			numbers = append(numbers, track.Number)
		}
	}
}

// silenced is a stream that holds nothing, whose sound stops under the second of
// its fragments; started says that some of that was sent when it did.
func silenced(t *testing.T, o StreamConfig, started bool) *Stream {
	t.Helper()
	o.Tracks, o.Fragment.Interleave = cameraTracks(), -1
	s := unconnected(t, o)
	t.Cleanup(s.Abort)
	for i, f := range []media.Frame{
		{Track: 1, Key: true}, {Track: 2}, {Track: 1, PTS: time.Second, Key: true}, {Track: 1, PTS: 2 * time.Second},
	} {
		f.PTS, f.Data = f.PTS+epoch, fmt.Append(nil, i)
		if err := s.Write(t.Context(), f); err != nil {
			t.Fatal(err)
		}
	}
	s.mu.Lock()
	s.open.started = started
	s.mu.Unlock()
	if err := s.EndFragment(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s
}

// wantDeclared checks which tracks the fragments declare.
func wantDeclared(t *testing.T, s *Stream, want string) {
	t.Helper()
	var got []string
	_, headers := kept(s)
	for _, h := range headers {
		got = append(got, fmt.Sprint(declaredIn(t, h.bytes)))
	}
	if fmt.Sprint(got) != want {
		t.Errorf("declared are %v, want %s", got, want)
	}
}

func TestATrackThatFallsSilentIsNotDeclared(t *testing.T) {
	s := silenced(t, StreamConfig{}, false)
	wantDeclared(t, s, "[[1 2] [1]]")
	s = silenced(t, StreamConfig{Fragment: FragmentRules{Silent: SilentKeep}}, false)
	wantDeclared(t, s, "[[1 2] [1 2]]")
}

// What was sent already keeps its header, until the server has refused it.
func TestAFragmentThatWasSentKeepsItsHeader(t *testing.T) {
	s := silenced(t, StreamConfig{}, true)
	wantDeclared(t, s, "[[1 2] [1 2]]")
}
