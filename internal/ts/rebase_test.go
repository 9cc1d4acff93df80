package ts_test

import (
	"bytes"
	"testing"

	"pgregory.net/rapid"

	"github.com/millrace/millrace/internal/ts"
)

const wrap = 1 << 33

func TestRebaseShiftsEveryTime(t *testing.T) {
	segment := newClip().pictures(0, 120, 40, 80, 2160).sound(-7, 80).segment(t, h264(t, reordering), aac(t, stereo))
	before := demux(t, segment)
	for _, start := range []int64{0, 1, 12 * 3600 * 90_000, wrap - 1, wrap - 100_000, -90_000} {
		after := demux(t, ts.Rebase(nil, segment, start))
		move := func(v int64) int64 { return (v + start) & (wrap - 1) }
		for i, p := range before.pes {
			q := after.pes[i]
			if q.pts != move(p.pts) || q.dts != move(p.dts) || q.hasDTS != p.hasDTS || !bytes.Equal(q.data, p.data) {
				t.Fatalf("start %d: PES %d at %d, %d came to %d, %d", start, i, p.dts, p.pts, q.dts, q.pts)
			}
		}
		clocks, at := before.clocks()
		moved, movedAt := after.clocks()
		equal(t, "packets of clocks", movedAt, at)
		for i := range clocks {
			if moved[i] != move(clocks[i]) {
				t.Fatalf("start %d: clock %d came to %d", start, clocks[i], moved[i])
			}
		}
	}
}

func TestRebaseAppendsAndLeavesTheSegment(t *testing.T) {
	segment := usual().segment(t, h264(t, baseline), aac(t, stereo))
	kept := bytes.Clone(segment)
	got := ts.Rebase([]byte("head"), segment, 5000)
	if !bytes.Equal(segment, kept) || !bytes.HasPrefix(got, []byte("head")) || len(got) != 4+len(segment) {
		t.Error("the segment changed, or what was there before")
	}
	if !bytes.Equal(ts.Rebase(nil, got[4:], -5000), segment) {
		t.Error("it does not come back")
	}
	room := make([]byte, 0, len(segment))
	if n := testing.AllocsPerRun(10, func() { ts.Rebase(room, segment, 90) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestRebasesAddUp(t *testing.T) {
	segment := usual().segment(t, h264(t, baseline), aac(t, stereo))
	rapid.Check(t, func(t *rapid.T) {
		a, b := rapid.Int64Range(-wrap, wrap).Draw(t, "a"), rapid.Int64Range(-wrap, wrap).Draw(t, "b")
		if !bytes.Equal(ts.Rebase(nil, ts.Rebase(nil, segment, a), b), ts.Rebase(nil, segment, a+b)) {
			t.Fatal("not the same as both at once")
		}
	})
}

// FuzzRebase: what is no segment of ours is copied without a fault, and at most
// the bytes of times change.
func FuzzRebase(f *testing.F) {
	f.Add(usual().segment(f, h264(f, baseline), aac(f, stereo)), int64(90_000))
	f.Add(bytes.Repeat([]byte{0x47, 0x41, 0x00, 0x30, 0xff}, 100), int64(-1))
	f.Fuzz(func(t *testing.T, segment []byte, start int64) {
		got := ts.Rebase(nil, segment, start)
		if len(got) != len(segment) {
			t.Fatalf("%d bytes of %d", len(got), len(segment))
		}
		if !bytes.Equal(ts.Rebase(nil, segment, 0), segment) {
			t.Fatal("a shift of nothing changes it")
		}
	})
}
