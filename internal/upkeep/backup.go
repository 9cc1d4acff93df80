package upkeep

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/store"
)

const (
	// maxPasses bounds how often the packs are listed again because more have
	// come. Each pass has only what came during the one before.
	maxPasses = 100

	// progressStep is how many bytes of packs are copied before that is written
	// down.
	progressStep = 1 << 30
)

// ErrOtherStore says that a directory holds a backup of something else.
var ErrOtherStore = errors.New("the directory holds the backup of another store")

// A BackupConfig says what is copied, and where to. From, Control and To are
// needed.
type BackupConfig struct {
	From     store.FS                                      // the packs, which a server may be changing
	Control  func(ctx context.Context, to io.Writer) error // writes the control state, as it is at that moment
	Key      []byte                                        // the root key's file; nil if there is none
	CA       []byte                                        // the certificate authority's file; nil if there is none
	Identity string                                        // of the store
	To       store.FS                                      // the backup's directory, for this call alone
	Tool     string                                        // what the manifest says of the release

	Began  time.Time        // when the call was made
	Now    func() time.Time // nil is time.Now
	Forget bool             // whether packs that gave anything back since are copied again
	Rate   int64            // bytes to read per second; 0 is no bound
	Meter  *Progress        // may be nil

	progressStep int64 // 0 is the constant
}

// A BackupReport says what a backup took.
type BackupReport struct {
	Manifest    *Manifest
	Passes      int // over the packs
	Vanished    int // packs that were removed before they could be copied
	Copied      int // files
	CopiedBytes int64
	Kept        int // packs that an earlier run had copied
	KeptBytes   int64
	Damage      []store.Damage // of the original: it is in the backup as it is
}

// Backup copies a store, whose server may be running, to a directory, which may
// hold earlier backups of the same store: what has not changed since is not
// copied again.
//
// What it holds. First the packs are copied, then the control state, so that
// every stream with media in the packs is known to it, and what was deleted
// meanwhile stays deleted. Sealed packs change no more, but for what is taken
// out of them, which the control state tells as well. Of a pack that is being
// written, a beginning is copied, as a power cut might leave it. A fragment that
// was acknowledged before the call lies in some pack at every moment; it can
// leave that pack alive only for another that has been sealed before the first
// is removed. So when a pack vanishes before it was copied, all that were
// copied unsealed are copied once more, beside those that are new; the call
// ends when everything in the list has been copied.
//
// Crash safety. No file that a complete manifest names is touched before the
// next manifest is durable. New files are synced, then their names, then the
// manifest is put in place by one rename; only when that is durable too is what
// it does not name removed. So at every moment the directory holds the last
// complete backup, whole. Packs that a run has finished with are named in
// progress.json, after they are durable, for the run after one that was cut
// short.
func Backup(ctx context.Context, cfg BackupConfig) (*BackupReport, error) {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	cfg.progressStep = cmp.Or(cfg.progressStep, progressStep)
	b := &backup{cfg: cfg, pace: pace{rate: cfg.Rate}, taken: make(map[string]*Copied), buf: make([]byte, copyStep)}
	if err := b.run(ctx); err != nil {
		return nil, err
	}
	return &b.report, nil
}

type backup struct {
	cfg    BackupConfig
	pace   pace
	number int                // of the run
	names  []string           // in the directory
	before map[string]*Copied // packs that earlier runs copied, by name
	taken  map[string]*Copied // by this one
	stale  map[string]bool    // taken unsealed, before a pack vanished
	noted  int64              // bytes copied that the record of progress knows of
	buf    []byte
	report BackupReport
}

func (b *backup) run(ctx context.Context) error {
	if err := b.open(); err != nil {
		return fmt.Errorf("open backup: %w", err)
	}
	if err := b.packs(ctx); err != nil {
		return fmt.Errorf("copy packs: %w", err)
	}
	if err := b.control(ctx); err != nil {
		return fmt.Errorf("copy control state: %w", err)
	}
	if err := errors.Join(b.secret(KeyFile, b.cfg.Key), b.secret(AuthorityFile, b.cfg.CA)); err != nil {
		return err
	}
	if err := b.finish(); err != nil {
		return fmt.Errorf("finish backup: %w", err)
	}
	return nil
}

// secret copies a small file, if there is one.
func (b *backup) secret(name string, content []byte) error {
	if content == nil {
		return nil
	}
	if err := b.take(name, func(w io.Writer) error { _, err := w.Write(content); return err }); err != nil {
		return fmt.Errorf("copy %s: %w", name, err)
	}
	return nil
}

