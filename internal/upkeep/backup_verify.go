package upkeep

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/store"
)

// A BackupFault is a file of a backup that is not as it was copied.
type BackupFault struct {
	File Copied
	Err  error
}

// VerifyBackup reads everything that a backup holds and compares it with the
// manifest. No complete backup is ErrNoBackup. What is found is in the list;
// the error says that the check could not be made.
func VerifyBackup(ctx context.Context, from store.FS, rate int64, meter *Progress) (*Manifest, []BackupFault, error) {
	m, err := ReadManifest(from)
	if err != nil {
		return nil, nil, err
	}
	meter.expect(m.Bytes())
	p := &pace{rate: rate}
	buf := make([]byte, copyStep)
	var faults []BackupFault
	for i := range m.Files {
		err := checkFile(ctx, from, &m.Files[i], p, meter, buf)
		if ctx.Err() != nil {
			return m, faults, ctx.Err()
		}
		if err != nil {
			faults = append(faults, BackupFault{m.Files[i], err})
		}
	}
	return m, faults, nil
}

// checkFile reads one file.
func checkFile(ctx context.Context, from store.FS, c *Copied, p *pace, meter *Progress, buf []byte) error {
	if err := checkSize(from, c); err != nil {
		return err
	}
	f, err := from.Open(c.Stored)
	if err != nil {
		return err
	}
	defer f.Close()
	sum := sha256.New()
	in := io.NewSectionReader(meteredBy(ctx, f, c.Size, p, meter), 0, c.Size)
	if _, err := io.CopyBuffer(struct{ io.Writer }{sum}, onlyReader{in}, buf); err != nil {
		return errors.Join(fmt.Errorf("read %s: %w", c.Stored, err), millrace.ErrCorrupt)
	}
	if hex.EncodeToString(sum.Sum(nil)) != c.SHA256 {
		return fmt.Errorf("%s is not what was copied: %w", c.Stored, millrace.ErrCorrupt)
	}
	return nil
}
