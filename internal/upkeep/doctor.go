package upkeep

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/millrace/millrace/internal/config"
	"github.com/millrace/millrace/internal/store/disk"
)

// A Level says how bad a Finding is.
type Level string

// The levels.
const (
	LevelOK   Level = "ok"
	LevelWarn Level = "warn" // works, but not as it should
	LevelFail Level = "fail" // does not work, or does not keep what it promises
)

// A Finding is the outcome of one check.
type Finding struct {
	Check string `json:"check"`
	Level Level  `json:"level"`
	Text  string `json:"text"`
	Do    string `json:"do,omitempty"` // what to do about it
}

// DoctorOptions say how thorough a Doctor is.
type DoctorOptions struct {
	Speed time.Duration    // how long to measure the disk; 0 does not
	Now   func() time.Time // the wall clock; nil is time.Now
}

// Doctor looks whether a server with these settings would run well on this
// machine, and says what to do if not. It changes nothing in the data
// directory but for a file of its own that it removes again, and works beside
// a running server. Each check that can be made has at least one Finding; the
// error is ctx's.
func Doctor(ctx context.Context, cfg config.Server, o DoctorOptions) ([]Finding, error) {
	return examine(ctx, cfg, o, thisMachine{})
}

// A machine is what a Doctor asks the operating system.
type machine interface {
	fileSystem(dir string) (fileSystem, error)
	lockedBy(path string) (l lockState, known bool)
	memory() (bytes int64, known bool) // that this process may use
	openFiles() (most uint64, known bool)
	clockState() (synchronized, known bool)
}

// A lockState says whether a process has a lock on a file.
type lockState struct {
	held bool
	pid  int // 0 if it is not known
}

func examine(ctx context.Context, cfg config.Server, o DoctorOptions, m machine) ([]Finding, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	d := &doctor{cfg: cfg, o: o, machine: m}
	for _, check := range []func(context.Context){
		d.directory, d.lock, d.fileSystem, d.holes, d.speed, d.space,
		d.formats, d.clock, d.port, d.certificate, d.memory, d.files,
	} {
		if err := ctx.Err(); err != nil {
			return d.findings, err
		}
		check(ctx)
	}
	return d.findings, ctx.Err()
}

type doctor struct {
	cfg      config.Server
	o        DoctorOptions
	machine  machine
	findings []Finding
	usable   bool      // the directory is there and can be written to
	running  bool      // a server has it
	newest   time.Time // that it knows of
}

func (d *doctor) note(check string, level Level, do, format string, args ...any) {
	d.findings = append(d.findings, Finding{Check: check, Level: level, Text: fmt.Sprintf(format, args...), Do: do})
}

// directory checks that the data directory is one, and ours alone.
func (d *doctor) directory(context.Context) {
	const check = "directory"
	info, err := os.Stat(d.cfg.Data)
	switch {
	case errors.Is(err, os.ErrNotExist):
		d.note(check, LevelWarn, "If --data is right: mkdir -p -m 700 "+d.cfg.Data+", and run this again.",
			"%s is not there yet; without it nothing was learnt about the disk", d.cfg.Data)
		return
	case err != nil:
		d.note(check, LevelFail, "Give the server's user access to it.", "%s cannot be reached: %v", d.cfg.Data, err)
		return
	case !info.IsDir():
		d.note(check, LevelFail, "Name a directory with --data.", "%s is not a directory", d.cfg.Data)
		return
	}
	if err := d.tryWrite(); err != nil {
		d.note(check, LevelFail, "Give the directory to the user that the server runs as.", "%s cannot be written to: %v", d.cfg.Data, err)
		return
	}
	d.usable = true
	top, err := disk.View(d.cfg.Data)
	if err == nil && CheckRestored(top) != nil {
		d.note(check, LevelFail, "Run millrace restore again, or remove what is in the directory.", "a restore into %s was not finished", d.cfg.Data)
		return
	}
	if err == nil && CheckNoBackup(top) != nil {
		d.note(check, LevelFail, "Put it into another directory: millrace restore.", "%s is a backup; no server starts on it", d.cfg.Data)
		return
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 && unixModes {
		d.note(check, LevelWarn, "chmod 700 "+d.cfg.Data, "%s can be entered by others (mode %04o), and holds keys and video", d.cfg.Data, mode)
		return
	}
	d.note(check, LevelOK, "", "%s can be written to, and nobody else can enter it", d.cfg.Data)
}

// tryWrite makes a file and removes it.
func (d *doctor) tryWrite() error {
	f, err := os.CreateTemp(d.cfg.Data, "doctor-*")
	if err != nil {
		return err
	}
	return errors.Join(f.Close(), os.Remove(f.Name()))
}

// lock tells whether a server runs.
func (d *doctor) lock(context.Context) {
	if !d.usable {
		return
	}
	l, known := d.machine.lockedBy(filepath.Join(d.cfg.Data, lockFile))
	d.running = l.held
	switch {
	case l.held && l.pid > 0:
		d.note("lock", LevelOK, "", "a server has the directory: process %d", l.pid)
	case l.held:
		d.note("lock", LevelOK, "", "a server has the directory, in another container or namespace")
	case known:
		d.note("lock", LevelOK, "", "no server has the directory")
	}
}
