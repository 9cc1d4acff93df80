package upkeep

import (
	"context"
	"io"
	"time"

	"github.com/millrace/millrace/internal/config"
)

// A FakeMachine is what a test wants a Doctor to find.
type FakeMachine struct {
	Kind        string
	Options     []string
	Inodes      uint64
	Held        bool
	PID         int
	Memory      int64
	OpenFiles   uint64
	Unsynced    bool
	KnowNothing bool
}

// Examine is Doctor on another machine.
func Examine(ctx context.Context, cfg config.Server, o DoctorOptions, m FakeMachine) ([]Finding, error) {
	return examine(ctx, cfg, o, fakeMachine{m})
}

type fakeMachine struct{ FakeMachine }

func (m fakeMachine) fileSystem(string) (fileSystem, error) {
	if m.KnowNothing {
		return fileSystem{}, nil
	}
	return fileSystem{kind: m.Kind, options: m.Options, inodes: m.Inodes, bounded: true}, nil
}

func (m fakeMachine) lockedBy(string) (lockState, bool) {
	return lockState{held: m.Held, pid: m.PID}, !m.KnowNothing
}
func (m fakeMachine) memory() (int64, bool)     { return m.Memory, !m.KnowNothing }
func (m fakeMachine) openFiles() (uint64, bool) { return m.OpenFiles, !m.KnowNothing }
func (m fakeMachine) clockState() (synchronized, known bool) {
	return !m.Unsynced, !m.KnowNothing
}

// ReadAtPace reads n bytes at a time from r until its end, at a rate.
func ReadAtPace(ctx context.Context, r io.ReaderAt, size, n, rate int64, meter *Progress) (time.Duration, error) {
	began := time.Now()
	in := meteredBy(ctx, r, size, &pace{rate: rate}, meter)
	for off := int64(0); off < size; off += n {
		if _, err := in.ReadAt(make([]byte, min(n, size-off)), off); err != nil {
			return time.Since(began), err
		}
	}
	return time.Since(began), nil
}

// NotingEach makes a backup write its progress down after each pack.
func (c BackupConfig) NotingEach() BackupConfig {
	c.progressStep = 1
	return c
}
