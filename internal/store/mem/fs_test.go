package mem_test

import (
	"errors"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/millrace/millrace/internal/store"
	"github.com/millrace/millrace/internal/store/mem"
)

// lose is a crash that loses all that it may.
func lose(int) int { return 0 }

// keep is a crash that keeps all that it may.
func keep(n int) int { return n - 1 }

func create(t *testing.T, d *mem.FS, name, content string) store.File {
	t.Helper()
	f, err := d.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	write(t, f, content)
	return f
}

func write(t *testing.T, f store.File, content string) {
	t.Helper()
	if _, err := f.WriteV([][]byte{[]byte(content)}); err != nil {
		t.Fatal(err)
	}
}

func sync(t *testing.T, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

// read returns the content of a file, and "-" if there is none.
func read(t *testing.T, d *mem.FS, name string) string {
	t.Helper()
	f, err := d.Open(name)
	if err != nil {
		return "-"
	}
	b, err := io.ReadAll(io.NewSectionReader(f, 0, 1<<30))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestACrashTakesWhatWasNotSynced(t *testing.T) {
	for name, tc := range map[string]struct {
		act  func(t *testing.T, d *mem.FS)
		want string // after a crash that loses all it may
	}{
		"a file whose name was not synced": {func(t *testing.T, d *mem.FS) {
			sync(t, create(t, d, "a", "one").Sync())
		}, "-"},
		"bytes that were not synced": {func(t *testing.T, d *mem.FS) {
			create(t, d, "a", "one")
			sync(t, d.SyncDir())
		}, ""},
		"nothing that was": {func(t *testing.T, d *mem.FS) {
			sync(t, create(t, d, "a", "one").Sync(), d.SyncDir())
		}, "one"},
		"what was written after the sync": {func(t *testing.T, d *mem.FS) {
			f := create(t, d, "a", "one")
			sync(t, f.Sync(), d.SyncDir())
			write(t, f, "two")
		}, "one"},
		"a cut that was not synced": {func(t *testing.T, d *mem.FS) {
			f := create(t, d, "a", "one")
			sync(t, f.Sync(), d.SyncDir(), f.Truncate(1))
		}, "one"},
		"a removal that was not synced": {func(t *testing.T, d *mem.FS) {
			sync(t, create(t, d, "a", "one").Sync(), d.SyncDir(), d.Remove("a"))
		}, "one"},
		"a new name that was not synced": {func(t *testing.T, d *mem.FS) {
			sync(t, create(t, d, "b", "two").Sync(), d.SyncDir(), d.Rename("b", "a"))
		}, "-"},
	} {
		t.Run(name, func(t *testing.T) {
			d := mem.NewFS()
			tc.act(t, d)
			before := read(t, d, "a")
			killed := d.Kill()
			if got := read(t, killed, "a"); got != before {
				t.Errorf("killed: %q, want %q", got, before)
			}
			crashed := killed.Crash(lose)
			if got := read(t, crashed, "a"); got != tc.want {
				t.Errorf("crashed: %q, want %q", got, tc.want)
			}
		})
	}
}

func TestACrashMayKeepWhatWasNotSynced(t *testing.T) {
	d := mem.NewFS()
	create(t, d, "a", "one")
	if got := read(t, d.Crash(keep), "a"); got != "one" {
		t.Errorf("crashed: %q", got)
	}
}

func TestACrashTearsPages(t *testing.T) {
	content := strings.Repeat("x", 40_000)
	var outcomes []string
	for seed := range uint64(200) {
		d := mem.NewFS()
		f := create(t, d, "a", "")
		sync(t, f.Sync(), d.SyncDir())
		write(t, f, content)
		got := read(t, d.Crash(rand.New(rand.NewPCG(seed, 0)).IntN), "a")
		if strings.Trim(got, "x\x00") != "" || len(got) > len(content) {
			t.Fatalf("seed %d: what was never written is there", seed)
		}
		outcomes = append(outcomes, got)
	}
	slices.Sort(outcomes)
	if n := len(slices.Compact(outcomes)); n < 50 {
		t.Errorf("%d different outcomes", n)
	}
}

func TestADeadMachineDoesNothing(t *testing.T) {
	d := mem.NewFS()
	f := create(t, d, "a", "one")
	d.CrashAt(1)
	_, wrote := f.WriteV([][]byte{[]byte("two")})
	n := d.Mutations()
	_, created := d.Create("b")
	_, opened := d.Open("a")
	_, listed := d.ReadDir()
	_, sized := f.Size()
	_, read := f.ReadAt(make([]byte, 1), 0)
	for name, err := range map[string]error{
		"write": wrote, "create": created, "open": opened, "list": listed, "size": sized, "read": read,
		"sync": f.Sync(), "truncate": f.Truncate(0), "sync of the directory": d.SyncDir(),
		"remove": d.Remove("a"), "rename": d.Rename("a", "c"),
	} {
		if !errors.Is(err, mem.ErrCrashed) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if !d.Dead() || d.Mutations() != n {
		t.Errorf("dead %t, %d mutations since", d.Dead(), d.Mutations()-n)
	}
}

func TestTheSameChoicesLeaveTheSame(t *testing.T) {
	leave := func() string {
		d := mem.NewFS()
		f := create(t, d, "a", strings.Repeat("y", 30_000))
		sync(t, d.SyncDir())
		write(t, f, strings.Repeat("z", 30_000))
		return read(t, d.Crash(rand.New(rand.NewPCG(5, 5)).IntN), "a")
	}
	if first, second := leave(), leave(); first != second {
		t.Error("two crashes differ")
	}
}
