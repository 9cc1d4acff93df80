package upkeep_test

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace/internal/config"
	"github.com/millrace/millrace/internal/store/sqlite"
	"github.com/millrace/millrace/internal/upkeep"
)

// healthy is a machine without fault.
func healthy() upkeep.FakeMachine {
	return upkeep.FakeMachine{Kind: "ext4", Inodes: 1 << 20, Memory: 8 << 30, OpenFiles: 1 << 16}
}

// patient is a server's settings, with a data directory like the model.
func patient(t *testing.T, model string) config.Server {
	t.Helper()
	cfg := config.Default(config.ProfileDefault)
	cfg.Data, cfg.Listen = filepath.Join(t.TempDir(), "data"), "127.0.0.1:0"
	check(t, os.CopyFS(cfg.Data, os.DirFS(model)))
	check(t, os.Chmod(cfg.Data, 0o700))
	return cfg
}

// modelDir makes a data directory that has been used.
func modelDir(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	check(t, os.Mkdir(filepath.Join(dir, "packs"), 0o700))
	c, err := sqlite.OpenControl(context.Background(), filepath.Join(dir, "control.db"), sqlite.Options{})
	check(t, err)
	check(t, errors.Join(c.SetClockStamp(context.Background(), now()), c.Close()))
	return dir
}

