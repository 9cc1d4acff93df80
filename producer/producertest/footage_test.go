package producertest_test

import (
	"bytes"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/millrace/millrace/producer/producertest"
)

func TestFootageIsComparedFrameByFrame(t *testing.T) {
	f := producertest.Footage{Seed: 3, Began: clock, Every: time.Second}
	fragment := func(numbers ...int) (made producertest.Fragment) {
		for _, n := range numbers {
			made.Frames = append(made.Frames, producertest.Frame{Time: f.Time(n).UnixMilli(), Data: f.Data(n)})
		}
		return made
	}
	damaged := fragment(0, 1, 2)
	damaged.Frames[1].Data = bytes.Clone(damaged.Frames[1].Data)
	damaged.Frames[1].Data[7] ^= 0x80
	late := fragment(0, 1, 2)
	late.Frames[2].Time++
	all := producertest.Comparison{Written: 5, Once: true, Millis: true}
	missing := all
	missing.Missing = func(n int) bool { return n == 3 }
	many := all
	many.Once = false
	for name, tc := range map[string]struct {
		kept []producertest.Fragment
		c    producertest.Comparison
		want error
	}{
		"all of it":               {[]producertest.Fragment{fragment(0, 1, 2), fragment(3, 4)}, all, nil},
		"one that is lost":        {[]producertest.Fragment{fragment(0, 1, 2), fragment(4)}, all, producertest.ErrLost},
		"one that was reported":   {[]producertest.Fragment{fragment(0, 1, 2), fragment(4)}, missing, nil},
		"one that is there twice": {[]producertest.Fragment{fragment(0, 1, 2), fragment(2, 3, 4)}, all, producertest.ErrTwice},
		"repeats that may be":     {[]producertest.Fragment{fragment(0, 1, 2), fragment(0, 1, 2), fragment(3, 4)}, many, nil},
		"the wrong order":         {[]producertest.Fragment{fragment(3, 4), fragment(0, 1, 2)}, all, producertest.ErrReversed},
		"a hole in a fragment":    {[]producertest.Fragment{fragment(0, 2), fragment(1), fragment(3, 4)}, many, producertest.ErrReversed},
		"a bit that is flipped":   {[]producertest.Fragment{damaged, fragment(3, 4)}, all, producertest.ErrStrange},
		"a time that is another":  {[]producertest.Fragment{late, fragment(3, 4)}, all, producertest.ErrStrange},
		"one that nobody wrote":   {[]producertest.Fragment{fragment(0, 1, 2), fragment(3, 4, 5)}, all, producertest.ErrStrange},
	} {
		if err := f.Compare(tc.kept, tc.c); !errors.Is(err, tc.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if !f.Key(0) || slices.Equal(f.Data(1), f.Data(2)) {
		t.Error("frames are alike")
	}
}
