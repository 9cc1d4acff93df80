package fault_test

import (
	"errors"
	"fmt"
	"syscall"
	"testing"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/store"
	"github.com/millrace/millrace/internal/store/fault"
	"github.com/millrace/millrace/internal/store/mem"
	"github.com/millrace/millrace/internal/store/storetest"
)

func TestPagesWithoutAFaultPassThrough(t *testing.T) {
	under := map[store.Pages]*mem.Pages{}
	wrap := func(p *mem.Pages) store.Pages {
		f := fault.NewPages(p, fault.Fault{})
		under[f] = p
		return f
	}
	storetest.TestPages(t, storetest.PagesOptions{
		Open:   func(*testing.T) store.Pages { return wrap(mem.NewPages()) },
		Reopen: func(_ *testing.T, p store.Pages) store.Pages { return wrap(under[p].Kill()) },
		Damage: func(_ *testing.T, p store.Pages) store.Pages { under[p].Damage(); return p },
	})
}

func TestTheKthCallOfPagesFails(t *testing.T) {
	for op, call := range map[fault.Op]func(*testing.T, store.Pages) error{
		fault.State: func(t *testing.T, p store.Pages) error { _, err := p.State(t.Context()); return err },
		fault.Find: func(t *testing.T, p store.Pages) error {
			_, err := p.Find(t.Context(), store.PageQuery{})
			return err
		},
		fault.Apply: func(t *testing.T, p store.Pages) error { return p.Apply(t.Context(), &store.PageChange{}) },
		fault.Sync:  func(t *testing.T, p store.Pages) error { return p.Sync(t.Context()) },
		fault.Reset: func(t *testing.T, p store.Pages) error { return p.Reset(t.Context()) },
	} {
		t.Run(fmt.Sprint(op), func(t *testing.T) {
			p := fault.NewPages(mem.NewPages(), fault.Fault{Op: op, At: 2, Err: store.ErrUnavailable})
			for i, want := range []bool{false, true, false} {
				if err := call(t, p); errors.Is(err, store.ErrUnavailable) != want {
					t.Errorf("call %d: %v", i+1, err)
				}
			}
			if p.Calls(op) != 3 || p.Hits() != 1 {
				t.Errorf("%d calls, %d hits", p.Calls(op), p.Hits())
			}
		})
	}
}

func TestAfterASyncThatFailedChangesAreCorruptUntilAReset(t *testing.T) {
	p := fault.NewPages(mem.NewPages(), fault.Fault{Op: fault.Sync, At: 1, Err: syscall.EIO})
	if err := p.Sync(t.Context()); !errors.Is(err, syscall.EIO) {
		t.Errorf("sync: %v", err)
	}
	for name, err := range map[string]error{
		"apply": p.Apply(t.Context(), &store.PageChange{}), "sync": p.Sync(t.Context()),
	} {
		if !errors.Is(err, millrace.ErrCorrupt) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := errors.Join(p.Reset(t.Context()), p.Apply(t.Context(), &store.PageChange{}), p.Sync(t.Context())); err != nil {
		t.Errorf("after a reset: %v", err)
	}
}

func TestPagesAndFilesShareTheirFault(t *testing.T) {
	d := fault.New(mem.NewFS(), fault.Fault{Op: fault.Mutation, At: 2, Err: syscall.EIO})
	p := d.Pages(mem.NewPages())
	if err := d.SyncDir(); err != nil {
		t.Fatal(err)
	}
	if err := p.Apply(t.Context(), &store.PageChange{}); !errors.Is(err, syscall.EIO) {
		t.Errorf("apply: %v", err)
	}
}