func TestADoctorFindsWhatIsWrong(t *testing.T) {
	type change struct {
		cfg *config.Server
		m   *upkeep.FakeMachine
		now *time.Time
	}
	model := modelDir(t)
	for name, tc := range map[string]struct {
		change func(t *testing.T, c change)
		want   string // "level check", empty if all is well
		text   string
	}{
		"nothing":          {func(*testing.T, change) {}, "", ""},
		"nothing is known": {func(_ *testing.T, c change) { *c.m = upkeep.FakeMachine{KnowNothing: true} }, "", ""},
		"a server that runs": {
			func(_ *testing.T, c change) { c.m.Held, c.m.PID = true, 4711 }, "ok lock", "process 4711",
		},
		"no directory":     {func(_ *testing.T, c change) { c.cfg.Data += "/none" }, "warn directory", "not there yet"},
		"a file":           {func(_ *testing.T, c change) { c.cfg.Data += "/control.db" }, "fail directory", "not a directory"},
		"open to others":   {func(t *testing.T, c change) { check(t, os.Chmod(c.cfg.Data, 0o755)) }, "warn directory", "chmod 700"},
		"half restored":    {func(t *testing.T, c change) { check(t, os.WriteFile(c.cfg.Data+"/restoring", nil, 0o600)) }, "fail directory", "not finished"},
		"a backup":         {func(t *testing.T, c change) { check(t, os.WriteFile(c.cfg.Data+"/manifest.json", []byte("{}"), 0o600)) }, "fail directory", "is a backup"},
		"memory as a disk": {func(_ *testing.T, c change) { c.m.Kind = "tmpfs" }, "fail file system", "in memory"},
		"a network":        {func(_ *testing.T, c change) { c.m.Kind = "nfs4" }, "fail file system", "another machine"},
		"FAT":              {func(_ *testing.T, c change) { c.m.Kind = "vfat" }, "fail file system", "journal"},
		"a container":      {func(_ *testing.T, c change) { c.m.Kind = "overlay" }, "warn file system", "volume"},
		"no barriers":      {func(_ *testing.T, c change) { c.m.Options = []string{"rw", "nobarrier"} }, "fail file system", "nobarrier"},
		"few inodes":       {func(_ *testing.T, c change) { c.m.Inodes = 12 }, "warn file system", "12 inodes"},
		"a large capacity": {func(_ *testing.T, c change) { c.cfg.Capacity = 1 << 60 }, "warn space", "--capacity is 1024.0 PiB"},
		"a large reserve":  {func(_ *testing.T, c change) { c.cfg.Reserve = 1 << 60 }, "fail space", "Lower --reserve"},
		"a clock behind":   {func(_ *testing.T, c change) { *c.now = now().Add(-time.Hour) }, "fail clock", "behind by 1h0m0s"},
		"a clock far ahead": {
			func(_ *testing.T, c change) { *c.now = now().Add(50 * time.Hour) }, "warn clock", "50h0m0s ahead",
		},
		"a clock that nobody keeps": {func(_ *testing.T, c change) { c.m.Unsynced = true }, "warn clock", "chrony"},
		"a newer control state": {
			func(t *testing.T, c change) { newerSchema(t, c.cfg.Data+"/control.db") }, "fail control state", "schema version 99",
		},
		"a damaged control state": {
			func(t *testing.T, c change) {
				check(t, os.WriteFile(c.cfg.Data+"/control.db", []byte(strings.Repeat("x", 9000)), 0o600))
			},
			"fail control state", "millrace verify",
		},
		"packs without a control state": {
			func(t *testing.T, c change) {
				check(t, os.WriteFile(c.cfg.Data+"/packs/0000000100000001.pack", []byte("x"), 0o600))
				check(t, os.Remove(c.cfg.Data+"/control.db"))
			},
			"fail control state", "no server starts",
		},
		"an index of somebody else": {
			func(t *testing.T, c change) { check(t, os.Rename(c.cfg.Data+"/control.db", c.cfg.Data+"/index.db")) },
			"fail index", "Remove index.db",
		},
		"a newer index": {
			func(t *testing.T, c change) { newerSchema(t, makeIndex(t, c.cfg.Data)) }, "fail index", "schema version 99",
		},
		"a damaged index": {
			func(t *testing.T, c change) {
				check(t, os.WriteFile(c.cfg.Data+"/index.db", []byte(strings.Repeat("x", 9000)), 0o600))
			},
			"warn index", "makes it again",
		},
		"a file among the packs": {
			func(t *testing.T, c change) { check(t, os.WriteFile(c.cfg.Data+"/packs/notes.txt", nil, 0o600)) }, "warn packs", "notes.txt",
		},
		"a pack without a header": {
			func(t *testing.T, c change) {
				check(t, os.WriteFile(c.cfg.Data+"/packs/0000000100000001.pack", []byte("x"), 0o600))
			},
			"warn packs", "1 of 1",
		},
		"a port that is taken": {
			func(t *testing.T, c change) {
				l, err := net.Listen("tcp", "127.0.0.1:0")
				check(t, err)
				t.Cleanup(func() { l.Close() })
				c.cfg.Listen = l.Addr().String()
			}, "fail port", "another program",
		},
		"a host of others":   {func(_ *testing.T, c change) { c.cfg.Listen = "192.0.2.1:80" }, "fail port", "address of this machine"},
		"no certificate":     {func(_ *testing.T, c change) { c.cfg.TLSCert = "none.pem" }, "fail certificate", "cannot be loaded"},
		"a budget too large": {func(_ *testing.T, c change) { c.cfg.Memory = 7 << 30 }, "warn memory", "--memory is 7GiB"},
		"little memory":      {func(_ *testing.T, c change) { c.m.Memory = 100 << 20 }, "warn memory", "100.0 MiB"},
		"few files":          {func(_ *testing.T, c change) { c.m.OpenFiles = 256 }, "warn open files", "ulimit"},
	} {
		t.Run(name, func(t *testing.T) {
			cfg, m, at := patient(t, model), healthy(), now()
			tc.change(t, change{&cfg, &m, &at})
			findings, err := upkeep.Examine(context.Background(), cfg, upkeep.DoctorOptions{Now: func() time.Time { return at }}, m)
			if err != nil {
				t.Fatal(err)
			}
			bad := slices.DeleteFunc(slices.Clone(findings), func(f upkeep.Finding) bool {
				return f.Level == upkeep.LevelOK && !strings.HasPrefix(tc.want, "ok")
			})
			if tc.want == "" {
				if len(bad) > 0 || len(findings) < 5 {
					t.Errorf("findings %+v", findings)
				}
				return
			}
			i := slices.IndexFunc(bad, func(f upkeep.Finding) bool { return string(f.Level)+" "+f.Check == tc.want })
			if i < 0 || !strings.Contains(bad[i].Text+" "+bad[i].Do, tc.text) {
				t.Fatalf("found %+v, want %s with %q", bad, tc.want, tc.text)
			}
			if bad[i].Level != upkeep.LevelOK && bad[i].Do == "" {
				t.Errorf("%+v does not say what to do", bad[i])
			}
			if left, _ := filepath.Glob(cfg.Data + "/doctor-*"); len(left) > 0 {
				t.Errorf("left behind: %v", left)
			}
		})
	}
}

func makeIndex(t *testing.T, data string) string {
	t.Helper()
	path := filepath.Join(data, "index.db")
	x, err := sqlite.OpenIndex(context.Background(), path, sqlite.Options{})
	check(t, err)
	check(t, x.Close())
	return path
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestADoctorMeasuresTheDisk(t *testing.T) {
	cfg := patient(t, modelDir(t))
	findings, err := upkeep.Examine(context.Background(), cfg, upkeep.DoctorOptions{Speed: 50 * time.Millisecond, Now: now}, healthy())
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(findings, func(f upkeep.Finding) bool { return f.Check == "sync speed" })
	if i < 0 || !strings.Contains(findings[i].Text, "cameras of 2 Mbit/s") || findings[i].Level == upkeep.LevelFail {
		t.Errorf("findings %+v", findings)
	}
}

func TestADoctorCanBeInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	cfg := patient(t, modelDir(t))
	if _, err := upkeep.Examine(ctx, cfg, upkeep.DoctorOptions{Speed: time.Hour}, healthy()); !errors.Is(err, context.Canceled) {
		t.Errorf("interrupted: %v", err)
	}
	if left, _ := filepath.Glob(cfg.Data + "/doctor-*"); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}
