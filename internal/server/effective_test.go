package server_test

import (
	"testing"

	"github.com/millrace/millrace/internal/config"
	"github.com/millrace/millrace/internal/server"
)

func TestWhatIsNotSetIsChosenAndTheRestStays(t *testing.T) {
	cfg := config.Default(config.ProfileDefault)
	cfg.Memory, cfg.MaxConnections = 0, 0
	got := server.Effective(cfg)
	if got.Memory < 1<<20 || got.MaxConnections < 1 {
		t.Errorf("memory %v, %d connections", got.Memory, got.MaxConnections)
	}
	cfg.Memory, cfg.MaxConnections = 64<<20, 77
	if got := server.Effective(cfg); got.Memory != 64<<20 || got.MaxConnections != 77 {
		t.Errorf("memory %v, %d connections", got.Memory, got.MaxConnections)
	}
}
