package sqlite_test

import (
	"cmp"
	"math"
	"slices"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/store"
	"github.com/millrace/millrace/internal/store/sqlite"
	"github.com/millrace/millrace/internal/store/storetest"
)

// oldEntries are what index_1.db has of a stream: every field with several
// values, and a number that no server of ours would give.
func oldEntries() []store.Entry {
	list := make([]store.Entry, 40)
	for i := range list {
		number := storetest.Number(uint64(3*i), time.Duration(i)*2*time.Second)
		list[i] = store.Entry{
			Number: number, ProducerTime: number.ServerTime().Add(-time.Duration(i%5) * time.Second),
			Duration: 2*time.Second + time.Duration(i%3)*time.Millisecond + time.Duration(i%7/6),
			Size:     int64(400_000 + 1000*i), Flags: millrace.FragmentFlags(i / 20),
			Position: store.Position{Pack: uint64(1<<32 + i/15), Offset: int64(8192 + 6400*(i%15))},
		}
	}
	list[39].Number = millrace.MaxFragmentNumber()
	list[39].ProducerTime = time.UnixMilli(-62_135_596_800_000).UTC()
	return list
}

// oldStream is whose entries they are.
func oldStream() millrace.StreamKey {
	return millrace.StreamKey{ID: math.MaxUint64, Generation: math.MaxUint32}
}

// TestOldSchemasOfTheIndexAreRead: every schema with pages of format 1 is read
// for ever.
func TestOldSchemasOfTheIndexAreRead(t *testing.T) {
	for _, name := range []string{"index_1.db", "index_2.db"} {
		t.Run(name, func(t *testing.T) {
			path := old(t, name)
			for range 2 { // the second time it is of the new schema
				x := openIndex(t, path, sqlite.Options{})
				checkOldIndex(t, x)
				if err := x.Close(); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

func checkOldIndex(t *testing.T, x *sqlite.Index) {
	t.Helper()
	key := oldStream()
	s, err := x.State(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	server := store.NewIndexPage(key, store.ServerClock, oldEntries())
	want := store.PageState{
		Packs: []store.PackRow{{
			Number: math.MaxUint64, Salt: 1 << 63, Class: store.ClassMonth, Sealed: true, Size: 1, Fed: 2, Fragments: 3,
			Live: 4, LiveBytes: 5, Punched: 6, Oldest: -7, Newest: 8, Limits: []byte{9},
		}},
		Streams: []store.StreamPages{{Stream: key, Count: 40, Bytes: server.Bytes, First: server.First, Last: server.Last}},
		Facts:   map[string]string{"identity": "a\x00b"},
	}
	if diff := gocmp.Diff(want, s); diff != "" {
		t.Error(diff)
	}
	for clock, list := range map[store.Clock][]store.Entry{
		store.ServerClock: oldEntries(), store.ProducerClock: byProducer(oldEntries()),
	} {
		pages, err := x.Find(t.Context(), store.PageQuery{Stream: key, Clock: clock, EndAfter: math.MinInt64})
		if err != nil || len(pages) != 1 {
			t.Fatalf("%d pages, %v", len(pages), err)
		}
		got, err := pages[0].Entries(nil)
		if diff := gocmp.Diff(list, got, gocmp.AllowUnexported(millrace.FragmentNumber{})); diff != "" || err != nil {
			t.Errorf("clock %d: %v, %s", clock, err, diff)
		}
	}
}

// TestPagesOfSchema1GetASummaryWhenTheyAreWrittenAgain: until then who asks for
// summaries alone gets their data.
func TestPagesOfSchema1GetASummaryWhenTheyAreWrittenAgain(t *testing.T) {
	x := openIndex(t, old(t, "index_1.db"), sqlite.Options{})
	page := store.NewIndexPage(oldStream(), store.ServerClock, oldEntries())
	before := page
	before.Summary = nil
	after := page
	after.Data = nil
	q := store.PageQuery{Stream: oldStream(), EndAfter: math.MinInt64, Summaries: true}
	for _, want := range []store.IndexPage{before, after} {
		got, err := x.Find(t.Context(), q)
		if diff := gocmp.Diff([]store.IndexPage{want}, got); diff != "" || err != nil {
			t.Errorf("%v, %s", err, diff)
		}
		if err := x.Apply(t.Context(), &store.PageChange{Put: []store.IndexPage{page}}); err != nil {
			t.Fatal(err)
		}
	}
}

func byProducer(list []store.Entry) []store.Entry {
	slices.SortFunc(list, func(a, b store.Entry) int {
		return cmp.Or(a.ProducerTime.Compare(b.ProducerTime), a.Number.Compare(b.Number))
	})
	return list
}
