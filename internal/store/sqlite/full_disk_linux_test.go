package sqlite_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/millrace/millrace/internal/store"
	"github.com/millrace/millrace/internal/store/sqlite"
	"github.com/millrace/millrace/internal/store/storetest"
)

const (
	smallDisk = 2 << 20
	roomStep  = 12 << 10  // three pages of the file, and of memory
	mostRoom  = 156 << 10 // with which all of the calls below succeed
)

// withLittleRoom calls test on a disk that has no byte left, then three pages more
// each time. full is how a call failed for want of room, and nil if it did not;
// again gives the room back.
func withLittleRoom(t *testing.T, prepare func(path string), test func(path string, again func()) (full error)) {
	t.Helper()
	d := storetest.NewSmallDisk(t, smallDisk)
	failures := 0
	for room := int64(0); room <= mostRoom; room += roomStep {
		dir := filepath.Join(d.Dir, fmt.Sprint(room))
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, "file.db")
		prepare(path)
		d.Fill(room)
		err := test(path, func() { d.Leave(0) })
		switch {
		case err == nil:
		case !errors.Is(err, store.ErrUnavailable):
			t.Errorf("with %d bytes left: %v", room, err)
		default:
			failures++
		}
		if room == mostRoom && err != nil {
			t.Errorf("with %d bytes left: %v", room, err)
		}
		d.Leave(0)
		if err := os.RemoveAll(dir); err != nil {
			t.Fatal(err)
		}
	}
	if failures == 0 {
		t.Error("there was always enough room")
	}
}

// TestAnIndexOnAFullDiskLosesNothing opens, feeds and syncs an index where the
// room ends in any of the calls, and goes on when there is some.
func TestAnIndexOnAFullDiskLosesNothing(t *testing.T) {
	const before, wanted = 5, 9
	prepare := func(path string) {
		x := openIndex(t, path, sqlite.Options{})
		feed(t, x, 0, before)
		if err := x.Close(); err != nil {
			t.Fatal(err)
		}
	}
	withLittleRoom(t, prepare, func(path string, again func()) (full error) {
		n := before
		x, full := sqlite.OpenIndex(t.Context(), path, sqlite.Options{})
		if full == nil {
			for n < wanted && full == nil {
				if full = tryFeed(t, x, n); full == nil {
					n++
				}
			}
			if got := fed(t, x); got != n {
				t.Errorf("%d changes on a full disk, want %d", got, n)
			}
			if err := x.Sync(t.Context()); err != nil && !errors.Is(err, store.ErrUnavailable) {
				t.Errorf("sync on a full disk: %v", err)
			}
		}
		again()
		if x == nil {
			x = openIndex(t, path, sqlite.Options{})
		}
		feed(t, x, n, n+3)
		if err := errors.Join(x.Sync(t.Context()), x.Close()); err != nil {
			t.Error(err)
		}
		x = openIndex(t, path, sqlite.Options{})
		if got := fed(t, x); got != n+3 {
			t.Errorf("%d changes in the end, want %d", got, n+3)
		}
		if err := x.Close(); err != nil {
			t.Error(err)
		}
		return full
	})
}

// TestAControlStateOnAFullDiskLosesNothing is the same for epochs and streams.
func TestAControlStateOnAFullDiskLosesNothing(t *testing.T) {
	var last uint32
	prepare := func(path string) {
		c := open(t, path, sqlite.Options{})
		var err error
		if last, err = c.NextEpoch(t.Context(), 0); err != nil {
			t.Fatal(err)
		}
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
	}
	withLittleRoom(t, prepare, func(path string, again func()) (full error) {
		var names []string
		c, full := sqlite.OpenControl(t.Context(), path, sqlite.Options{})
		if full == nil {
			var epoch uint32
			if epoch, full = c.NextEpoch(t.Context(), 0); full == nil {
				last = epoch
			}
			for i := 0; i < 4 && full == nil; i++ {
				name := fmt.Sprint("s", i)
				if _, full = c.Create(t.Context(), draft(name), map[string]string{"k": "v"}); full == nil {
					names = append(names, name)
				}
			}
			wantStreams(t, c, names)
		}
		again()
		if c == nil {
			c = open(t, path, sqlite.Options{})
		}
		if epoch, err := c.NextEpoch(t.Context(), 0); err != nil || epoch <= last {
			t.Errorf("epoch %d after %d: %v", epoch, last, err)
		}
		if err := c.Close(); err != nil {
			t.Error(err)
		}
		c = open(t, path, sqlite.Options{})
		wantStreams(t, c, names)
		if err := c.Close(); err != nil {
			t.Error(err)
		}
		return full
	})
}

func wantStreams(t *testing.T, c *sqlite.Control, names []string) {
	t.Helper()
	list, err := c.List(t.Context(), store.Page{})
	if err != nil || len(list) != len(names) {
		t.Errorf("%d streams, %v, want %v", len(list), err, names)
	}
}
