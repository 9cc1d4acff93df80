package store

import (
	"slices"
	"testing"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/pack"
)

// packOf makes the entries of a pack: n fragments of two streams in turn, a
// second apart.
func packOf(n int) (list []pack.Entry) {
	for i := range n {
		at := time.UnixMilli(int64(i+1) * 1000)
		list = append(list, pack.Entry{
			Offset: pack.FileHeaderSize + int64(i)*pack.Align, Stream: millrace.StreamKey{ID: uint64(i % 2)},
			Number: millrace.NewFragmentNumber(uint64(i+1), at, 0), ProducerTime: at, Size: 8,
		})
	}
	return list
}

// rewritten is where some entries lie in another pack.
func rewritten(list []pack.Entry) []pack.Entry {
	now := slices.Clone(list)
	for i := range now {
		now[i].Offset = pack.FileHeaderSize + int64(i)*2*pack.Align
	}
	return now
}

func indexOf(t *testing.T, list []pack.Entry) *index {
	t.Helper()
	ix := newIndex(new(Config{}.withDefaults()), newPackTable())
	ix.packs.add(packInfo{number: 1, state: packSealed})
	for i := range list {
		if err := ix.insert(1, &list[i]); err != nil {
			t.Fatal(err)
		}
	}
	return ix
}

func TestWhatIsMovedIsFoundAtItsNewPlaceAndWhatDiedMeanwhileIsNot(t *testing.T) {
	list := packOf(10)
	ix := indexOf(t, list)
	now := rewritten(list)
	ix.drop(millrace.StreamKey{ID: 1}) // every second one
	if err := ix.move(t.Context(), 1, &packInfo{number: 2, state: packSealed}, list, now); err != nil {
		t.Fatal(err)
	}
	if from, _ := ix.packs.look(1); from.live != 0 || from.liveBytes != 0 {
		t.Errorf("in the old pack %d are live", from.live)
	}
	if to, _ := ix.packs.look(2); to.live != 5 || to.liveBytes != 40 {
		t.Errorf("in the new pack %d are live", to.live)
	}
	for number, entries := range map[uint64][]pack.Entry{1: list, 2: now} {
		live, err := ix.liveIn(t.Context(), number, entries)
		if err != nil {
			t.Fatal(err)
		}
		for i := range live {
			if want := number == 2 && i%2 == 0; live[i] != want {
				t.Errorf("entry %d of pack %d: live is %v", i, number, live[i])
			}
		}
	}
}

func TestWhatIsTakenOutIsNotFound(t *testing.T) {
	list := packOf(10)
	ix := indexOf(t, list)
	r, err := ix.takeOut(t.Context(), 1, list[:4])
	if err != nil || r.Fragments != 4 || r.Bytes != 32 {
		t.Errorf("took %+v, %v", r, err)
	}
	live, err := ix.liveIn(t.Context(), 1, list)
	if err != nil || slices.Index(live, true) != 4 {
		t.Errorf("live are %v, %v", live, err)
	}
	if p, _ := ix.packs.look(1); p.live != 6 || len(ix.packs.list()) != 1 {
		t.Errorf("%d are live", p.live)
	}
}
