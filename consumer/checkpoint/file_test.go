package checkpoint_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace/consumer/checkpoint"
)

// The file of this release's first version, as it has to be read for ever.
const goldenFile = "testdata/version-1"

func TestAFileOfAnyReleaseIsRead(t *testing.T) {
	content, err := os.ReadFile(goldenFile)
	must(t, err)
	path := filepath.Join(t.TempDir(), "positions")
	must(t, os.WriteFile(path, content, 0o600))
	f, ctx := openFile(t, path), context.Background()

	r, err := f.Load(ctx, checkpoint.Key{App: "plates", Stream: "gate-3"})
	must(t, err)
	saved := time.Date(2026, 11, 23, 17, 0, 0, 250e6, time.UTC)
	if string(r.Position) != "1 gate-3" || r.Epoch != 7 || r.Owner != "" || !r.Updated.Equal(saved) {
		t.Errorf("gate-3 is %+v", r)
	}
	r, err = f.Load(ctx, checkpoint.Key{App: "plates", Stream: "日本 \"<&>"})
	must(t, err)
	ends := time.Date(2099, 1, 1, 0, 0, 0, 0, time.UTC)
	if !bytes.Equal(r.Position, []byte{0, 1, 0xff}) || r.Owner != "yard-1" || r.Epoch != 2 || !r.Expires.Equal(ends) {
		t.Errorf("the other is %+v", r)
	}
	// What is written again is the same, byte by byte.
	must(t, f.Release(ctx, checkpoint.Key{App: "plates", Stream: "nobody"}, "x"))
	again, err := os.ReadFile(path)
	must(t, err)
	if !bytes.Equal(again, content) {
		t.Errorf("it was written again as\n%s", again)
	}
}

func TestAFileThatIsNotOursIsRefusedAndLeftAlone(t *testing.T) {
	good, err := os.ReadFile(goldenFile)
	must(t, err)
	head, records, _ := strings.Cut(string(good), "\n")
	for name, content := range map[string]string{
		"nothing in it":     "",
		"another format":    `{"magic":"shoes","version":1}` + "\n",
		"a newer version":   strings.Replace(string(good), `"version":1`, `"version":2`, 1),
		"a bit that fell":   strings.Replace(string(good), "gate-3", "gate-2", 1),
		"the end missing":   string(good[:len(good)-10]),
		"a line missing":    head + "\n" + records[strings.Index(records, "\n")+1:],
		"more than there":   string(good) + "{}\n",
		"no head":           records,
		"more than a store": string(good) + strings.Repeat(" ", checkpoint.MaxFile),
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "positions")
			f := openFile(t, path)
			must(t, os.WriteFile(path, []byte(content), 0o600))
			if _, err := checkpoint.OpenFile(path); err == nil {
				t.Error("it was opened")
			} else if !errors.Is(err, checkpoint.ErrDamaged) && name != "a newer version" {
				t.Error(err)
			}
			if err := f.Save(context.Background(), checkpoint.Key{App: "a", Stream: "b"}, checkpoint.Record{}); err == nil {
				t.Error("it was written to")
			}
			if now, err := os.ReadFile(path); err != nil || string(now) != content {
				t.Errorf("it has changed: %v", err)
			}
		})
	}
}

