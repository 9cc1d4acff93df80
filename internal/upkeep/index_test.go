package upkeep_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/pack"
	"github.com/millrace/millrace/internal/store"
	"github.com/millrace/millrace/internal/store/mem"
	"github.com/millrace/millrace/internal/upkeep"
)

// An indexed site has an index beside its packs.
type indexed struct {
	*site
	pages *mem.Pages
	rows  map[uint64]store.PackRow
	all   []store.Entry // in the index
	gone  map[millrace.FragmentNumber]bool
}

// newIndexed has two sealed packs and more, and all of them in its index.
func newIndexed(t *testing.T) *indexed {
	x := &indexed{site: newSite(), pages: mem.NewPages(), rows: map[uint64]store.PackRow{}, gone: map[millrace.FragmentNumber]bool{}}
	x.put(t, 8)
	x.leave(t, 2)
	for _, name := range list(t, x.packs) {
		x.feed(t, name)
	}
	x.write(t)
	return x
}

// feed takes the entries of a pack.
func (x *indexed) feed(t *testing.T, name string) {
	t.Helper()
	number, _ := store.PackNumber(name)
	f, err := x.packs.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	size, _ := f.Size()
	row := store.PackRow{Number: number, Fed: size, Size: size, Sealed: true}
	footer, _, err := pack.ReadFooter(f, size)
	if err != nil {
		h, err := pack.ReadFileHeader(f)
		if err != nil {
			t.Fatal(err)
		}
		row.Salt, row.Sealed, footer = h.Salt, false, &pack.Footer{}
		for s := pack.NewScanner(f, h.Salt, size); s.Next(); {
			if s.Record().Kind == pack.KindFragment {
				footer.Entries = append(footer.Entries, pack.EntryOf(s.Record(), s.Offset()))
			}
		}
	}
	for _, e := range footer.Entries {
		x.all = append(x.all, store.Entry{
			Number: e.Number, ProducerTime: e.ProducerTime, Duration: e.Duration, Size: e.Size, Flags: e.Flags,
			Position: store.Position{Pack: number, Offset: e.Offset},
		})
		row.Fragments, row.Live = row.Fragments+1, row.Live+1
	}
	x.rows[number] = row
}

// write makes the index of what was taken.
func (x *indexed) write(t *testing.T) {
	t.Helper()
	change := &store.PageChange{}
	for _, row := range x.rows {
		change.PutPacks = append(change.PutPacks, row)
	}
	key := millrace.StreamKey{ID: 1, Generation: 1}
	for _, clock := range []store.Clock{store.ServerClock, store.ProducerClock} {
		sorted := slices.SortedFunc(slices.Values(x.all), func(a, b store.Entry) int {
			ka, kb := a.Key(clock), b.Key(clock)
			return strings.Compare(string(ka[:]), string(kb[:]))
		})
		for part := range slices.Chunk(sorted, 3) {
			change.Put = append(change.Put, store.NewIndexPage(key, clock, part))
		}
	}
	if err := x.pages.Reset(context.Background()); err != nil {
		t.Fatal(err)
	}
	if err := x.pages.Apply(context.Background(), change); err != nil {
		t.Fatal(err)
	}
}

