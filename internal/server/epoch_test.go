package server_test

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace/internal/config"
	"github.com/millrace/millrace/internal/server"
)

// An operator who puts an older control.db back must not get numbers twice (I3).
func TestNumbersGrowAlthoughTheControlStateIsOlder(t *testing.T) {
	var log bytes.Buffer
	options := server.Options{Logger: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelWarn}))}
	r := startWith(t, options, func(c *config.Server) { c.ReaderIdleTimeout = 100 * time.Millisecond })
	r.create("cam", 24)
	if err := r.s.Close(); err != nil {
		t.Fatal(err)
	}
	old := controlFiles(t, r.cfg.Data)
	put := func() {
		r.open()
		p := r.put("cam", nil)
		p.mustSend(slices.Concat(header(1), cluster(1, block(1, 0, "x")), endOfFragment()))
		p.want("BUFFERING 1", "RECEIVED 1", "PERSISTED 1")
		p.end()
		p.rest()
	}
	for range 3 {
		put()
		if err := r.s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	for path := range controlFiles(t, r.cfg.Data) {
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
	for path, content := range old {
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if strings.Contains(log.String(), "newer than the control state") {
		t.Errorf("logged %s", log.String())
	}
	put()
	if !strings.Contains(log.String(), "newer than the control state") {
		t.Errorf("logged %s", log.String())
	}
	docs := r.get("cam", earliest()).all()
	if len(docs) != 4 {
		t.Fatalf("%d fragments, want 4", len(docs))
	}
	for i := 1; i < len(docs); i++ {
		if docs[i].number() <= docs[i-1].number() {
			t.Errorf("%s after %s", docs[i].number(), docs[i-1].number())
		}
	}
}

// controlFiles reads the control state's database with the log beside it, if
// that is there.
func controlFiles(t *testing.T, dir string) map[string][]byte {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, "control.db*"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no control state: %v", err)
	}
	files := map[string][]byte{}
	for _, path := range paths {
		if files[path], err = os.ReadFile(path); err != nil {
			t.Fatal(err)
		}
	}
	return files
}

// The name of a pack says in which start it was made. One that was made far ahead
// of all starts must not keep the server busy, or use up the numbers that there
// are for those to come.
func TestANameFarAheadOfAllStarts(t *testing.T) {
	r := start(t, nil, nil)
	if err := r.s.Close(); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"0fffffff00000001.pack": "begin with 0fffffff",
		"fffffffe00000001.pack": "begin with fffffffe",
		"ffffffff00000001.pack": "begin with ffffffff",
		"0000ffff00000001.pack": "",
	} {
		path := filepath.Join(r.cfg.Data, "packs", name)
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		s, err := server.Start(ctx, r.cfg, r.options)
		cancel()
		if err == nil {
			err = s.Close()
		}
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %v", name, err)
		}
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
	}
	r.open()
}
