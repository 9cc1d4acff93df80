package pack_test

import (
	"math"
	"testing"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/pack"
)

func TestAFooterIsNoLargerThanItIsSaidToBe(t *testing.T) {
	var f pack.Footer
	for i := range 100 {
		number := millrace.NewFragmentNumber(uint64(i), time.UnixMilli(0), 0)
		f.Entries = append(f.Entries, pack.Entry{
			Offset: int64(i) << 28, Stream: millrace.StreamKey{ID: math.MaxUint64 - uint64(i), Generation: math.MaxUint32},
			Number: number, ProducerTime: time.UnixMilli(math.MinInt64 / 4), Duration: math.MinInt64,
			Size: math.MaxUint32, Flags: math.MaxUint32,
		})
		f.Headers = append(f.Headers, pack.HeaderEntry{Offset: math.MaxInt32 * pack.Align})
		f.Limits = append(f.Limits, pack.Limit{})
	}
	most := pack.MinFooter + 100*(pack.MaxEntry+pack.MaxHeaderEntry+pack.LimitSize)
	if n := len(f.Append(nil, pack.FileHeader{}, 0, 0)); n > most {
		t.Errorf("a footer of %d bytes, at most %d", n, most)
	}
	f = pack.Footer{}
	if n := len(f.Append(nil, pack.FileHeader{}, 0, 0)); n > pack.MinFooter {
		t.Errorf("an empty footer of %d bytes, at most %d", n, pack.MinFooter)
	}
	h := millrace.NewHeader(make([]byte, 1000))
	if n := len(pack.AppendHeader(nil, h)); int64(n) != pack.HeaderRecordSize(h) {
		t.Errorf("header elements take %d bytes, said were %d", n, pack.HeaderRecordSize(h))
	}
}
