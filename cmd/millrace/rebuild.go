package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/config"
	"github.com/millrace/millrace/internal/server"
)

type rebuildCommand struct {
	dataDir
}

// Help is what the long help says.
func (rebuildCommand) Help() string {
	return "Makes the index of a data directory again from its packs, while no server uses it. A server does that by itself when it finds the index missing or damaged; no media depend on it."
}

// Run makes the index again.
func (r rebuildCommand) Run(ctx context.Context, c *console) error {
	dir, err := r.resolve(c, "rebuild")
	if err != nil {
		return err
	}
	cfg := config.Default(config.ProfileDefault)
	cfg.Data = dir
	stats, err := server.Rebuild(ctx, cfg, server.Options{Logger: newLogger(c, cfg)})
	if errors.Is(err, millrace.ErrConflict) {
		return fmt.Errorf("rebuild: %w: %w", errInUse, err)
	}
	if err != nil {
		return brokenOff(ctx, fmt.Errorf("rebuild: %w", err))
	}
	result := struct {
		Packs     int   `json:"packs"`
		Fragments int   `json:"fragments"`
		Bytes     int64 `json:"bytes"`
	}{stats.Packs, stats.LiveFragments, stats.LiveBytes}
	return c.print(result, func(w io.Writer) {
		fmt.Fprintf(w, "%s\t%d fragments, %s, in %d packs\n", dir, result.Fragments, byteText(result.Bytes), result.Packs)
	})
}
