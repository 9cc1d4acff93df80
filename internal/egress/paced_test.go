package egress_test

import (
	"context"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/egress"
	"github.com/millrace/millrace/internal/limit"
	"github.com/millrace/millrace/internal/store"
)

// stamped notes how much there was, and when, before each chunk.
type stamped struct {
	chunks
	began time.Time
	most  float64 // bytes a second, on the average and beyond those of the first second
}

func (s *stamped) WriteChunk(pieces ...[]byte) error {
	if passed := time.Since(s.began).Seconds(); passed > 0 {
		s.most = max(s.most, (float64(s.Len())-pacedRate)/passed)
	}
	return s.chunks.WriteChunk(pieces...)
}

// pacedRate is what the readers of these tests are sent, in bytes a second.
const pacedRate = 100_000

// pacedReader reads five fragments from the store, the third of which comes in
// parts.
func pacedReader(ctx context.Context, pace limit.Pace, to egress.ChunkWriter, t *testing.T) error {
	t.Helper()
	s := &shelf{kept: kept{fragments: []*millrace.Fragment{large(1, 10), large(2, 10), large(3, 1<<20), large(4, 10), large(5, 10)}}}
	stream := newStream(&given{numbers: []millrace.FragmentNumber{number(99)}})
	defer stream.Release()
	release(t, stream)
	e := egress.New(egress.Config{
		Index: s, Opener: s, Now: func() time.Time { return time.UnixMilli(0) }, IdleTimeout: time.Second,
		Logger: slog.New(slog.DiscardHandler), Pace: pace,
	})
	return getMedia(ctx, e, to, egress.Request{
		Stream: stream, Scope: func() store.Scope { return store.Scope{} }, Start: millrace.StartSelector{Type: millrace.StartEarliest},
	})
}

func TestAReaderIsSentNoMoreThanItsRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		free := stamped{began: time.Now()}
		if err := pacedReader(t.Context(), limit.Pace{}, &free, t); err != nil {
			t.Fatal(err)
		}
		took := time.Since(free.began)
		to := stamped{began: time.Now()}
		if err := pacedReader(t.Context(), limit.Pace{Bytes: pacedRate}, &to, t); err != nil {
			t.Fatal(err)
		}
		if to.String() != free.String() {
			t.Errorf("%d bytes, want %d", to.Len(), free.Len())
		}
		if want := time.Duration(float64(to.Len()-pacedRate) / pacedRate * float64(time.Second)); time.Since(to.began) < want-8*time.Second {
			t.Errorf("took %v, want %v", time.Since(to.began), want)
		}
		if to.most > pacedRate+1 || to.most < 0.9*pacedRate {
			t.Errorf("%.0f bytes a second", to.most)
		}
		if took > 2*time.Second {
			t.Errorf("without a rate %v", took)
		}
	})
}

func TestAReaderIsSentNoMoreFragmentsThanItsRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		to := stamped{began: time.Now()}
		if err := pacedReader(t.Context(), limit.Pace{Fragments: 2}, &to, t); err != nil {
			t.Fatal(err)
		}
		// Two at once and three behind them; then it is idle for a second.
		if took := time.Since(to.began); took < 5*time.Second/2 || took > 3200*time.Millisecond {
			t.Errorf("five fragments took %v", took)
		}
	})
}

// TestAReaderThatIsPacedEndsWithAWholeDocument: when it is told to end in the
// midst of a document, the rest of that goes out at once.
func TestAReaderThatIsPacedEndsWithAWholeDocument(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(t.Context())
		defer time.AfterFunc(10*time.Second, func() { cancel(egress.ErrStop) }).Stop()
		to := stamped{began: time.Now()}
		err := pacedReader(ctx, limit.Pace{Bytes: pacedRate}, &to, t)
		if took := time.Since(to.began); err != nil || took != 10*time.Second {
			t.Errorf("after %v: %v", took, err)
		}
		tail := to.String()[max(to.Len()-300, 0):]
		if n := strings.Count(to.String(), "CONTINUATION_TOKEN"); n != 3 || !strings.Contains(tail, "CONTINUATION_TOKEN") {
			t.Errorf("%d whole documents; the end is %q", n, tail)
		}
	})
}
