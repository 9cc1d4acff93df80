package store_test

import (
	"github.com/millrace/millrace/internal/store"
	"github.com/millrace/millrace/internal/store/mem"
)

// A machine is what a crash takes all at once and leaves in part: a directory
// of packs, and the pages of the index.
type machine struct {
	power *mem.Power
	fs    *mem.FS
	pages *mem.Pages
	lies  bool // syncs of files are confirmed and not made
	solid bool // files have no holes
}

func newMachine() *machine {
	p := mem.NewPower()
	return &machine{power: p, fs: mem.NewFSOn(p), pages: mem.NewPagesOn(p)}
}

// machineOf is a machine with a directory that is there.
func machineOf(fs *mem.FS) *machine {
	return &machine{power: fs.Power(), fs: fs, pages: mem.NewPagesOn(fs.Power())}
}

// crash returns the machine after a power cut.
func (m *machine) crash(choose mem.Chooser) *machine {
	p := mem.NewPower()
	return &machine{power: p, fs: m.fs.CrashOn(p, choose), pages: m.pages.CrashOn(p, choose), lies: m.lies, solid: m.solid}
}

// kill returns the machine after the end of the program alone.
func (m *machine) kill() *machine {
	p := mem.NewPower()
	return &machine{power: p, fs: m.fs.KillOn(p), pages: m.pages.KillOn(p), lies: m.lies, solid: m.solid}
}

// bare returns the machine after the end of the program, without its index.
func (m *machine) bare() *machine {
	p := mem.NewPower()
	return &machine{power: p, fs: m.fs.KillOn(p), pages: mem.NewPagesOn(p), lies: m.lies, solid: m.solid}
}

// directory is where an engine finds its packs.
func (m *machine) directory() store.FS {
	switch {
	case m.lies:
		return altered{m.fs, func(f store.File) store.File { return lyingFile{f} }}
	case m.solid:
		return altered{m.fs, func(f store.File) store.File { return holeless{f} }}
	}
	return m.fs
}

// An altered directory is one whose files are not what they should be.
type altered struct {
	store.FS
	alter func(store.File) store.File
}

func (a altered) Create(name string) (store.File, error) {
	f, err := a.FS.Create(name)
	if f == nil {
		return nil, err
	}
	return a.alter(f), err
}

func (a altered) Open(name string) (store.File, error) {
	f, err := a.FS.Open(name)
	if f == nil {
		return nil, err
	}
	return a.alter(f), err
}

// A lyingFile confirms syncs without making them: what no engine can stand, so
// that a test of tests can see them fail.
type lyingFile struct{ store.File }

func (lyingFile) Sync() error { return nil }

// A holeless file has no holes.
type holeless struct{ store.File }

func (holeless) Punch(int64, int64) error { return store.ErrUnsupported }
