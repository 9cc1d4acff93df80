package egress_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/egress"
	"github.com/millrace/millrace/internal/limit"
	"github.com/millrace/millrace/internal/memory"
	"github.com/millrace/millrace/internal/store"
	"github.com/millrace/millrace/mkv"
)

// simpleTags are all tags of a response, in order.
func simpleTags(t *testing.T, response []byte) (names, values []string) {
	t.Helper()
	r := mkv.NewReader(bytes.NewReader(response), mkv.ReaderOptions{})
	for {
		e, err := r.Next()
		if err != nil {
			return names, values
		}
		if e.ID != mkv.IDTags {
			continue
		}
		tags, err := mkv.ParseTags(e.Data())
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range tags[0].Simple {
			names, values = append(names, strings.TrimPrefix(s.Name, "AWS_KINESISVIDEO_")), append(values, s.String)
		}
	}
}

// list delivers fragments of a shelf by their numbers.
func list(ctx context.Context, s *shelf, to egress.ChunkWriter, c egress.Config, numbers ...uint64) error {
	c.Index, c.Opener, c.Now = s, s, func() time.Time { return time.UnixMilli(0) }
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	r := egress.ListRequest{Scope: func() store.Scope { return store.Scope{} }}
	for _, n := range numbers {
		r.Numbers = append(r.Numbers, number(n))
	}
	return egress.New(c).List(ctx, r, to)
}

// listed is the document of a fragment of a list, made of parts.
func listed(f *millrace.Fragment) []byte {
	tag := func(name, value string) mkv.SimpleTag {
		return mkv.SimpleTag{Name: "AWS_KINESISVIDEO_" + name, String: value}
	}
	tags := mkv.AppendTags(nil, []mkv.Tag{{Simple: []mkv.SimpleTag{
		tag("FRAGMENT_NUMBER", f.Number.String()),
		tag("SERVER_TIMESTAMP", "1700000000.123"), tag("PRODUCER_TIMESTAMP", "12.005"),
		tag("SERVER_SIDE_TIMESTAMP", "1700000000.123"), tag("PRODUCER_SIDE_TIMESTAMP", "12.005"),
	}}}, 4)
	return slices.Concat(f.Header.Bytes, f.Leading, tags, bytes.Join(f.Cluster, nil), f.Trailing)
}

func shelfOf(sizes ...int) *shelf {
	s := &shelf{}
	for i, size := range sizes {
		f := large(uint64(i+1), size)
		f.ProducerTime = time.UnixMilli(12005)
		f.Header = millrace.NewHeader(slices.Concat(mkv.AppendEBML(nil, mkv.EBML{DocType: "matroska"}),
			mkv.AppendUnknownSize(mkv.AppendID(nil, mkv.IDSegment), 8)))
		f.Leading, f.Trailing = nil, nil
		f.Cluster = [][]byte{
			mkv.AppendUnknownSize(mkv.AppendID(nil, mkv.IDCluster), 1), mkv.AppendUint(nil, mkv.IDTimecode, uint64(i)),
			append(mkv.AppendSimpleBlockHeader(nil, 1, 0, mkv.FlagKeyframe, size), make([]byte, size)...),
		}
		s.fragments = append(s.fragments, f)
	}
	return s
}

func TestAListIsDeliveredInItsOwnOrderByteForByte(t *testing.T) {
	s := shelfOf(10, 600<<10, 20) // the second in parts
	s.fragments[0].Leading = mkv.AppendTags(nil, []mkv.Tag{{Simple: []mkv.SimpleTag{{Name: "of", String: "the producer"}}}}, 8)
	s.fragments[2].Trailing = mkv.AppendTags(nil, []mkv.Tag{{Simple: []mkv.SimpleTag{{Name: "behind", String: "it"}}}}, 8)
	var to chunks
	if err := list(t.Context(), s, &to, egress.Config{}, 3, 1, 2, 2, 3); err != nil {
		t.Fatal(err)
	}
	var want []byte
	for _, i := range []int{2, 0, 1, 1, 2} {
		want = append(want, listed(s.fragments[i])...)
	}
	if !bytes.Equal(to.Bytes(), want) {
		t.Errorf("differs at byte %d of %d and %d", differ(to.Bytes(), want), to.Len(), len(want))
	}
	if s.opened != 2 {
		t.Errorf("%d were opened", s.opened)
	}
}