func (x *indexed) compare(t *testing.T, pages store.Pages) *upkeep.IndexReport {
	t.Helper()
	r, err := upkeep.CompareIndex(context.Background(), pages, x.packs, func(context.Context) (upkeep.Kept, error) {
		return func(_ millrace.StreamKey, n millrace.FragmentNumber, _ time.Time) bool { return !x.gone[n] }, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestAnIndexIsComparedWithThePacks(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(t *testing.T, x *indexed)
		want   []string // one of each difference
	}{
		"as it should be": {func(*testing.T, *indexed) {}, nil},
		"a fragment is missing": {
			func(t *testing.T, x *indexed) { x.all = x.all[1:] },
			[]string{"is not in the index by the server's clock", "by the producer's clock"},
		},
		"a fragment that is gone is missing": {
			func(t *testing.T, x *indexed) { x.gone[x.all[0].Number] = true; x.all = x.all[1:] }, nil,
		},
		"a fragment that is gone is still there": {
			func(t *testing.T, x *indexed) { x.gone[x.all[0].Number] = true }, nil,
		},
		"a fragment lies elsewhere": {
			func(t *testing.T, x *indexed) { x.all[1].Position.Offset += pack.Align }, nil, // set below
		},
		"a fragment has another size": {
			func(t *testing.T, x *indexed) { x.all[1].Size++ },
			[]string{"is not in the index by the server's clock"},
		},
		"there is a fragment too many": {
			func(t *testing.T, x *indexed) {
				e := x.all[0]
				e.Number = millrace.NewFragmentNumber(77, now(), 7)
				x.all = append(x.all, e)
			},
			[]string{"the index has"},
		},
		"a pack is not there": {
			func(t *testing.T, x *indexed) {
				if err := x.packs.Remove(list(t, x.packs)[0]); err != nil {
					t.Fatal(err)
				}
			},
			[]string{"is not there, and the index has"},
		},
		"a pack is unknown": {
			func(t *testing.T, x *indexed) { delete(x.rows, x.all[0].Position.Pack) },
			[]string{"the index has"},
		},
		"a pack has not been fed to its end": {
			func(t *testing.T, x *indexed) {
				last := x.all[len(x.all)-1]
				row := x.rows[last.Position.Pack]
				row.Fed = last.Position.Offset
				x.rows[row.Number], x.all = row, x.all[:len(x.all)-1]
			}, nil,
		},
	} {
		t.Run(name, func(t *testing.T) {
			x := newIndexed(t)
			tc.change(t, x)
			x.write(t)
			if name == "a fragment lies elsewhere" {
				tc.want = []string{"the index has"}
			}
			r := x.compare(t, x.pages)
			if (len(r.Differences) > 0) != (len(tc.want) > 0) {
				t.Fatalf("differences %q, want %q", r.Differences, tc.want)
			}
			for _, want := range tc.want {
				if !slices.ContainsFunc(r.Differences, func(d string) bool { return strings.Contains(d, want) }) {
					t.Errorf("differences %q, none says %q", r.Differences, want)
				}
			}
			if len(tc.want) == 0 && (r.Packs != len(x.rows) || r.Entries != len(x.all)) {
				t.Errorf("%d packs and %d entries were compared, of %d and %d", r.Packs, r.Entries, len(x.rows), len(x.all))
			}
		})
	}
}

// A movingIndex changes between two looks.
type movingIndex struct {
	store.Pages
	finds int
	at    int
	then  func()
}

func (m *movingIndex) Find(ctx context.Context, q store.PageQuery) ([]store.IndexPage, error) {
	if m.finds++; m.finds == m.at {
		m.then()
	}
	return m.Pages.Find(ctx, q)
}

// Whatever a server may do while it is looked at is no difference, at whatever
// moment it does it.
func TestAnIndexThatChangesMeanwhileIsNoDifference(t *testing.T) {
	for name, then := range map[string]func(t *testing.T, x *indexed){
		"a fragment goes": func(t *testing.T, x *indexed) {
			x.gone[x.all[0].Number] = true
			x.all = x.all[1:]
		},
		"a fragment of the last pack comes": func(t *testing.T, x *indexed) {
			e := x.all[len(x.all)-1]
			e.Number = millrace.NewFragmentNumber(1<<40, now(), 1)
			e.Position.Offset += 1 << 20
			x.all = append(x.all, e)
		},
		"a pack comes": func(t *testing.T, x *indexed) {
			e := x.all[0]
			e.Number = millrace.NewFragmentNumber(1<<40, now(), 1)
			e.Position.Pack = 1 << 40
			x.all = append(x.all, e)
			x.rows[1<<40] = store.PackRow{Number: 1 << 40, Fed: 1 << 30, Fragments: 1, Live: 1}
		},
		"a pack goes with all that is in it": func(t *testing.T, x *indexed) {
			first := x.all[0].Position.Pack
			if err := x.packs.Remove(store.PackName(first)); err != nil {
				t.Fatal(err)
			}
			x.all = slices.DeleteFunc(x.all, func(e store.Entry) bool { return e.Position.Pack == first })
			delete(x.rows, first)
		},
	} {
		t.Run(name, func(t *testing.T) {
			for at := 1; ; at++ {
				x := newIndexed(t)
				m := &movingIndex{Pages: x.pages, at: at, then: func() { then(t, x); x.write(t) }}
				r := x.compare(t, m)
				if m.finds < at {
					break
				}
				if len(r.Differences) > 0 {
					t.Fatalf("at query %d: %q", at, r.Differences)
				}
			}
		})
	}
}

func ExampleProgress() {
	var p upkeep.Progress
	fmt.Println(p.Bytes())
	// Output: 0 0
}
