package store

import (
	"math"
	"testing"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/pack"
)

// A stream is deleted while a pass that expires fragments has its index in
// hand: its fragments must stop counting once, or the pack of another stream's
// fragments would be taken for dead and removed (I1).
func TestADroppedStreamIsNotCountedTwice(t *testing.T) {
	packs := newPackTable()
	packs.add(packInfo{number: 1, state: packSealed})
	ix := newIndex(new(Config{}.withDefaults()), packs)
	kept, dropped := millrace.StreamKey{ID: 1}, millrace.StreamKey{ID: 2}
	for i, key := range []millrace.StreamKey{kept, dropped} {
		number := millrace.NewFragmentNumber(uint64(i+1), time.UnixMilli(1000), 0)
		if err := ix.insert(1, &pack.Entry{Stream: key, Number: number, Size: 8}); err != nil {
			t.Fatal(err)
		}
	}
	inHand := ix.stream(dropped)
	ix.drop(dropped)
	inHand.sweep(&view{since: math.MaxInt64}, ix.packs.lose)
	if p, _ := packs.look(1); p.live != 1 || len(packs.dead()) != 0 {
		t.Errorf("%d fragments are live, want 1; %d packs are dead", p.live, len(packs.dead()))
	}
}

func TestDroppedStreamsAreRememberedForAWhile(t *testing.T) {
	ix := newIndex(new(Config{}.withDefaults()), newPackTable())
	for id := range uint64(maxDropped + 100) {
		ix.drop(millrace.StreamKey{ID: id, Generation: 2})
		ix.drop(millrace.StreamKey{ID: id, Generation: 1})
	}
	if n := len(ix.dropped); n != maxDropped || len(ix.drops) != n {
		t.Errorf("%d and %d are remembered, want %d", n, len(ix.drops), maxDropped)
	}
	for id, want := range map[uint64]bool{0: false, 99: false, 100: true, maxDropped + 99: true} {
		if got := ix.isDropped(millrace.StreamKey{ID: id, Generation: 2}); got != want {
			t.Errorf("stream %d is dropped: %v", id, got)
		}
	}
}
