package fault_test

import (
	"errors"
	"io"
	"syscall"
	"testing"

	"github.com/millrace/millrace/internal/store"
	"github.com/millrace/millrace/internal/store/fault"
	"github.com/millrace/millrace/internal/store/mem"
)

func TestTheKthCallFails(t *testing.T) {
	for name, tc := range map[string]struct {
		forever bool
		want    []bool
	}{
		"once":     {false, []bool{false, true, false, false}},
		"for ever": {true, []bool{false, true, true, true}},
	} {
		t.Run(name, func(t *testing.T) {
			d := fault.New(mem.NewFS(), fault.Fault{Op: fault.SyncDir, At: 2, Forever: tc.forever, Err: syscall.EIO})
			for i, want := range tc.want {
				if err := d.SyncDir(); errors.Is(err, syscall.EIO) != want {
					t.Errorf("call %d: %v", i+1, err)
				}
			}
			d.Heal()
			if err := d.SyncDir(); err != nil {
				t.Errorf("healed: %v", err)
			}
			if n := d.Calls(fault.Mutation); n != 5 {
				t.Errorf("%d calls", n)
			}
		})
	}
}

func TestAFaultIsOfOneFile(t *testing.T) {
	d := fault.New(mem.NewFS(), fault.Fault{Op: fault.Sync, At: 1, Forever: true, Err: syscall.EIO, Name: "a"})
	for name, want := range map[string]bool{"a": true, "b": false} {
		f, err := d.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := f.Sync(); errors.Is(err, syscall.EIO) != want {
			t.Errorf("sync of %s: %v", name, err)
		}
	}
}

func TestAFailedWriteLeavesAPart(t *testing.T) {
	d := fault.New(mem.NewFS(), fault.Fault{Op: fault.Write, At: 1, Err: syscall.ENOSPC})
	f, err := d.Create("a")
	if err != nil {
		t.Fatal(err)
	}
	n, err := f.WriteV([][]byte{[]byte("on"), []byte("e two")})
	if n != 3 || !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("wrote %d, %v", n, err)
	}
	if b, err := io.ReadAll(io.NewSectionReader(f, 0, 100)); string(b) != "one" || err != nil {
		t.Errorf("there is %q, %v", b, err)
	}
}

func TestASyncAfterAFailedOneMakesNothingDurable(t *testing.T) {
	under := mem.NewFS()
	d := fault.New(under, fault.Fault{Op: fault.Sync, At: 1, Err: syscall.EIO})
	f, err := d.Create("a")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteV([][]byte{[]byte("one")}); err != nil {
		t.Fatal(err)
	}
	if err := f.Sync(); !errors.Is(err, syscall.EIO) {
		t.Errorf("first sync: %v", err)
	}
	if err := errors.Join(f.Sync(), d.SyncDir()); err != nil {
		t.Errorf("second sync: %v", err)
	}
	left, err := under.Crash(func(int) int { return 0 }).Open("a")
	if err != nil {
		t.Fatal(err)
	}
	if size, err := left.Size(); size != 0 || err != nil {
		t.Errorf("%d bytes are durable, %v", size, err)
	}
}

func TestFaultsAreAddedMendedAndPaused(t *testing.T) {
	d := fault.New(mem.NewFS())
	call := func(want error) {
		t.Helper()
		if err := d.SyncDir(); !errors.Is(err, want) || want == nil && err != nil {
			t.Errorf("%v, want %v", err, want)
		}
	}
	call(nil)
	mend := d.Break(fault.Fault{Op: fault.SyncDir, At: 2, Forever: true, Err: syscall.EIO})
	d.Break(fault.Fault{Op: fault.SyncDir, At: 6, Err: syscall.ENOSPC})
	call(nil) // what was called before does not count
	resume := d.Pause()
	call(nil)
	resume()
	call(syscall.EIO)
	call(syscall.EIO)
	mend()
	call(nil)
	call(nil)
	call(syscall.ENOSPC)
	if d.Calls(fault.SyncDir) != 7 || d.Hits() != 3 {
		t.Errorf("%d calls, %d hits", d.Calls(fault.SyncDir), d.Hits())
	}
}

func TestAnotherDirectoryIsMounted(t *testing.T) {
	first, second := mem.NewFS(), mem.NewFS()
	d := fault.New(first)
	if _, err := d.Create("a"); err != nil {
		t.Fatal(err)
	}
	d.Mount(second)
	if names, err := d.ReadDir(); len(names) != 0 || err != nil {
		t.Errorf("there is %q, %v", names, err)
	}
}

func TestAFullDiskMakesPagesUnavailable(t *testing.T) {
	p := fault.NewPages(mem.NewPages(), fault.Fault{Op: fault.Apply, At: 1, Err: syscall.ENOSPC})
	err := p.Apply(t.Context(), &store.PageChange{})
	if !errors.Is(err, store.ErrUnavailable) || !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("apply: %v", err)
	}
}
