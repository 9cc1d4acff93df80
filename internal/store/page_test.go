package store_test

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/store"
	"github.com/millrace/millrace/internal/store/storetest"
)

// sameEntries compares lists of entries, to the last bit.
func sameEntries(got, want []store.Entry) string {
	if slices.Equal(got, want) {
		return ""
	}
	return cmp.Diff(want, got, cmp.Comparer(func(a, b store.Entry) bool { return a == b }))
}

// dayOfEntries are n entries as a camera makes them: fragments of two seconds
// and about 500 KB, among those of 50 other streams.
func dayOfEntries(n int) []store.Entry {
	r := rand.New(rand.NewPCG(1, 2))
	list := make([]store.Entry, n)
	at := storetest.Epoch()
	position := store.Position{Pack: 1<<32 + 7, Offset: 8192}
	for i := range list {
		size := 450_000 + r.Int64N(100_000)
		list[i] = store.Entry{
			Number:       millrace.NewFragmentNumber(1<<32+uint64(i), at.Add(time.Duration(r.IntN(40))*time.Millisecond), r.Uint32()),
			ProducerTime: at.Add(-300 * time.Millisecond), Duration: 2 * time.Second, Size: size, Position: position,
		}
		at = at.Add(2 * time.Second)
		if position.Offset += 50 * size / 64 * 64; position.Offset > 1<<30 {
			position = store.Position{Pack: position.Pack + 1, Offset: 8192}
		}
	}
	return list
}

// anyEntry draws an entry, with a number that may be of any kind.
func anyEntry(t *rapid.T) store.Entry {
	var number [20]byte
	copy(number[:], rapid.SliceOfN(rapid.Byte(), 20, 20).Draw(t, "number"))
	const ages = 1 << 48
	return store.Entry{
		Number:       millrace.FragmentNumberFromBytes(number),
		ProducerTime: time.UnixMilli(rapid.Int64Range(-ages, ages).Draw(t, "producer")).UTC(),
		Duration:     time.Duration(rapid.Int64().Draw(t, "duration")),
		Size:         rapid.Int64Min(0).Draw(t, "size"),
		Flags:        millrace.FragmentFlags(rapid.Uint32().Draw(t, "flags")),
		Position: store.Position{
			Pack: rapid.Uint64().Draw(t, "pack"), Offset: 64 * rapid.Int64Range(0, math.MaxInt64/64).Draw(t, "offset"),
		},
	}
}

func onClock(c store.Clock) func(a, b store.Entry) int {
	return func(a, b store.Entry) int {
		x, y := a.Key(c), b.Key(c)
		return slices.Compare(x[:], y[:])
	}
}

func TestEveryEntryComesBackFromAPage(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		clock := store.Clock(rapid.IntRange(0, 1).Draw(t, "clock"))
		list := rapid.SliceOfN(rapid.Custom(anyEntry), 1, 30).Draw(t, "entries")
		slices.SortFunc(list, onClock(clock))
		page := store.NewIndexPage(millrace.StreamKey{ID: 3, Generation: 1}, clock, list)
		got, err := page.Entries(nil)
		if err != nil {
			t.Fatal(err)
		}
		if diff := sameEntries(got, list); diff != "" {
			t.Error(diff)
		}
		if err := page.CheckSummary(); err != nil {
			t.Error(err)
		}
	})
}

