package upkeep

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/store/disk"
	"github.com/millrace/millrace/internal/store/sqlite"
)

// BackupOptions say how BackupTo works.
type BackupOptions struct {
	Tool   string // the release, for the manifest
	Rate   int64  // bytes to read per second; 0 is no bound
	Forget bool   // see BackupConfig
	Meter  *Progress
}

// BackupTo copies the data directory dir, whose server may be running, to the
// directory to, which is made if it does not exist: see Backup.
func BackupTo(ctx context.Context, dir, to string, o BackupOptions) (*BackupReport, error) {
	began := time.Now()
	packs, err := disk.View(filepath.Join(dir, PackFolder))
	if err != nil {
		return nil, fmt.Errorf("open data directory: %w", err)
	}
	top, err := disk.View(dir)
	if err != nil {
		return nil, fmt.Errorf("open data directory: %w", err)
	}
	if err := CheckRestored(top); err != nil {
		return nil, err
	}
	control := filepath.Join(dir, ControlFile)
	identity, err := identityOf(ctx, control)
	if err != nil {
		return nil, fmt.Errorf("read control state: %w", err)
	}
	key, err := readIfThere(filepath.Join(dir, KeyFile))
	if err != nil {
		return nil, fmt.Errorf("read root key: %w", err)
	}
	ca, err := readIfThere(filepath.Join(dir, AuthorityFile))
	if err != nil {
		return nil, fmt.Errorf("read certificate authority: %w", err)
	}
	dest, lock, err := lockedDir(to)
	if err != nil {
		return nil, err
	}
	defer lock.Close()
	return Backup(ctx, BackupConfig{
		From: packs, To: dest, Key: key, CA: ca, Identity: identity, Tool: o.Tool, Began: began,
		Control: func(ctx context.Context, to io.Writer) error { return copyControl(ctx, control, to) },
		Forget:  o.Forget, Rate: o.Rate, Meter: o.Meter,
	})
}

// readIfThere returns nil if there is no file.
func readIfThere(path string) ([]byte, error) {
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return b, err
}

// lockedDir makes a directory if need be, and takes it for this process.
func lockedDir(dir string) (*disk.FS, *disk.DirLock, error) {
	files, err := disk.Open(dir)
	if err != nil {
		return nil, nil, err
	}
	lock, err := disk.Lock(dir)
	if err != nil {
		return nil, nil, err
	}
	return files, lock, nil
}

// copyControl writes the control state as it is now, verified.
func copyControl(ctx context.Context, path string, to io.Writer) (err error) {
	dir, err := os.MkdirTemp("", "millrace-*")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	copied := filepath.Join(dir, ControlFile)
	if err := sqlite.OnlineCopy(ctx, path, copied); err != nil {
		return err
	}
	r, err := sqlite.VerifyControl(ctx, copied)
	if err != nil {
		return err
	}
	if !r.OK() {
		return fmt.Errorf("%s: %w", r.Faults[0], millrace.ErrCorrupt)
	}
	f, err := os.Open(copied)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = io.CopyBuffer(to, onlyReader{f}, make([]byte, copyStep))
	return err
}

// identityOf reads the identity of a store, empty if it has none.
func identityOf(ctx context.Context, path string) (string, error) {
	control, err := openCopy(ctx, path)
	if err != nil {
		return "", err
	}
	defer control.Close()
	return control.identity(ctx)
}

// VerifyBackupAt is VerifyBackup for a directory.
func VerifyBackupAt(ctx context.Context, dir string, rate int64, meter *Progress) (*Manifest, []BackupFault, error) {
	files, err := disk.View(dir)
	if err != nil {
		return nil, nil, err
	}
	return VerifyBackup(ctx, files, rate, meter)
}

// RestoreTo puts the backup in the directory from into the data directory dir,
// which is made if it does not exist: see Restore.
func RestoreTo(ctx context.Context, from, dir string, rate int64, meter *Progress) (*Manifest, error) {
	source, err := disk.View(from)
	if err != nil {
		return nil, fmt.Errorf("open backup: %w", err)
	}
	if _, err := ReadManifest(source); err != nil {
		return nil, fmt.Errorf("read backup %s: %w", from, err) // before anything is made
	}
	top, lock, err := lockedDir(dir)
	if err != nil {
		return nil, err
	}
	defer lock.Close()
	packs, err := disk.Open(filepath.Join(dir, PackFolder))
	if err != nil {
		return nil, err
	}
	return Restore(ctx, RestoreConfig{From: source, Top: top, Packs: packs, Now: time.Now(), Rate: rate, Meter: meter})
}
