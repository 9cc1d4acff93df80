package server_test

import (
	"crypto/sha256"
	"database/sql"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"hash/crc32"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace/internal/config"
	"github.com/millrace/millrace/internal/server"
	"github.com/millrace/millrace/internal/upkeep"
)

// A data directory as a release left it lies in testdata, named for the formats
// in it, with what has to be read from it beside it. None is ever changed: -keep
// NAME makes a new one, of the formats that are written now.
var keep = flag.String("keep", "", "make testdata/data-NAME, a data directory of the present formats")

// oldTime is when the old directories were written.
func oldTime() time.Time { return time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC) }

// A keptFragment is what has to be read of one fragment.
type keptFragment struct {
	Stream   string
	Number   string
	Producer string // time
	SHA256   string // of the Cluster
}

// TestADataDirectoryCanBeKept makes one, which -keep puts with the others.
func TestADataDirectoryCanBeKept(t *testing.T) {
	dir := filepath.Join("testdata", "data-"+*keep)
	if *keep == "" {
		dir = filepath.Join(t.TempDir(), "data")
	}
	r := start(t, oldTime, func(cfg *config.Server) { cfg.ReaderIdleTimeout = readerIdle })
	r.create("door", 24)
	r.create("yard", 24*30)
	r.create("gone", 24)
	if status, out := r.call("/tagStream", map[string]any{"StreamName": "door", "Tags": map[string]string{"floor": "1"}}); status != http.StatusOK {
		t.Fatal(out)
	}
	rnd := newRand(1)
	ledgers := []*ledger{newLedger("door"), newLedger("yard"), newLedger("gone")}
	for _, l := range ledgers {
		if err := l.call(r, rnd, 3, false); err != nil {
			t.Fatal(err)
		}
	}
	r.restart() // which leaves a pack that is sealed
	for _, l := range ledgers {
		if err := l.call(r, rnd, 2, false); err != nil {
			t.Fatal(err)
		}
	}
	if status, out := r.call("/deleteStream", map[string]any{"StreamARN": r.arn("gone")}); status != http.StatusOK {
		t.Fatal(out)
	}
	// A copy of a server that runs is what a power cut leaves: an open pack.
	if err := os.CopyFS(dir, os.DirFS(r.cfg.Data)); err != nil {
		t.Fatal(err)
	}
	list := readKept(t, r, "door", "yard")
	if len(list) != 10 {
		t.Errorf("%d fragments can be read, want 10", len(list))
	}
	b, err := json.MarshalIndent(list, "", "\t")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(dir+".json", append(b, '\n'), 0o600); err != nil {
		t.Fatal(err)
	}
}

// readKept reads everything that a server has of streams.
func readKept(t *testing.T, r *rig, streams ...string) (list []keptFragment) {
	t.Helper()
	for _, stream := range streams {
		docs, err := readAll(r, stream)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range docs {
			sum := sha256.Sum256(d.cluster)
			list = append(list, keptFragment{stream, d.number(), d.tags["AWS_KINESISVIDEO_PRODUCER_TIMESTAMP"], hex.EncodeToString(sum[:])})
		}
	}
	return list
}

