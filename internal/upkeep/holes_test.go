package upkeep_test

import (
	"context"
	"testing"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/pack"
	"github.com/millrace/millrace/internal/store"
	"github.com/millrace/millrace/internal/store/mem"
	"github.com/millrace/millrace/internal/upkeep"
)

// newLargeSite has one sealed pack of ten fragments of 100 KB.
func newLargeSite(t *testing.T) (*site, string) {
	t.Helper()
	s := newSite()
	e := s.open(t, 1<<30)
	for range 10 {
		f := s.make.Make(millrace.StreamKey{ID: 1, Generation: 1}, 100_000)
		keep(t, e, f)
		s.kept = append(s.kept, f)
	}
	check(t, e.Close())
	return s, list(t, s.packs)[0]
}

// takeOut marks some fragments of a pack as deleted and punches their bodies,
// as a server does.
func takeOut(t *testing.T, s *site, name string, which ...int) {
	t.Helper()
	f, err := s.packs.Open(name)
	check(t, err)
	defer f.Close()
	size, err := f.Size()
	check(t, err)
	footer, h, err := pack.ReadFooter(f, size)
	check(t, err)
	check(t, pack.WriteHasMarks(f))
	for _, i := range which {
		check(t, pack.WriteMark(f, footer.Entries[i].Offset))
	}
	check(t, f.Sync())
	for _, i := range which {
		at := footer.Entries[i].Offset
		r, err := pack.ReadRecord(f, at, h.Salt)
		check(t, err)
		check(t, f.Punch(at+r.BodyOffset(), int64(r.Stored)))
	}
	check(t, f.Sync())
}

func TestFragmentsAreTakenOutOfAPackWhileItIsCopied(t *testing.T) {
	for chunk := int64(0); chunk < 4; chunk++ {
		s, name := newLargeSite(t)
		to := mem.NewFS()
		done := false
		cfg := s.config(to)
		cfg.From = &scene{FS: s.packs, read: func(_ string, off int64) {
			if off == chunk<<18 && !done {
				done = true
				takeOut(t, s, name, 0, 2, 4, 7, 9)
			}
		}}
		r, err := upkeep.Backup(context.Background(), cfg)
		if err != nil || len(r.Damage) > 0 || !done {
			t.Fatalf("chunk %d: %+v, %v", chunk, r, err)
		}
		left := []*millrace.Fragment{s.kept[1], s.kept[3], s.kept[5], s.kept[6], s.kept[8]}
		if err := checkHeld(to, left, s.control); err != nil {
			t.Errorf("chunk %d: %v", chunk, err)
		}
		report, err := upkeep.VerifyPacks(context.Background(), mustRestore(t, to), upkeep.PacksOptions{Name: millraceName})
		if err != nil || len(report.Damaged)+len(report.Unread) > 0 {
			t.Errorf("chunk %d: the copy %+v, %v", chunk, report, err)
		}
	}
}

func mustRestore(t *testing.T, from store.FS) *mem.FS {
	t.Helper()
	_, packs, err := restored(from)
	check(t, err)
	return packs
}

func TestACopyHasTheHolesOfItsOriginal(t *testing.T) {
	s, name := newLargeSite(t)
	takeOut(t, s, name, 1, 2, 3, 4)
	to := mem.NewFS()
	s.backup(t, to)
	for what, there := range map[string]struct {
		fs   store.FS
		name string
	}{"backup": {to, name + ".1"}, "restored": {mustRestore(t, to), name}} {
		if got, want := taken(t, there.fs, there.name), taken(t, s.packs, name); got > want {
			t.Errorf("%s: takes %d bytes, the original %d", what, got, want)
		}
	}
}

// taken is how much room a file takes.
func taken(t *testing.T, files store.FS, name string) int64 {
	t.Helper()
	f, err := files.Open(name)
	check(t, err)
	defer f.Close()
	n, err := f.Allocated()
	check(t, err)
	return n
}

func TestAPackIsCopiedAgainWhenMuchOfItHasGone(t *testing.T) {
	for name, tc := range map[string]struct {
		gone   []int
		forget bool
		again  bool
	}{
		"nothing":                               {nil, false, false},
		"nothing, and none of it is to be left": {nil, true, false},
		"a tenth":                               {[]int{3}, false, false},
		"a tenth, and none of it is to be left": {[]int{3}, true, true},
		"a third":                               {[]int{3, 4, 5}, false, true},
	} {
		t.Run(name, func(t *testing.T) {
			s, packName := newLargeSite(t)
			to := mem.NewFS()
			s.backup(t, to)
			if tc.gone != nil {
				takeOut(t, s, packName, tc.gone...)
			}
			cfg := s.config(to)
			cfg.Forget = tc.forget
			r, err := upkeep.Backup(context.Background(), cfg)
			if err != nil || (r.Kept == 0) != tc.again {
				t.Errorf("copied again: %v, %v", r.Kept == 0, err)
			}
		})
	}
}

func TestAnotherPackOfTheSameNameIsCopied(t *testing.T) {
	s, name := newLargeSite(t)
	to := mem.NewFS()
	s.backup(t, to)
	other, _ := newLargeSite(t) // with the same sizes, and a salt of its own
	move(t, other.packs, s.packs, name, 0)
	if r := s.backup(t, to); r.Kept > 0 {
		t.Error("it was taken for the one that is there")
	}
}