func TestAListEndsWithWhatItTells(t *testing.T) {
	stopped, stop := context.WithCancelCause(context.Background())
	stop(egress.ErrStop)
	for name, tc := range map[string]struct {
		ctx     context.Context
		spoil   func(*shelf)
		numbers []uint64
		whole   int // fragments before
		told    []string
	}{
		"a fragment that is not there":  {numbers: []uint64{1, 9, 1}, whole: 1, told: []string{"9", "3000", "FRAGMENT_NOT_FOUND", "3000", "The fragment was not found."}},
		"the first that is not there":   {numbers: []uint64{0}, told: []string{"0", "3000", "FRAGMENT_NOT_FOUND", "3000", "The fragment was not found."}},
		"a fragment that is damaged":    {spoil: func(s *shelf) { s.fragments[1].Flags = damaged }, numbers: []uint64{1, 2, 1}, whole: 1, told: []string{"2", "5000", "INTERNAL_ERROR", "5000", "The fragment is damaged."}},
		"a large one that is damaged":   {spoil: func(s *shelf) { s.refuse = millrace.ErrCorrupt }, numbers: []uint64{1, 3, 1}, whole: 1, told: []string{"3", "5000", "INTERNAL_ERROR", "5000", "The fragment is damaged."}},
		"one that went after the look":  {spoil: func(s *shelf) { s.refuse = millrace.ErrNotFound }, numbers: []uint64{3}, told: []string{"3", "3000", "FRAGMENT_NOT_FOUND", "3000", "The fragment was not found."}},
		"a store that does not answer":  {spoil: func(s *shelf) { s.refuse = store.ErrUnavailable }, numbers: []uint64{3}, told: []string{"3", "5000", "INTERNAL_ERROR", "5000", "The fragment could not be read."}},
		"a server that is shut down":    {ctx: stopped, numbers: []uint64{1}, told: []string{"1", "5000", "INTERNAL_ERROR", "5000", "The server ended the response."}},
		"a number that nothing follows": {numbers: []uint64{1 << 62}, told: []string{"4611686018427387904", "3000", "FRAGMENT_NOT_FOUND", "3000", "The fragment was not found."}},
	} {
		t.Run(name, func(t *testing.T) {
			s := shelfOf(10, 20, 600<<10)
			if tc.spoil != nil {
				tc.spoil(s)
			}
			if tc.ctx == nil {
				tc.ctx = t.Context()
			}
			var to chunks
			if err := list(tc.ctx, s, &to, egress.Config{}, tc.numbers...); !errors.Is(err, egress.ErrTold) {
				t.Errorf("err = %v", err)
			}
			before := len(listed(s.fragments[0])) * tc.whole
			if !bytes.HasPrefix(to.Bytes()[before:], s.fragments[0].Header.Bytes[:4]) {
				t.Fatalf("%q", to.Bytes())
			}
			names, values := simpleTags(t, to.Bytes()[before:])
			want := []string{"FRAGMENT_NUMBER", "ERROR_ID", "ERROR_CODE", "EXCEPTION_ERROR_CODE", "EXCEPTION_MESSAGE"}
			tc.told[0] = number(tc.numbers[tc.whole]).String()
			if !slices.Equal(names, want) || !slices.Equal(values, tc.told) {
				t.Errorf("told %q %q", names, values)
			}
		})
	}
}

// I7.
func TestAFragmentOfAListThatIsDamagedWhileItIsReadIsCut(t *testing.T) {
	s := shelfOf(1 << 20)
	s.spoilt = millrace.ErrCorrupt
	var to chunks
	if err := list(t.Context(), s, &to, egress.Config{}, 1); !errors.Is(err, egress.ErrCut) || errors.Is(err, egress.ErrTold) {
		t.Errorf("err = %v", err)
	}
}

func TestAListWhoseReaderHasGoneEndsWithThat(t *testing.T) {
	gone := errors.New("gone")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(gone)
	var to chunks
	if err := list(ctx, shelfOf(10), &to, egress.Config{}, 1); !errors.Is(err, gone) || to.Len() > 0 {
		t.Errorf("err = %v, %d bytes", err, to.Len())
	}
	to.fail = gone
	if err := list(t.Context(), shelfOf(10, 10), &to, egress.Config{}, 1, 2); !errors.Is(err, gone) || to.count != 1 {
		t.Errorf("err = %v after %d chunks", err, to.count)
	}
}

func TestAListIsHeldToItsPace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		var to chunks
		err := list(t.Context(), shelfOf(100_000), &to, egress.Config{Pace: limit.Pace{Bytes: 100_000, Fragments: 1}}, slices.Repeat([]uint64{1}, 11)...)
		if took := time.Since(began); err != nil || took < 9*time.Second || took > 10*time.Second {
			t.Errorf("11 fragments of a second's bytes took %v, %v", took, err)
		}
	})
}

// A list whose reader takes nothing gives up what it holds, where memory is
// short, and one that waits for memory can be stopped.
func TestListsShareMemory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		budget := memory.New(1 << 20) // a quarter of it is for readers
		slow := make(chan error, 1)
		go func() {
			slow <- list(t.Context(), shelfOf(200_000), &deaf{since: time.Now(), gone: make(chan struct{})}, egress.Config{Memory: budget}, 1)
		}()
		synctest.Wait()
		ctx, stop := context.WithCancelCause(t.Context())
		stopped := make(chan error, 1)
		var told chunks
		go func() { stopped <- list(ctx, shelfOf(200_000), &told, egress.Config{Memory: budget}, 1) }()
		synctest.Wait()
		stop(egress.ErrStop)
		if err := <-stopped; !errors.Is(err, egress.ErrTold) || !strings.Contains(told.String(), "EXCEPTION_MESSAGE") {
			t.Errorf("one that waits ends with %v", err)
		}
		var to chunks
		if err := list(t.Context(), shelfOf(200_000), &to, egress.Config{Memory: budget}, 1); err != nil {
			t.Error(err)
		}
		if err := <-slow; !errors.Is(err, egress.ErrSlow) {
			t.Errorf("the reader that takes nothing ends with %v", err)
		}
		if n := budget.Stats(); n.Readers != 0 {
			t.Errorf("%+v", n)
		}
	})
}

func TestAListTellsWhatWentOut(t *testing.T) {
	s := shelfOf(10, 600<<10)
	for _, f := range s.fragments {
		f.Samples = make([]millrace.Sample, 1)
	}
	var to chunks
	var bytes int64
	fragments := 0
	err := egress.New(egress.Config{Index: s, Opener: s, Now: time.Now, Logger: slog.New(slog.DiscardHandler)}).List(t.Context(), egress.ListRequest{
		Numbers: []millrace.FragmentNumber{number(1), number(2), number(3)}, Scope: func() store.Scope { return store.Scope{} },
		Events: egress.Events{Written: func(n int64) { bytes += n }, Delivered: func(egress.Delivered) { fragments++ }},
	}, &to)
	if !errors.Is(err, egress.ErrTold) || fragments != 2 || bytes != int64(to.Len()) {
		t.Errorf("%d fragments and %d bytes of %d, %v", fragments, bytes, to.Len(), err)
	}
}