func TestAFileIsBounded(t *testing.T) {
	path, ctx := filepath.Join(t.TempDir(), "positions"), context.Background()
	large := bytes.Repeat([]byte{0xff}, checkpoint.MaxPosition)
	// All but the last record is written by hand, because a store would sync each.
	var records bytes.Buffer
	n, text := 0, base64.StdEncoding.EncodeToString(large)
	for ; records.Len() < checkpoint.MaxFile-5*len(text)/2; n++ {
		fmt.Fprintf(&records, `{"app":"a","stream":"%03d","position":"%s"}`+"\n", n, text)
	}
	sum := crc32.Checksum(records.Bytes(), crc32.MakeTable(crc32.Castagnoli))
	head := fmt.Sprintf(`{"magic":"millrace checkpoints","version":1,"records":%d,"crc32c":"%08x"}`+"\n", n, sum)
	must(t, os.WriteFile(path, append([]byte(head), records.Bytes()...), 0o600))
	f := openFile(t, path)
	filler := checkpoint.Key{App: "b", Stream: "filler"}
	must(t, f.Save(ctx, filler, checkpoint.Record{Position: large}))
	beyond := checkpoint.Key{App: "b", Stream: "beyond"}
	if err := f.Save(ctx, beyond, checkpoint.Record{Position: large}); !errors.Is(err, checkpoint.ErrFull) {
		t.Fatalf("beyond the bound: %v", err)
	}
	if _, err := f.Load(ctx, beyond); !errors.Is(err, checkpoint.ErrNotFound) {
		t.Errorf("what had no room is there: %v", err)
	}
	must(t, f.Save(ctx, filler, checkpoint.Record{Position: []byte("small")}))
	must(t, f.Save(ctx, beyond, checkpoint.Record{Position: large}))
}

func TestALinkToAFileIsFollowed(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Log("links need rights there")
		return
	}
	dir, ctx := t.TempDir(), context.Background()
	path, link := filepath.Join(dir, "positions"), filepath.Join(dir, "link")
	k := checkpoint.Key{App: "a", Stream: "b"}
	must(t, openFile(t, path).Save(ctx, k, checkpoint.Record{Position: []byte("one")}))
	must(t, os.Symlink(path, link))
	must(t, openFile(t, link).Save(ctx, k, checkpoint.Record{Position: []byte("two")}))
	if r, err := openFile(t, path).Load(ctx, k); err != nil || string(r.Position) != "two" {
		t.Errorf("loaded %+v, %v", r, err)
	}
}

func TestAFileNeedsItsDirectory(t *testing.T) {
	if _, err := checkpoint.OpenFile(filepath.Join(t.TempDir(), "none", "positions")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("opened in a directory that is not there: %v", err)
	}
}

// What a crash has left of a file that was to come does not matter.
func TestWhatACrashHasLeftIsWrittenOver(t *testing.T) {
	path, ctx := filepath.Join(t.TempDir(), "positions"), context.Background()
	k := checkpoint.Key{App: "a", Stream: "b"}
	must(t, openFile(t, path).Save(ctx, k, checkpoint.Record{Position: []byte("one")}))
	must(t, os.WriteFile(path+".new", []byte(`{"magic":"millrace checkpoi`), 0o600))
	f := openFile(t, path)
	if r, err := f.Load(ctx, k); err != nil || string(r.Position) != "one" {
		t.Errorf("loaded %+v, %v", r, err)
	}
	must(t, f.Save(ctx, k, checkpoint.Record{Position: []byte("two")}))
	if _, err := os.Stat(path + ".new"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("it is still there: %v", err)
	}
}

func TestACallWaitsForTheLockAsLongAsItsContext(t *testing.T) {
	path := filepath.Join(t.TempDir(), "positions")
	f := openFile(t, path)
	lock, err := checkpoint.WaitForLock(context.Background(), path+".lock")
	must(t, err)
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Millisecond)
	defer cancel()
	k := checkpoint.Key{App: "a", Stream: "b"}
	if err := f.Save(ctx, k, checkpoint.Record{}); !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), path+".lock") {
		t.Errorf("save of what is locked: %v", err)
	}
	saved := make(chan error, 1)
	go func() { saved <- f.Save(context.Background(), k, checkpoint.Record{}) }()
	must(t, lock.Close())
	must(t, <-saved)
}

func TestALockOfAFileThatMustNotBeThere(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	first, err := checkpoint.MakeLock(path)
	must(t, err)
	if _, err := checkpoint.MakeLock(path); !errors.Is(err, checkpoint.ErrLocked) {
		t.Errorf("a second lock: %v", err)
	}
	must(t, first.Close())
	second, err := checkpoint.MakeLock(path)
	must(t, err)
	must(t, second.Close())
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the lock file is still there: %v", err)
	}
	if _, err := checkpoint.MakeLock(filepath.Join(path, "x")); err == nil || errors.Is(err, checkpoint.ErrLocked) {
		t.Errorf("a lock that cannot be made: %v", err)
	}
}
