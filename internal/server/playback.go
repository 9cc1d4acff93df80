package server

import (
	"context"

	"github.com/millrace/millrace/internal/api"
	"github.com/millrace/millrace/internal/memory"
	"github.com/millrace/millrace/internal/playback"
)

// openPlayback makes what players are served by.
func (s *Server) openPlayback(ctx context.Context, budget *memory.Budget) (*api.Playback, error) {
	tokens, err := playback.NewTokens(ctx, s.state.streams)
	if err != nil {
		return nil, err
	}
	cfg := Effective(s.cfg)
	return &api.Playback{
		Tokens: tokens, Bearer: s.keys.Bearer, WriteTimeout: s.options.WriteTimeout,
		HLS: playback.NewHLS(playback.HLSConfig{
			Archive: s.state.media, Memory: budget, Logger: s.logger, Now: s.now,
			Rules:    playback.Rules{Strict: s.cfg.StrictPlayback, Changes: s.cfg.MaxCodecChanges},
			Sessions: cfg.PlaybackSessions, Bytes: int64(cfg.PlaybackMemory), Idle: cfg.PlaybackIdle,
			Events: playback.HLSEvents{Packaged: s.options.packaged},
		}),
	}, nil
}