// open finds out what is in the directory, and removes what a run left that was
// cut short.
func (b *backup) open() (err error) {
	if b.names, err = b.cfg.To.ReadDir(); err != nil {
		return err
	}
	b.before, b.number = make(map[string]*Copied), 1
	var held []*Manifest
	for _, name := range []string{manifestFile, progressFile} {
		m, err := readManifest(b.cfg.To, name)
		if errors.Is(err, fs.ErrNotExist) || name == progressFile && errors.Is(err, millrace.ErrCorrupt) {
			continue
		}
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if m.Identity != b.cfg.Identity {
			return ErrOtherStore
		}
		held = append(held, m)
		b.number = max(b.number, m.Run+1)
	}
	if err := b.refuseForeign(held); err != nil {
		return err
	}
	return b.adopt(held)
}

// refuseForeign keeps out of directories that hold something else.
func (b *backup) refuseForeign(held []*Manifest) error {
	if len(held) > 0 {
		return nil
	}
	for _, name := range b.names {
		if name != lockFile && !ours(name) {
			return fmt.Errorf("the directory holds %.80q, and no backup", name)
		}
	}
	return nil
}

// ours reports whether a name is one that backups make.
func ours(name string) bool {
	name = strings.TrimSuffix(name, partSuffix)
	if name == manifestFile || name == progressFile {
		return true
	}
	bare, run, ok := splitStored(name)
	return ok && run > 0 && (known(bare) || known(packPrefix+bare))
}

// adopt takes over the packs that earlier runs copied, and removes all of ours
// that no manifest names.
func (b *backup) adopt(held []*Manifest) error {
	keep := map[string]bool{manifestFile: true, progressFile: true}
	for _, m := range held {
		for i := range m.Files {
			f := &m.Files[i]
			keep[f.Stored] = true
			if f.isPack() && f.Sealed && slices.Contains(b.names, f.Stored) {
				b.before[f.Name] = f
			}
		}
	}
	return b.removeBut(keep)
}

// removeBut removes what is ours and not to be kept.
func (b *backup) removeBut(keep map[string]bool) error {
	names, err := b.cfg.To.ReadDir()
	if err != nil {
		return err
	}
	for _, name := range names {
		if !ours(name) || keep[name] {
			continue
		}
		if err := b.cfg.To.Remove(name); err != nil {
			return err
		}
	}
	return nil
}

// control copies the control state.
func (b *backup) control(ctx context.Context) error {
	return b.take(ControlFile, func(w io.Writer) error { return b.cfg.Control(ctx, w) })
}

// take makes one file of what write writes.
func (b *backup) take(name string, write func(io.Writer) error) error {
	w, err := createFile(b.cfg.To, storedName(name, b.number))
	if err != nil {
		return err
	}
	if err := write(w); err != nil {
		return errors.Join(err, w.abort())
	}
	if err := w.finish(); err != nil {
		return err
	}
	b.count(&Copied{Name: name, Stored: w.name, Size: w.size, SHA256: w.sha256()})
	return nil
}

// count notes a file that was copied.
func (b *backup) count(f *Copied) {
	b.taken[f.Name] = f
	b.report.Copied++
	b.report.CopiedBytes += f.Size
}

// finish makes the backup the one that counts.
func (b *backup) finish() error {
	m := b.manifest()
	m.Finished = b.cfg.Now().UTC().Round(0)
	if err := b.put(manifestFile, m); err != nil {
		return err
	}
	if err := b.cfg.To.SyncDir(); err != nil {
		return err
	}
	keep := map[string]bool{manifestFile: true}
	for _, f := range m.Files {
		keep[f.Stored] = true
	}
	if err := b.removeBut(keep); err != nil {
		return err
	}
	b.report.Manifest = m
	return b.cfg.To.SyncDir()
}

// manifest lists what has been taken, in the order of names.
func (b *backup) manifest() *Manifest {
	m := &Manifest{Tool: b.cfg.Tool, Began: b.cfg.Began.UTC().Round(0), Identity: b.cfg.Identity, Run: b.number}
	for _, f := range b.taken {
		m.Files = append(m.Files, *f)
		if number, ok := store.PackNumber(strings.TrimPrefix(f.Name, packPrefix)); ok {
			m.Epoch = max(m.Epoch, uint32(number>>32))
		}
	}
	slices.SortFunc(m.Files, func(x, y Copied) int { return strings.Compare(x.Name, y.Name) })
	return m
}

// put writes a manifest of files whose names it makes durable first.
func (b *backup) put(name string, m *Manifest) error {
	if err := b.cfg.To.SyncDir(); err != nil {
		return err
	}
	text, err := m.encode()
	if err != nil {
		return err
	}
	return writeFile(b.cfg.To, name, text)
}
