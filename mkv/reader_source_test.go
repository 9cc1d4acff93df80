package mkv_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/millrace/millrace/mkv"
)

// pieces hands out one piece per Read and fails the test when it is asked for
// one that was not allowed.
type pieces struct {
	t       *testing.T
	rest    [][]byte
	allowed int
}

func (p *pieces) Read(b []byte) (int, error) {
	if len(p.rest) == 0 {
		return 0, io.EOF
	}
	if p.allowed == 0 {
		p.t.Fatal("read from the source although the element was whole")
	}
	n := copy(b, p.rest[0])
	if p.rest[0] = p.rest[0][n:]; len(p.rest[0]) == 0 {
		p.rest = p.rest[1:]
		p.allowed--
	}
	return n, nil
}

// Each piece of input is one element; Next must return it with what it read,
// and must not ask the source for the byte behind it (M3).
func TestReaderReturnsAnElementAsSoonAsItIsWhole(t *testing.T) {
	cluster := master(mkv.IDCluster, timecode(1), block(1, 0, "x"))
	src := &pieces{t: t, rest: [][]byte{
		mkv.AppendEBML(nil, mkv.EBML{}), open(mkv.IDSegment, 8), mkv.AppendTags(nil, nil, 4),
		open(mkv.IDCluster, 1), timecode(1), block(1, 0, strings.Repeat("frame", 5000)), block(1, 0, ""),
		mkv.AppendTags(nil, nil, 4), cluster[:5], cluster[5:8], cluster[8:], mkv.AppendTags(nil, nil, 1),
	}}
	r := mkv.NewReader(src, mkv.ReaderOptions{})
	for len(src.rest) > 0 {
		src.allowed = 1
		e, err := r.Next()
		if err != nil {
			t.Fatal(err)
		}
		switch {
		case e.Kind == mkv.End && r.Buffered() > 0: // its successor has been read and ended it
			e, err = r.Next()
		case e.Kind == mkv.Whole && e.Offset+int64(len(e.Raw)) == r.Offset() && len(src.rest) == 1:
			src.allowed = 0 // the known-size Cluster is at its end
			e, err = r.Next()
		}
		if err != nil || e.Kind == 0 || r.Buffered() != 0 {
			t.Fatalf("%v, %v, %d bytes left", e, err, r.Buffered())
		}
	}
}

func TestReaderReadsOnceForManyElements(t *testing.T) {
	src := &pieces{t: t, rest: [][]byte{join(open(mkv.IDCluster, 1), block(1, 0, "a"), block(1, 0, "b"))}, allowed: 1}
	r := mkv.NewReader(src, mkv.ReaderOptions{})
	for range 3 {
		if e, err := r.Next(); err != nil || len(e.Raw) == 0 {
			t.Fatal(e, err)
		}
	}
}

func TestReaderPassesOnTheSourcesError(t *testing.T) {
	broken := errors.New("cable cut")
	input := chatter()
	for n := 0; n < 300; n++ {
		r := mkv.NewReader(io.MultiReader(bytes.NewReader(input[:n]), iotest.ErrReader(broken)), mkv.ReaderOptions{})
		var err error
		for err == nil {
			_, err = r.Next()
		}
		var syntax *mkv.SyntaxError
		if !errors.Is(err, broken) || errors.As(err, &syntax) {
			t.Fatalf("after %d bytes: %v", n, err)
		}
		if r.Offset()+int64(r.Buffered()) != int64(n) {
			t.Fatalf("%d + %d bytes are known of %d", r.Offset(), r.Buffered(), n)
		}
	}
}

// flaky fails every other read.
type flaky struct {
	r    io.Reader
	fail bool
}

func (f *flaky) Read(p []byte) (int, error) {
	if f.fail = !f.fail; f.fail {
		return 0, os.ErrDeadlineExceeded
	}
	return f.r.Read(p)
}

func TestReaderGoesOnWhereTheSourceStopped(t *testing.T) {
	input := chatter()
	want, _ := drain(t, mkv.NewReader(bytes.NewReader(input), mkv.ReaderOptions{}), input)
	r := mkv.NewReader(&flaky{r: iotest.OneByteReader(bytes.NewReader(input))}, mkv.ReaderOptions{})
	var got []record
	for {
		e, err := r.Next()
		if errors.Is(err, os.ErrDeadlineExceeded) {
			continue
		}
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		e.Raw = bytes.Clone(e.Raw)
		got = append(got, record{e, r.Offset()})
	}
	if lines(got) != lines(want) {
		t.Errorf("got\n%swant\n%s", lines(got), lines(want))
	}
}

// A source that wraps io.EOF did not end, it broke.
func TestReaderTakesAWrappedEOFForAnError(t *testing.T) {
	lost := fmt.Errorf("connection lost: %w", io.EOF)
	r := mkv.NewReader(iotest.ErrReader(lost), mkv.ReaderOptions{})
	if _, err := r.Next(); err == io.EOF || !errors.Is(err, lost) {
		t.Error(err)
	}
}

type readFunc func([]byte) (int, error)

func (f readFunc) Read(p []byte) (int, error) { return f(p) }

func TestReaderSurvivesABadSource(t *testing.T) {
	tests := map[string]struct {
		read readFunc
		want error
	}{
		"that gives nothing":      {func([]byte) (int, error) { return 0, nil }, io.ErrNoProgress},
		"that gives too much":     {func(p []byte) (int, error) { return len(p) + 1, nil }, nil},
		"that gives less than no": {func([]byte) (int, error) { return -1, nil }, nil},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := mkv.NewReader(test.read, mkv.ReaderOptions{}).Next()
			if err == nil || test.want != nil && !errors.Is(err, test.want) {
				t.Errorf("got %v", err)
			}
		})
	}
}

// stutter gives nothing in all but every 50th read.
type stutter struct {
	r io.Reader
	n int
}

func (s *stutter) Read(p []byte) (int, error) {
	if s.n++; s.n%50 != 0 {
		return 0, nil
	}
	return s.r.Read(p)
}

func TestReaderIsPatientWithEmptyReads(t *testing.T) {
	input := chatter()[:200]
	r := mkv.NewReader(&stutter{r: iotest.OneByteReader(bytes.NewReader(input))}, mkv.ReaderOptions{})
	if got, err := drain(t, r, input); !errors.Is(err, io.ErrUnexpectedEOF) || len(got) != 8 {
		t.Errorf("%v after\n%s", err, lines(got))
	}
}

// A source that has ended is not asked again: a terminal would wait for more.
func TestReaderTakesTheEndForFinal(t *testing.T) {
	ended := false
	src := readFunc(func([]byte) (int, error) {
		if ended {
			t.Fatal("read behind the end")
		}
		ended = true
		return 0, io.EOF
	})
	r := mkv.NewReader(io.MultiReader(bytes.NewReader(chatter()), src), mkv.ReaderOptions{})
	if _, err := drain(t, r, chatter()); err != io.EOF {
		t.Fatal(err)
	}
}
