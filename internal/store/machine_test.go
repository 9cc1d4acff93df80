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
	return &machine{power: p, fs: m.fs.CrashOn(p, choose), pages: m.pages.CrashOn(p, choose), lies: m.lies}
}

// kill returns the machine after the end of the program alone.
func (m *machine) kill() *machine {
	p := mem.NewPower()
	return &machine{power: p, fs: m.fs.KillOn(p), pages: m.pages.KillOn(p), lies: m.lies}
}

// bare returns the machine after the end of the program, without its index.
func (m *machine) bare() *machine {
	p := mem.NewPower()
	return &machine{power: p, fs: m.fs.KillOn(p), pages: mem.NewPagesOn(p), lies: m.lies}
}

// directory is where an engine finds its packs.
func (m *machine) directory() store.FS {
	if m.lies {
		return liar{m.fs}
	}
	return m.fs
}

// A liar is a disk that confirms syncs without making them: what no engine can
// stand, so that a test of tests can see them fail.
type liar struct{ store.FS }

type lyingFile struct{ store.File }

func (l liar) Create(name string) (store.File, error) {
	f, err := l.FS.Create(name)
	return lyingFile{f}, err
}

func (l liar) Open(name string) (store.File, error) {
	f, err := l.FS.Open(name)
	return lyingFile{f}, err
}

func (lyingFile) Sync() error { return nil }
