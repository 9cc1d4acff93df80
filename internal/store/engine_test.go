package store_test

import (
	"context"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/store"
	"github.com/millrace/millrace/internal/store/disk"
	"github.com/millrace/millrace/internal/store/fault"
	"github.com/millrace/millrace/internal/store/mem"
	"github.com/millrace/millrace/internal/store/sqlite"
	"github.com/millrace/millrace/internal/store/storetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func open(t *testing.T, cfg store.Config) *store.Engine {
	t.Helper()
	e, err := store.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Close() })
	return e
}

func openDisk(t *testing.T) *disk.FS {
	t.Helper()
	d, err := disk.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func openIndex(t *testing.T, dir string) *sqlite.Index {
	t.Helper()
	x, err := sqlite.OpenIndex(t.Context(), filepath.Join(dir, "index.db"), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = x.Close() })
	return x
}

func TestEngineOnDiskIsAMediaStore(t *testing.T) {
	storetest.Media(t, func(t *testing.T) store.Media { return open(t, store.Config{FS: openDisk(t), Epoch: 1}) })
}

func TestEngineInMemoryIsAMediaStore(t *testing.T) {
	storetest.Media(t, func(t *testing.T) store.Media { return open(t, store.Config{FS: mem.NewFS(), Epoch: 1}) })
}

func TestEngineWithSmallBoundsIsAMediaStore(t *testing.T) {
	storetest.Media(t, func(t *testing.T) store.Media {
		return open(t, store.Config{
			FS: mem.NewFS(), PackSize: 3000, QueueBytes: 900, QueueFragments: 2, OpenPacks: 1, HeaderBytes: 200,
		})
	})
}

// fed is an engine whose index goes from memory into pages between queries: at
// every second one, so that it lies here and there.
type fed struct {
	*store.Engine
	t     *testing.T
	asked atomic.Int64
}

func (f *fed) feed() {
	if f.asked.Add(1)%2 == 0 {
		return
	}
	if err := f.FeedNow(context.Background()); err != nil {
		f.t.Errorf("feed: %v", err)
	}
}

func (f *fed) After(ctx context.Context, s store.Scope, after millrace.FragmentNumber, limit int) ([]store.Entry, error) {
	f.feed()
	return f.Engine.After(ctx, s, after, limit)
}

func (f *fed) List(ctx context.Context, s store.Scope, l store.Listing) ([]store.Entry, error) {
	f.feed()
	return f.Engine.List(ctx, s, l)
}

func (f *fed) AtServerTime(ctx context.Context, s store.Scope, t time.Time) (store.Entry, error) {
	f.feed()
	return f.Engine.AtServerTime(ctx, s, t)
}

func (f *fed) AtProducerTime(ctx context.Context, s store.Scope, t time.Time) (store.Entry, error) {
	f.feed()
	return f.Engine.AtProducerTime(ctx, s, t)
}

func (f *fed) Newest(ctx context.Context, s store.Scope, limit int) ([]store.Entry, error) {
	f.feed()
	return f.Engine.Newest(ctx, s, limit)
}

func TestEngineWithPagesIsAMediaStore(t *testing.T) {
	storetest.Media(t, func(t *testing.T) store.Media {
		return &fed{t: t, Engine: open(t, store.Config{FS: mem.NewFS(), Epoch: 1, PackSize: 5000, Pages: mem.NewPages()})}
	})
}

func TestEngineWithAnIndexFileIsAMediaStore(t *testing.T) {
	storetest.Media(t, func(t *testing.T) store.Media {
		return &fed{t: t, Engine: open(t, store.Config{FS: mem.NewFS(), Epoch: 1, PackSize: 5000, Pages: openIndex(t, t.TempDir())})}
	})
}

func TestDiskIsAFileSystem(t *testing.T) {
	storetest.FS(t, func(t *testing.T) store.FS { return openDisk(t) })
}

func TestMemoryIsAFileSystem(t *testing.T) {
	storetest.FS(t, func(*testing.T) store.FS { return mem.NewFS() })
}

func TestFaultWithoutFaultsIsAFileSystem(t *testing.T) {
	storetest.FS(t, func(*testing.T) store.FS { return fault.New(mem.NewFS(), fault.Fault{}) })
}