// Without the control state all packs would be those of deleted streams. An empty
// file is one that a crash of the file system has left.
func TestPacksWithoutAControlStateAreLeftAlone(t *testing.T) {
	for name := range oldDirectories(t) {
		for _, empty := range []bool{false, true} {
			cfg := config.Default(config.ProfileDefault)
			cfg.Data, cfg.Listen = t.TempDir(), "127.0.0.1:0"
			if err := os.CopyFS(cfg.Data, os.DirFS(name)); err != nil {
				t.Fatal(err)
			}
			for path := range controlFiles(t, cfg.Data) {
				if err := os.Remove(path); err != nil {
					t.Fatal(err)
				}
			}
			if empty {
				if err := os.WriteFile(filepath.Join(cfg.Data, upkeep.ControlFile), nil, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			packs := packNames(t, cfg.Data)
			s, err := server.Start(t.Context(), cfg, server.Options{})
			if err == nil {
				err = s.Close()
			}
			if !errors.Is(err, upkeep.ErrNoControl) {
				t.Errorf("%s: start: %v", name, err)
			}
			if _, err := server.Rebuild(t.Context(), cfg, server.Options{}); err == nil {
				t.Errorf("%s: its index was made again", name)
			}
			if left := packNames(t, cfg.Data); len(left) == 0 || !slices.Equal(left, packs) {
				t.Errorf("%s: of the packs %v there are %v", name, packs, left)
			}
		}
	}
}

func packNames(t *testing.T, data string) (names []string) {
	t.Helper()
	list, err := os.ReadDir(filepath.Join(data, upkeep.PackFolder))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range list {
		names = append(names, f.Name())
	}
	return names
}

// TestOldDataDirectoriesAreBackedUp backs each up as it is, without a server.
func TestOldDataDirectoriesAreBackedUp(t *testing.T) {
	for name, want := range oldDirectories(t) {
		old, backup, data := t.TempDir(), t.TempDir(), t.TempDir()
		if err := os.CopyFS(old, os.DirFS(name)); err != nil {
			t.Fatal(err)
		}
		if _, err := upkeep.BackupTo(t.Context(), old, backup, upkeep.BackupOptions{}); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if _, err := upkeep.RestoreTo(t.Context(), backup, data, 0, nil); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if got := readKept(t, startOld(t, data), "door", "yard"); !slices.Equal(got, want) {
			t.Errorf("%s: read %v, want %v", name, got, want)
		}
	}
}

// oldDirectories lists the directories in testdata, and what has to be read from
// them.
func oldDirectories(t *testing.T) map[string][]keptFragment {
	t.Helper()
	lists, err := filepath.Glob("testdata/data-*.json")
	if err != nil || len(lists) == 0 {
		t.Fatal("no old data directories", err)
	}
	all := map[string][]keptFragment{}
	for _, list := range lists {
		b, err := os.ReadFile(list)
		if err != nil {
			t.Fatal(err)
		}
		var want []keptFragment
		if err := json.Unmarshal(b, &want); err != nil {
			t.Fatal(err)
		}
		all[strings.TrimSuffix(list, ".json")] = want
	}
	return all
}

// startOld runs a server on a copy of an old data directory.
func startOld(t *testing.T, name string) *rig {
	t.Helper()
	return start(t, oldTime, func(cfg *config.Server) {
		cfg.ReaderIdleTimeout = readerIdle
		if err := os.CopyFS(cfg.Data, os.DirFS(name)); err != nil {
			t.Fatal(err)
		}
	})
}

func TestEveryOlderDataDirectoryIsServed(t *testing.T) {
	for name, want := range oldDirectories(t) {
		t.Run(filepath.Base(name), func(t *testing.T) {
			r := startOld(t, name)
			for range 2 { // also when it has been brought up to date
				if got := readKept(t, r, "door", "yard"); !slices.Equal(got, want) {
					t.Fatalf("read %v, want %v", got, want)
				}
				if status, out := r.call("/describeStream", map[string]any{"StreamName": "gone"}); status != http.StatusNotFound {
					t.Errorf("a stream that was deleted: %d %v", status, out)
				}
				if _, out := r.call("/listTagsForStream", map[string]any{"StreamName": "door"}); fmt.Sprint(out["Tags"]) != "map[floor:1]" {
					t.Errorf("tags: %v", out)
				}
				r.restart()
			}
		})
	}
}

func TestNewerDataDirectoriesAreRefused(t *testing.T) {
	for name, tc := range map[string]struct {
		from, file string
		make       func(t *testing.T, path string)
	}{
		"a pack":            {"pack1-control1", "packs/0000000100000001.pack", newerPack},
		"the control state": {"pack2-control2-index1", "control.db", newerDatabase},
		"the index":         {"pack2-control2-index1", "index.db", newerDatabase},
	} {
		t.Run(name, func(t *testing.T) {
			data := t.TempDir()
			if err := os.CopyFS(data, os.DirFS("testdata/data-"+tc.from)); err != nil {
				t.Fatal(err)
			}
			tc.make(t, filepath.Join(data, tc.file))
			cfg := childConfig(data)
			s, err := server.Start(t.Context(), cfg, server.Options{Now: oldTime})
			if err == nil {
				s.Close()
				t.Fatal("a newer format was opened")
			}
			if text := err.Error(); !strings.Contains(text, filepath.Base(tc.file)) || !strings.Contains(text, "99") || !strings.Contains(text, "release") {
				t.Errorf("an operator is told: %v", err)
			}
		})
	}
}

// newerPack gives both copies of a pack's header, and its trailer, version 99.
func newerPack(t *testing.T, path string) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, at := range []int{0, 4096, len(b) - 64} {
		p := b[at : at+64]
		binary.LittleEndian.PutUint32(p[8:], 99)
		binary.LittleEndian.PutUint32(p[60:], crc32.Checksum(p[:60], crc32.MakeTable(crc32.Castagnoli)))
	}
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

func newerDatabase(t *testing.T, path string) {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec("INSERT INTO schema_version (version) VALUES (99)"); err != nil {
		t.Fatal(err)
	}
}

func TestADirectoryThatIsNotWhollyRestoredIsRefused(t *testing.T) {
	data := t.TempDir()
	if err := os.WriteFile(filepath.Join(data, "restoring"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := server.Start(t.Context(), childConfig(data), server.Options{})
	if err == nil {
		s.Close()
	}
	if !errors.Is(err, upkeep.ErrUnfinished) {
		t.Errorf("started: %v", err)
	}
	if _, err := os.Stat(filepath.Join(data, "control.db")); err == nil {
		t.Error("a control state was made")
	}
}
