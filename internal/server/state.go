package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/store"
	"github.com/millrace/millrace/internal/store/disk"
	"github.com/millrace/millrace/internal/store/sqlite"
	"github.com/millrace/millrace/internal/upkeep"
)

// The names of what a data directory holds.
const (
	controlFile = "control.db"
	packFolder  = "packs"
)

// How often the background work of a state is done.
const (
	stampInterval  = time.Minute
	forgetInterval = 10 * time.Minute
)

// A state is an open data directory.
type state struct {
	logger  *slog.Logger
	now     func() time.Time
	lock    *disk.DirLock
	control *sqlite.Control
	media   *store.Engine
	epoch   uint32
	latest  time.Time // no fragment was ever stamped later
	expiry  *expiryClock
}

// openState takes a data directory for this process and reads what is in it,
// making it if it is not there.
func openState(ctx context.Context, dir string, logger *slog.Logger, now func() time.Time) (*state, error) {
	s := &state{logger: logger, now: now}
	if err := s.open(ctx, dir); err != nil {
		return nil, errors.Join(fmt.Errorf("open data directory: %w", err), s.close())
	}
	return s, nil
}

func (s *state) open(ctx context.Context, dir string) (err error) {
	if err := os.MkdirAll(filepath.Join(dir, packFolder), 0o700); err != nil {
		return err
	}
	if s.lock, err = disk.Lock(dir); err != nil {
		return err
	}
	top, err := disk.Open(dir)
	if err != nil {
		return err
	}
	if err := upkeep.CheckRestored(top); err != nil {
		return err
	}
	if s.control, err = sqlite.OpenControl(ctx, filepath.Join(dir, controlFile), sqlite.Options{}); err != nil {
		return err
	}
	policies, err := s.policies(ctx)
	if err != nil {
		return err
	}
	files, err := disk.Open(filepath.Join(dir, packFolder))
	if err != nil {
		return err
	}
	if err := s.takeEpoch(ctx, files); err != nil {
		return fmt.Errorf("take an epoch: %w", err)
	}
	s.media, err = store.Open(ctx, store.Config{
		FS: files, Epoch: s.epoch, Logger: s.logger, Now: s.now, Policies: policies,
	})
	if err != nil {
		return err
	}
	return s.readTime(ctx)
}

// takeEpoch takes an epoch that no pack was written in, also where the packs are
// newer than a control state that was put back from a copy.
func (s *state) takeEpoch(ctx context.Context, files *disk.FS) error {
	newest, err := store.NewestEpoch(files)
	if err != nil {
		return err
	}
	for s.epoch <= newest {
		if s.epoch, err = s.control.NextEpoch(ctx); err != nil {
			return err
		}
	}
	return nil
}

// policies is what the control state says of every stream that lives.
func (s *state) policies(ctx context.Context) (map[millrace.StreamKey]store.Policy, error) {
	all := map[millrace.StreamKey]store.Policy{}
	err := store.AllStreams(ctx, s.control, func(m millrace.Stream) error {
		if m.Status == millrace.StatusActive {
			all[m.Key] = store.Policy{Retention: m.Retention, KeptSince: m.KeptSince}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("list streams: %w", err)
	}
	return all, nil
}

// readTime finds the latest time that was ever given out.
func (s *state) readTime(ctx context.Context) error {
	stamp, err := s.control.ClockStamp(ctx)
	if err != nil {
		return fmt.Errorf("read clock stamp: %w", err)
	}
	s.latest = s.media.LastServerTime()
	if stamp.After(s.latest) {
		s.latest = stamp
	}
	s.expiry = newExpiryClock(s.latest, s.now, s.logger)
	if ahead := s.latest.Sub(s.now()); ahead > time.Second {
		s.logger.Warn("the clock is behind the newest fragment: new ones are stamped with that one's time until it catches up", "behind", ahead)
	}
	return nil
}

// nextEpoch takes a further epoch, before a stream's counter would wrap.
func (s *state) nextEpoch() (uint32, error) { return s.control.NextEpoch(context.Background()) }

// keepTime writes down how late it is, so that a start with a wrong clock does
// not stamp fragments earlier than those before it.
func (s *state) keepTime(ctx context.Context) {
	s.every(ctx, stampInterval, "clock stamp", func(ctx context.Context) error {
		return s.stamp(ctx)
	})
}

// forgetExpired removes packs in which no fragment is within its retention.
func (s *state) forgetExpired(ctx context.Context) {
	s.every(ctx, forgetInterval, "retention", func(ctx context.Context) error {
		policies, err := s.policies(ctx)
		if err != nil {
			return err
		}
		for key, p := range policies {
			s.media.SetPolicy(key, p)
		}
		_, err = s.media.Maintain(ctx, s.expiry.Now())
		return err
	})
}

// every does work at once and then again and again until ctx ends.
func (s *state) every(ctx context.Context, d time.Duration, name string, work func(context.Context) error) {
	tick := time.NewTicker(d)
	defer tick.Stop()
	for {
		if err := work(ctx); err != nil && ctx.Err() == nil {
			s.logger.Error("background work failed and will be tried again", "work", name, "err", err)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// stamp writes the time down, if it is known.
func (s *state) stamp(ctx context.Context) error {
	if s.expiry == nil {
		return nil
	}
	return s.control.SetClockStamp(ctx, s.expiry.Now())
}

// close commits what was submitted and closes the files.
func (s *state) close() error {
	var errs []error
	if s.media != nil {
		errs = append(errs, s.media.Close())
	}
	if s.control != nil {
		ctx, cancel := context.WithTimeout(context.Background(), stampInterval)
		defer cancel()
		errs = append(errs, s.stamp(ctx), s.control.Close())
	}
	if s.lock != nil {
		errs = append(errs, s.lock.Close())
	}
	return errors.Join(errs...)
}
