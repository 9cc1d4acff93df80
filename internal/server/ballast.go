package server

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/millrace/millrace/internal/store"
)

const (
	// ballastFile is what a data directory keeps room with.
	ballastFile = "ballast"

	// ballastSize is how many bytes that is. A start writes some 200 KiB: the
	// logs of both databases and their indexes, an epoch, an empty index.
	ballastSize = 1 << 20

	// ballastInterval is how often a ballast that was thrown off is looked for
	// room for, and ballastSpare how many bytes must be free beside it.
	ballastInterval = time.Minute
	ballastSpare    = 4 << 20
)

// A ballast is a file of no content, which a start throws off where the disk is
// full: a server needs a little room to start, and on a disk that others have
// filled it could not be had otherwise. What was thrown off is taken in again
// when there is room.
//
// Crash safety: nothing depends on what is in the file. One that a crash left
// too short is written anew.
type ballast struct {
	path   string
	room   interface{ Space() (store.Space, error) }
	logger *slog.Logger
}

func newBallast(dir string, room interface{ Space() (store.Space, error) }, logger *slog.Logger) *ballast {
	return &ballast{path: filepath.Join(dir, ballastFile), room: room, logger: logger}
}

// throwOff makes room if there is none.
func (b *ballast) throwOff() error {
	if s, err := b.room.Space(); err != nil || s.Total == 0 || s.Free >= ballastSize {
		return err
	}
	switch err := os.Remove(b.path); {
	case err == nil:
		b.logger.Warn("the disk is full: the room that was kept for a start is used up", "bytes", ballastSize)
		return nil
	case errors.Is(err, fs.ErrNotExist):
		return nil // the start may succeed all the same
	default:
		return err
	}
}

// takeIn keeps room again, if there is enough. That it cannot be kept is no
// reason for anything else to fail.
func (b *ballast) takeIn(context.Context) error {
	if info, err := os.Stat(b.path); err == nil && info.Size() == ballastSize {
		return nil
	}
	if s, err := b.room.Space(); err != nil || s.Total > 0 && s.Free < ballastSize+ballastSpare {
		return err
	}
	err := os.WriteFile(b.path, make([]byte, ballastSize), 0o600)
	if err != nil {
		_ = os.Remove(b.path)
	}
	return err
}
