package mkv_test

import (
	"bytes"
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/millrace/millrace/mkv"
)

func TestParseBlock(t *testing.T) {
	tests := []struct {
		hex  string
		want mkv.Block
	}{
		{`81 0000 80 65888400`, mkv.Block{Track: 1, Flags: mkv.FlagKeyframe, Payload: []byte{0x65, 0x88, 0x84, 0}}},
		{`82 0021 09`, mkv.Block{Track: 2, RelTime: 33, Flags: mkv.FlagInvisible | mkv.FlagDiscardable, Payload: []byte{}}},
		{`4081 FFFF 00 AA`, mkv.Block{Track: 129, RelTime: -1, Payload: []byte{0xAA}}},
		{`01FFFFFFFFFFFFFF 8000 00`, mkv.Block{Track: 1<<56 - 1, RelTime: math.MinInt16, Payload: []byte{}}},
	}
	for _, test := range tests {
		got, err := mkv.ParseBlock(unhex(t, test.hex))
		if diff := cmp.Diff(test.want, got); diff != "" || err != nil {
			t.Errorf("%s: %v %s", test.hex, err, diff)
		}
	}
	for _, s := range []string{"", "00", "81", "81 00", "81 0000", "40", "4081 0000"} {
		if _, err := mkv.ParseBlock(unhex(t, s)); !errors.Is(err, mkv.ErrBadValue) {
			t.Errorf("%q: %v", s, err)
		}
	}
}

func TestBlockFlags(t *testing.T) {
	b := mkv.Block{Flags: 0x80 | 0x08 | 0x01 | 0x04}
	if !b.Keyframe() || !b.Invisible() || !b.Discardable() || b.Lacing() != mkv.LacingFixed {
		t.Errorf("%+v", b)
	}
	b = mkv.Block{Flags: 0x76}
	if b.Keyframe() || b.Invisible() || b.Discardable() || b.Lacing() != mkv.LacingEBML {
		t.Errorf("%+v", b)
	}
}

func TestFrames(t *testing.T) {
	x := func(n int) string { return strings.Repeat("x", n) }
	tests := []struct {
		name    string
		lacing  mkv.Lacing
		payload []byte
		want    []int // sizes; nil for an error
	}{
		{"no lacing", mkv.LacingNone, []byte("frame"), []int{5}},
		{"no lacing and no payload", mkv.LacingNone, nil, []int{0}},
		{"Xiph", mkv.LacingXiph, join(unhex(t, "02 FFFFFF23 05"), []byte(x(800+5+7))), []int{800, 5, 7}},
		{"Xiph with a size of 255", mkv.LacingXiph, join(unhex(t, "01 FF00"), []byte(x(256))), []int{255, 1}},
		{"Xiph with a size of 254", mkv.LacingXiph, join(unhex(t, "01 FE"), []byte(x(256))), []int{254, 2}},
		{"Xiph with one frame", mkv.LacingXiph, join([]byte{0}, []byte(x(9))), []int{9}},
		{"Xiph with an empty last frame", mkv.LacingXiph, unhex(t, "01 01 AA"), []int{1, 0}},
		{"Xiph without sizes", mkv.LacingXiph, unhex(t, "02 01"), nil},
		{"Xiph with frames too long", mkv.LacingXiph, unhex(t, "02 01 02 AA BB"), nil},
		{"fixed", mkv.LacingFixed, join([]byte{2}, []byte(x(30))), []int{10, 10, 10}},
		{"fixed with empty frames", mkv.LacingFixed, []byte{1}, []int{0, 0}},
		{"fixed that does not divide", mkv.LacingFixed, join([]byte{2}, []byte(x(31))), nil},
		{"EBML", mkv.LacingEBML, join(unhex(t, "03 4320 5ED3 5FFF"), []byte(x(800+500+500+1))), []int{800, 500, 500, 1}},
		{"EBML with one frame", mkv.LacingEBML, join([]byte{0}, []byte(x(9))), []int{9}},
		{"EBML with a size below zero", mkv.LacingEBML, unhex(t, "02 81 80 AA BB"), nil},
		{"EBML with frames too long", mkv.LacingEBML, unhex(t, "02 82 BF AA BB CC"), nil},
		{"EBML without sizes", mkv.LacingEBML, unhex(t, "02 81"), nil},
		{"EBML with a huge size", mkv.LacingEBML, unhex(t, "01 01FFFFFFFFFFFFFE AA"), nil},
		{"lacing without a count", mkv.LacingXiph, nil, nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			b := mkv.Block{Flags: mkv.BlockFlags(test.lacing << 1), Payload: test.payload}
			var got []int
			var all []byte
			for f, err := range b.Frames() {
				if err != nil {
					if !errors.Is(err, mkv.ErrBadLacing) || f != nil || got != nil || test.want != nil {
						t.Errorf("%v after %v", err, got)
					}
					return
				}
				got = append(got, len(f))
				all = append(all, f...)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
			if !bytes.HasSuffix(test.payload, all) {
				t.Error("the frames are not the end of the payload")
			}
		})
	}
}

func TestFramesStopsWhenTold(t *testing.T) {
	b := mkv.Block{Flags: mkv.BlockFlags(mkv.LacingFixed << 1), Payload: []byte{1, 'a', 'b'}}
	for f := range b.Frames() {
		if string(f) != "a" {
			t.Errorf("%q", f)
		}
		break
	}
}

func TestParsingABlockAllocatesNothing(t *testing.T) {
	simple := payload(block(1, 5, "payload"))
	laced := mkv.Block{Flags: mkv.BlockFlags(mkv.LacingFixed << 1), Payload: []byte{1, 'a', 'b'}}
	group := mkv.AppendBytes(nil, mkv.IDBlock, simple)
	allocs := testing.AllocsPerRun(100, func() {
		if _, err := mkv.ParseBlock(simple); err != nil {
			t.Fatal(err)
		}
		if _, err := mkv.ParseBlockGroup(group); err != nil {
			t.Fatal(err)
		}
		for _, err := range laced.Frames() {
			if err != nil {
				t.Fatal(err)
			}
		}
	})
	if allocs != 0 {
		t.Errorf("%v allocations", allocs)
	}
}