func TestAPageSumsItsEntriesUp(t *testing.T) {
	at := storetest.Epoch()
	list := []store.Entry{
		{Number: storetest.Number(1, 0), ProducerTime: at, Duration: 10 * time.Second, Size: 5},
		{Number: storetest.Number(2, time.Second), ProducerTime: at.Add(-time.Hour), Duration: time.Second, Size: 6},
	}
	page := store.NewIndexPage(millrace.StreamKey{ID: 3, Generation: 1}, store.ServerClock, list)
	got := []any{page.ID(), page.Last, page.Start, page.Latest, page.End, page.Count, page.Bytes}
	ms := at.UnixMilli()
	want := []any{
		store.PageID{Stream: millrace.StreamKey{ID: 3, Generation: 1}, First: list[0].Key(store.ServerClock)},
		list[1].Key(store.ServerClock), ms, ms + 1000, ms + 10_001, 2, int64(11),
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	slices.Reverse(list)
	page = store.NewIndexPage(millrace.StreamKey{ID: 3}, store.ProducerClock, list)
	if page.Start != ms-3_600_000 || page.Latest != ms || page.End != ms+10_001 {
		t.Errorf("on the producer's clock: start %d, latest %d, end %d", page.Start, page.Latest, page.End)
	}
}

func TestADamagedPageIsCorrupt(t *testing.T) {
	list := dayOfEntries(20)
	good := store.NewIndexPage(millrace.StreamKey{ID: 3, Generation: 1}, store.ServerClock, list)
	damages := map[string]func(*store.IndexPage){
		"another stream":     func(p *store.IndexPage) { p.Stream.ID++ },
		"another generation": func(p *store.IndexPage) { p.Stream.Generation++ },
		"another clock":      func(p *store.IndexPage) { p.Clock++ },
		"another first key":  func(p *store.IndexPage) { p.First[27]++ },
		"another last key":   func(p *store.IndexPage) { p.Last[0]++ },
		"another start":      func(p *store.IndexPage) { p.Start++ },
		"another latest":     func(p *store.IndexPage) { p.Latest++ },
		"another end":        func(p *store.IndexPage) { p.End++ },
		"another count":      func(p *store.IndexPage) { p.Count++ },
		"other bytes":        func(p *store.IndexPage) { p.Bytes++ },
		"no data":            func(p *store.IndexPage) { p.Data = nil },
		"less data":          func(p *store.IndexPage) { p.Data = p.Data[:len(p.Data)-1] },
		"more data":          func(p *store.IndexPage) { p.Data = append(p.Data, 0) },
	}
	for name, damage := range damages {
		t.Run(name, func(t *testing.T) {
			bad := good
			bad.Data = slices.Clone(good.Data)
			damage(&bad)
			if got, err := bad.Entries(list[:1]); !errors.Is(err, millrace.ErrCorrupt) || len(got) != 1 {
				t.Errorf("%d entries, %v", len(got), err)
			}
		})
	}
}

// Whatever a page says that is not so, its summary does not go with it.
func TestADamagedSummaryIsCorrupt(t *testing.T) {
	good := store.NewIndexPage(millrace.StreamKey{ID: 3, Generation: 1}, store.ProducerClock, dayOfEntries(20))
	if err := good.CheckSummary(); err != nil {
		t.Fatal(err)
	}
	other := store.NewIndexPage(good.Stream, good.Clock, dayOfEntries(19))
	damages := map[string]func(*store.IndexPage){
		"another stream":   func(p *store.IndexPage) { p.Stream.ID++ },
		"another clock":    func(p *store.IndexPage) { p.Clock-- },
		"another key":      func(p *store.IndexPage) { p.First[27]++ },
		"another start":    func(p *store.IndexPage) { p.Start++ },
		"another count":    func(p *store.IndexPage) { p.Count++ },
		"of another page":  func(p *store.IndexPage) { p.Summary = other.Summary },
		"a shorter one":    func(p *store.IndexPage) { p.Summary = p.Summary[:len(p.Summary)-1] },
		"a longer one":     func(p *store.IndexPage) { p.Summary = append(p.Summary, 0) },
		"one without more": func(p *store.IndexPage) { p.Summary = []byte{} },
	}
	for i := range 8 * len(good.Summary) {
		damages[fmt.Sprint("bit ", i)] = func(p *store.IndexPage) { p.Summary[i/8] ^= 1 << (i % 8) }
	}
	for name, damage := range damages {
		bad := good
		bad.Summary = slices.Clone(good.Summary)
		damage(&bad)
		if err := bad.CheckSummary(); !errors.Is(err, millrace.ErrCorrupt) {
			t.Errorf("%s: %v", name, err)
		}
	}
	good.Summary = nil
	if err := good.CheckSummary(); err != nil {
		t.Errorf("without one: %v", err)
	}
}

func TestEveryFlippedBitOfAPageIsFound(t *testing.T) {
	page := store.NewIndexPage(millrace.StreamKey{ID: 3}, store.ProducerClock, dayOfEntries(20))
	for i := range 8 * len(page.Data) {
		page.Data[i/8] ^= 1 << (i % 8)
		if _, err := page.Entries(nil); !errors.Is(err, millrace.ErrCorrupt) {
			t.Fatalf("bit %d: %v", i, err)
		}
		page.Data[i/8] ^= 1 << (i % 8)
	}
}

// FuzzIndexPage decodes anything. What it makes sense of must come back from
// an encoding of its own.
func FuzzIndexPage(f *testing.F) {
	f.Add(store.EncodePage(dayOfEntries(3)))
	f.Add(store.EncodePage(dayOfEntries(70)))
	f.Fuzz(func(t *testing.T, data []byte) {
		page := store.IndexPage{Data: data}
		if _, err := page.Entries(nil); !errors.Is(err, millrace.ErrCorrupt) {
			t.Errorf("without a checksum: %v", err)
		}
		list, ok := store.DecodePage(data)
		if !ok {
			return
		}
		again, ok := store.DecodePage(store.EncodePage(list))
		if !ok {
			t.Fatal("what was encoded is not decoded")
		}
		if diff := sameEntries(again, list); diff != "" {
			t.Error(diff)
		}
	})
}

func BenchmarkIndexPageDecode(b *testing.B) {
	list := dayOfEntries(store.PageEntries)
	page := store.NewIndexPage(millrace.StreamKey{ID: 3}, store.ServerClock, list)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := page.Entries(list[:0]); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(list)), "ns/entry")
	b.ReportMetric(float64(len(page.Data))/float64(len(list)), "B/entry")
}

func BenchmarkIndexPageEncode(b *testing.B) {
	list := dayOfEntries(store.PageEntries)
	b.ReportAllocs()
	for b.Loop() {
		store.NewIndexPage(millrace.StreamKey{ID: 3}, store.ServerClock, list)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(list)), "ns/entry")
}
