package store_test

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/millrace/millrace/internal/store"
	"github.com/millrace/millrace/internal/store/disk"
	"github.com/millrace/millrace/internal/store/fault"
	"github.com/millrace/millrace/internal/store/mem"
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

func TestDiskIsAFileSystem(t *testing.T) {
	storetest.FS(t, func(t *testing.T) store.FS { return openDisk(t) })
}

func TestMemoryIsAFileSystem(t *testing.T) {
	storetest.FS(t, func(*testing.T) store.FS { return mem.NewFS() })
}

func TestFaultWithoutFaultsIsAFileSystem(t *testing.T) {
	storetest.FS(t, func(*testing.T) store.FS { return fault.New(mem.NewFS(), fault.Fault{}) })
}
