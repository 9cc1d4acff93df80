package upkeep

import (
	"context"
	"io"
	"strings"

	"github.com/millrace/millrace/internal/store"
)

// checkPack returns what is damaged in a pack that c describes.
func checkPack(ctx context.Context, r io.ReaderAt, c *Copied) ([]store.Damage, error) {
	number, _ := store.PackNumber(strings.TrimPrefix(c.Name, packPrefix))
	report, err := store.VerifyPack(ctx, r, c.Size, number)
	return report.Damaged, err
}
