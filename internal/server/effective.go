package server

import (
	"cmp"

	"github.com/millrace/millrace/internal/config"
)

// Effective returns the settings with what a server on this machine, now, would
// choose where they leave it the choice. What it takes from its disk it decides
// again and again, and is left open.
func Effective(cfg config.Server) config.Server {
	cfg.Memory = cmp.Or(cfg.Memory, config.Size(machineMemory()/4))
	cfg.PlaybackMemory = cmp.Or(cfg.PlaybackMemory, cfg.Memory/8)
	cfg.MaxConnections = cmp.Or(cfg.MaxConnections, mostConnections(mostFiles(), int64(cfg.Memory)))
	return cfg
}
