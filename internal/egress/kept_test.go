package egress_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/egress"
	"github.com/millrace/millrace/internal/memory"
	"github.com/millrace/millrace/internal/store"
)

// A shelf is a store whose entries say how large their fragments are, and that
// opens them.
type shelf struct {
	kept
	refuse error // of Open
	spoilt error // instead of the last part
	opened int
}

func (s *shelf) After(ctx context.Context, scope store.Scope, n millrace.FragmentNumber, limit int) ([]store.Entry, error) {
	out, err := s.kept.After(ctx, scope, n, limit)
	for i := range out {
		out[i].Size = int64(s.fragments[out[i].Position.Offset].Size())
	}
	return out, err
}

func (s *shelf) Open(_ context.Context, _ store.Scope, e store.Entry, buf []byte) (*store.Parts, error) {
	if s.opened++; s.refuse != nil {
		return nil, s.refuse
	}
	if len(buf) > 1<<20 {
		return nil, fmt.Errorf("%d bytes for a part", len(buf))
	}
	f := s.fragments[e.Position.Offset]
	body := bytes.Join([][]byte{f.Leading, bytes.Join(f.Cluster, nil), f.Trailing}, nil)
	return store.NewParts(store.Parts{
		Number: f.Number, ProducerTime: f.ProducerTime, Header: f.Header,
		Leading: int64(len(f.Leading)), Cluster: int64(f.ClusterSize()), Trailing: int64(len(f.Trailing)),
	}, func(buf []byte) (int, error) {
		if len(body) == 0 {
			return 0, io.EOF
		}
		n := copy(buf, body)
		if body = body[n:]; len(body) == 0 && s.spoilt != nil {
			return 0, s.spoilt
		}
		return n, nil
	}), nil
}

func large(n uint64, size int) *millrace.Fragment {
	return &millrace.Fragment{
		Number: number(n), Header: millrace.NewHeader([]byte("header")), Leading: []byte(strings.Repeat("l", 1000)),
		Cluster: [][]byte{[]byte(strings.Repeat("c", size))}, Trailing: []byte(strings.Repeat("t", 300_000)),
	}
}

// fromShelf is what a reader of the store gets.
func fromShelf(t *testing.T, s *shelf, o store.Opener, budget *memory.Budget, to egress.ChunkWriter) error {
	t.Helper()
	stream := newStream(&given{numbers: []millrace.FragmentNumber{number(99)}})
	defer stream.Release()
	release(t, stream)
	e := egress.New(egress.Config{
		Index: s, Opener: o, Now: func() time.Time { return time.UnixMilli(0) }, IdleTimeout: time.Second,
		Logger: slog.New(slog.DiscardHandler), Memory: budget,
	})
	return getMedia(t.Context(), e, to, egress.Request{
		Stream: stream, Scope: func() store.Scope { return store.Scope{} }, Start: millrace.StartSelector{Type: millrace.StartEarliest},
	})
}

func TestALargeFragmentIsTheSameInParts(t *testing.T) {
	for _, size := range []int{300_000, 512 << 10, 3 << 20} {
		synctest.Test(t, func(t *testing.T) {
			s := &shelf{kept: kept{fragments: []*millrace.Fragment{large(1, size), large(2, 10), large(3, size+1)}}}
			var whole, parts chunks
			if err := fromShelf(t, s, nil, nil, &whole); err != nil {
				t.Fatal(err)
			}
			if err := fromShelf(t, s, s, nil, &parts); err != nil {
				t.Fatal(err)
			}
			if s.opened != 2 || !bytes.Equal(whole.Bytes(), parts.Bytes()) {
				t.Errorf("%d opened, %d bytes and %d", s.opened, whole.Len(), parts.Len())
			}
		})
	}
}

func TestALargeFragmentThatCannotBeOpenedIsPassedOver(t *testing.T) {
	for _, refuse := range []error{millrace.ErrNotFound, millrace.ErrCorrupt} {
		synctest.Test(t, func(t *testing.T) {
			s := &shelf{kept: kept{fragments: []*millrace.Fragment{large(1, 1<<20), large(2, 10)}}, refuse: refuse}
			var to chunks
			if err := fromShelf(t, s, s, nil, &to); err != nil || strings.Count(to.String(), "CONTINUATION_TOKEN") != 1 {
				t.Errorf("%v: err = %v, %d bytes", refuse, err, to.Len())
			}
		})
	}
}

// I7.
func TestAFragmentThatIsDamagedWhileItIsReadIsCut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &shelf{kept: kept{fragments: []*millrace.Fragment{large(1, 1<<20)}}, spoilt: millrace.ErrCorrupt}
		var to chunks
		err := fromShelf(t, s, s, nil, &to)
		if !errors.Is(err, egress.ErrCut) || strings.Contains(to.String(), "CONTINUATION_TOKEN") || to.Len() < 1<<20 {
			t.Errorf("err = %v, %d bytes", err, to.Len())
		}
	})
}

// A deaf client takes nothing, until it is broken off.
type deaf struct {
	since time.Time
	gone  chan struct{}
	once  sync.Once
}

func (d *deaf) Waiting() time.Duration { return time.Since(d.since) }
func (d *deaf) Abort()                 { d.once.Do(func() { close(d.gone) }) }

func (d *deaf) WriteChunk(...[]byte) error {
	<-d.gone
	return io.ErrClosedPipe
}

// Where memory is short readers wait for it, and those who take nothing lose
// theirs.
func TestReadersShareMemory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		budget := memory.New(4 << 20) // a quarter of it is for readers
		s := &shelf{kept: kept{fragments: []*millrace.Fragment{large(1, 200_000)}}}
		var work sync.WaitGroup
		var slow [2]error
		for i := range slow {
			work.Go(func() { slow[i] = fromShelf(t, s, s, budget, &deaf{since: time.Now(), gone: make(chan struct{})}) })
			synctest.Wait()
		}
		began := time.Now()
		var to chunks
		if err := fromShelf(t, s, s, budget, &to); err != nil || !strings.Contains(to.String(), "CONTINUATION_TOKEN") {
			t.Errorf("err = %v, %d bytes", err, to.Len())
		}
		if d := time.Since(began); d < 5*time.Second || d > 7*time.Second {
			t.Errorf("it took %v", d)
		}
		if n := budget.Stats(); n.Cut != 1 {
			t.Errorf("%+v", n)
		}
		ctx, cancel := context.WithCancel(t.Context())
		go budget.Run(ctx)
		more := budget.NewWriter(nil)
		if err := more.Take(ctx, 1<<20); err != nil {
			t.Fatal(err)
		}
		loan := budget.Lend(more.Hand(1<<20, 0), func(time.Duration) bool { return false })
		work.Wait() // the other one is cut because there is too much
		loan.Return()
		more.Close()
		cancel()
		for _, err := range slow {
			if !errors.Is(err, egress.ErrSlow) {
				t.Errorf("a reader that takes nothing ends with %v", err)
			}
		}
		if n := budget.Stats(); n.Readers != 0 {
			t.Errorf("%+v", n)
		}
	})
}
