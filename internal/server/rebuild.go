package server

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/millrace/millrace/internal/config"
	"github.com/millrace/millrace/internal/store"
	"github.com/millrace/millrace/internal/upkeep"
)

// Rebuild makes the index of a data directory again from its packs, and says
// what there is. No server may be using the directory: then it is
// millrace.ErrConflict. A directory that is none is left as it is. A crash on
// the way leaves an index that the next start makes again.
func Rebuild(ctx context.Context, cfg config.Server, o Options) (store.PackStats, error) {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if err := upkeep.CheckHolds(cfg.Data); err != nil {
		return store.PackStats{}, err
	}
	o.rebuild = true
	s, err := openState(ctx, cfg, o)
	if err != nil {
		return store.PackStats{}, err
	}
	stats := s.media.PackStats()
	return stats, errors.Join(ctx.Err(), s.close())
}
