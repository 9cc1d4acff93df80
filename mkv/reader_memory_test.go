package mkv_test

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/millrace/millrace/mkv"
)

func TestReaderHoldsNoMemoryBeforeTheFirstByteIsWanted(t *testing.T) {
	r := mkv.NewReader(bytes.NewReader(nil), mkv.ReaderOptions{})
	if n := r.BufferSize(); n != 0 {
		t.Errorf("%d bytes", n)
	}
}

func TestReaderHoldsLittleForASlowSource(t *testing.T) {
	input := bytes.Repeat(block(1, 0, strings.Repeat("x", 1000)), 100)
	r := mkv.NewReader(iotest.OneByteReader(bytes.NewReader(input)), mkv.ReaderOptions{})
	if _, err := drain(t, r, input); err != io.EOF {
		t.Fatal(err)
	}
	if n := r.BufferSize(); n > 4<<10 {
		t.Errorf("%d bytes", n)
	}
}

func TestReaderTakesLongReadsFromAFastSource(t *testing.T) {
	input := bytes.Repeat(block(1, 0, strings.Repeat("x", 1000)), 1000)
	r := mkv.NewReader(bytes.NewReader(input), mkv.ReaderOptions{})
	if _, err := drain(t, r, input); err != io.EOF {
		t.Fatal(err)
	}
	if n := r.BufferSize(); n != 64<<10 {
		t.Errorf("%d bytes", n)
	}
}

// M4: a block of 49 MB is announced, and 300 KB of it come.
func TestReaderDoesNotTrustADeclaredSize(t *testing.T) {
	head := mkv.AppendSize(mkv.AppendID(nil, mkv.IDSimpleBlock), 49_000_000, 0)
	came := 300_000
	input := join(open(mkv.IDCluster, 1), head, make([]byte, came))
	r := mkv.NewReader(bytes.NewReader(input), mkv.ReaderOptions{})
	if _, err := drain(t, r, input); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Fatal(err)
	}
	if n := r.BufferSize(); n > 2*came {
		t.Errorf("%d bytes for %d that came", n, came)
	}
}

func TestReaderGivesALargeBufferBack(t *testing.T) {
	small := bytes.Repeat(block(1, 0, strings.Repeat("x", 1000)), 1000)
	for _, size := range []int{200_000, 5_000_000} {
		big := join(open(mkv.IDCluster, 1), block(1, 0, strings.Repeat("x", size)))
		r := mkv.NewReader(io.MultiReader(bytes.NewReader(big), bytes.NewReader(small)), mkv.ReaderOptions{})
		for range 2 {
			if _, err := r.Next(); err != nil {
				t.Fatal(err)
			}
		}
		if n := r.BufferSize(); n < size || n > 3*size {
			t.Errorf("%d bytes for a block of %d", n, size)
		}
		for {
			if _, err := r.Next(); err == io.EOF {
				break
			} else if err != nil {
				t.Fatal(err)
			}
		}
		if n := r.BufferSize(); n != 64<<10 {
			t.Errorf("%d bytes kept after a block of %d", n, size)
		}
	}
}

// Key frames above 64 KiB once in a while must not cost an allocation each.
func TestReaderKeepsALargeBufferFromKeyFrameToKeyFrame(t *testing.T) {
	gop := join(block(1, 0, strings.Repeat("k", 200_000)), bytes.Repeat(block(1, 0, strings.Repeat("x", 5000)), 60))
	body := join(open(mkv.IDCluster, 1), gop, gop)
	src := bytes.NewReader(body)
	r := mkv.NewReader(src, mkv.ReaderOptions{})
	read := func() {
		src.Reset(gop)
		for src.Len() > 0 || r.Buffered() > 0 {
			if _, err := r.Next(); err != nil {
				t.Fatal(err)
			}
		}
	}
	src.Reset(body[:5])
	if _, err := r.Next(); err != nil {
		t.Fatal(err)
	}
	read()
	if n := testing.AllocsPerRun(10, read); n > 0 {
		t.Errorf("%v allocations per group of pictures", n)
	}
}

// A purse counts what a Reader takes.
type purse struct {
	held, most int
	refuse     error
	short      bool
	asked      int
}

func (p *purse) Short() bool { return p.short }

func (p *purse) Take(n, size int) error {
	p.asked = size
	if p.refuse != nil {
		return p.refuse
	}
	p.held += n
	p.most = max(p.most, p.held)
	return nil
}

func (p *purse) Give(n int) { p.held -= n }

func TestReaderAsksForWhatItHolds(t *testing.T) {
	small := bytes.Repeat(block(1, 0, strings.Repeat("x", 1000)), 2000)
	for _, size := range []int{10_000, 100_000, 1_000_000, 7_654_321} {
		big := block(1, 0, strings.Repeat("x", size))
		input := join(open(mkv.IDCluster, 1), big, small[:len(small)/2], big, small)
		p := &purse{}
		r := mkv.NewReader(bytes.NewReader(input), mkv.ReaderOptions{Memory: p})
		for {
			_, err := r.Next()
			if held := r.BufferSize(); held > 4<<10 && held != p.held || p.held < 0 {
				t.Fatalf("%d bytes are held, and %d were asked for", held, p.held)
			}
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		if p.most > 3*max(len(big), 64<<10) {
			t.Errorf("%d bytes for an element of %d", p.most, len(big))
		}
		if size > 64<<10 && p.held != 64<<10 {
			t.Errorf("%d bytes are held at the end", p.held)
		}
	}
}

func TestReaderKeepsNothingForLaterWhereMemoryIsShort(t *testing.T) {
	big, small := block(1, 0, strings.Repeat("x", 3_000_000)), block(1, 0, strings.Repeat("x", 40_000))
	p := &purse{}
	var parts []io.Reader // each comes alone
	for _, part := range [][]byte{open(mkv.IDCluster, 1), big, small, small, small, small} {
		parts = append(parts, bytes.NewReader(part))
	}
	r := mkv.NewReader(io.MultiReader(parts...), mkv.ReaderOptions{Memory: p})
	for i, want := range []int{64 << 10, 4 << 20, 4 << 20, 64 << 10, 64 << 10} {
		if _, err := r.Next(); err != nil || p.held > want {
			t.Errorf("behind element %d %d bytes are held (%v)", i, p.held, err)
		}
		p.short = i >= 2
	}
}

func TestReaderGoesOnWhenThereIsMemoryAgain(t *testing.T) {
	big := block(1, 0, strings.Repeat("x", 300_000))
	input := join(open(mkv.IDCluster, 1), big)
	p := &purse{refuse: errors.New("none left")}
	r := mkv.NewReader(bytes.NewReader(input), mkv.ReaderOptions{Memory: p})
	if e, err := r.Next(); err != nil || e.ID != mkv.IDCluster {
		t.Fatal(e, err)
	}
	for range 2 {
		if _, err := r.Next(); !errors.Is(err, p.refuse) || p.asked != len(big) {
			t.Fatalf("%v, asked for an element of %d", err, p.asked)
		}
	}
	p.refuse = nil
	if e, err := r.Next(); err != nil || !bytes.Equal(e.Raw, big) {
		t.Fatalf("%d bytes, %v", len(e.Raw), err)
	}
}
