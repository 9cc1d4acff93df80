package egress_test

import (
	"bytes"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/egress"
	"github.com/millrace/millrace/internal/store"
	"github.com/millrace/millrace/internal/tail"
)

// TestAResponseTellsOfWhatIsKeptAlone: of two fragments that went out whole one
// was lost by the store. All bytes count.
func TestAResponseTellsOfWhatIsKeptAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStream(&given{numbers: []millrace.FragmentNumber{number(1), number(2)}})
		defer s.Release()
		var delivered []int
		var written int64
		var to chunks
		result := make(chan error)
		go func() {
			result <- getMedia(t.Context(), newEgress(&kept{}, time.Now()), &to, egress.Request{
				Stream: s, Scope: func() store.Scope { return store.Scope{} }, Start: millrace.StartSelector{Type: millrace.StartEarliest},
				Events: egress.Events{
					Delivered: func(d egress.Delivered) { delivered = append(delivered, d.Frames) },
					Written:   func(bytes int64) { written += bytes },
				},
			})
		}()
		for i, lost := range []error{errors.New("disk full"), nil} {
			f, err := s.Open(tail.Info{Header: millrace.NewHeader([]byte("h"))}, nil)
			if err != nil {
				t.Fatal(err)
			}
			if err := f.Append(t.Context(), []byte("cluster")); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			f.Complete(tail.Finish{Duration: time.Second, Frames: 3 + i})
			f.Settle(lost)
			f.Release()
			synctest.Wait()
		}
		if err := <-result; err != nil { // silence
			t.Fatal(err)
		}
		if len(delivered) != 1 || delivered[0] != 4 {
			t.Errorf("told of fragments of %v frames, want one of 4", delivered)
		}
		if written != int64(to.Len()) || bytes.Count(to.Bytes(), []byte("cluster")) != 2 {
			t.Errorf("told of %d bytes of %d: %q", written, to.Len(), to.Bytes())
		}
	})
}
