package store_test

import (
	"errors"
	"syscall"
	"testing"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/store"
	"github.com/millrace/millrace/internal/store/fault"
	"github.com/millrace/millrace/internal/store/mem"
	"github.com/millrace/millrace/internal/store/storetest"
)

// TestAFooterThatAStartFindsIsDurable: a program ends before its footer is
// synced, and the next one takes the pack for sealed. Then the power fails.
func TestAFooterThatAStartFindsIsDurable(t *testing.T) {
	fs, gen := mem.NewFS(), storetest.NewFragments(1)
	unsynced := fault.New(fs, fault.Fault{Op: fault.Sync, At: 2, Err: syscall.EIO})
	e, err := store.OpenByHand(t.Context(), store.Config{FS: unsynced, Epoch: 1})
	if err != nil {
		t.Fatal(err)
	}
	submit(t, e, gen.Make(millrace.StreamKey{ID: 1}, 100))
	e.Step()
	e.Close()
	fs = fs.Kill()
	if e, err = store.OpenByHand(t.Context(), store.Config{FS: fs, Epoch: 2}); err != nil {
		t.Fatal(err)
	}
	e.Close()
	fs = fs.Crash(func(int) int { return 0 })
	names, err := fs.ReadDir()
	if err != nil || len(names) != 1 {
		t.Fatalf("there are %v, %v", names, err)
	}
	f, err := fs.Open(names[0])
	if err != nil {
		t.Fatal(err)
	}
	size, err := f.Size()
	number, _ := store.PackNumber(names[0])
	r, verr := store.VerifyPack(t.Context(), f, size, number)
	if err := errors.Join(err, verr, f.Close()); err != nil || !r.Sealed || r.Fragments != 1 {
		t.Errorf("%+v, %v", r, err)
	}
}

// TestWhatAStartServesIsDurable: a program is killed in any of its calls, the
// next one finds what there is, and then the power fails: it is found again.
func TestWhatAStartServesIsDurable(t *testing.T) {
	key := millrace.StreamKey{ID: 1}
	found := func(fs *mem.FS, epoch uint32) int {
		e, err := store.OpenByHand(t.Context(), store.Config{FS: fs, Epoch: epoch})
		if err != nil {
			t.Fatal(err)
		}
		list, err := e.After(t.Context(), store.Scope{Stream: key}, millrace.FragmentNumber{}, 10)
		if err != nil {
			t.Fatal(err)
		}
		return len(list)
	}
	for k, dead := 1, true; dead; k++ {
		fs := mem.NewFS()
		fs.CrashAt(k)
		e, err := store.OpenByHand(t.Context(), store.Config{FS: fs, Epoch: 1})
		if err != nil {
			t.Fatal(err)
		}
		if err := e.Submit(t.Context(), storetest.NewFragments(1).Make(key, 100), func(error) {}); err != nil {
			t.Fatal(err)
		}
		e.Step()
		dead = fs.Dead()
		fs = fs.Kill()
		served := found(fs, 2)
		if again := found(fs.Crash(func(int) int { return 0 }), 3); again != served {
			t.Errorf("killed in call %d: %d are found after the power failed, %d were before", k, again, served)
		}
	}
}
