package server

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/clock"
	"github.com/millrace/millrace/internal/config"
	"github.com/millrace/millrace/internal/retention"
	"github.com/millrace/millrace/internal/store"
	"github.com/millrace/millrace/internal/store/disk"
	"github.com/millrace/millrace/internal/store/sqlite"
	"github.com/millrace/millrace/internal/upkeep"
)

// A state is an open data directory.
type state struct {
	logger  *slog.Logger
	now     func() time.Time
	boot    func() time.Duration // nil is the machine's
	lock    *disk.DirLock
	ballast *ballast
	control *sqlite.Control
	streams *policies // the control state for all who change streams
	media   *store.Engine
	keeper  *retention.Keeper
	metrics *metrics
	epoch   uint32
	clock   *clock.Clock
}

// openState takes a data directory for this process and reads what is in it,
// making it if it is not there. Of o it needs all that belongs to time and to the
// store, and a Logger.
func openState(ctx context.Context, cfg config.Server, o Options) (*state, error) {
	s := &state{logger: o.Logger, now: o.Now, boot: o.Boot, metrics: newMetrics()}
	if err := s.open(ctx, cfg, o); err != nil {
		return nil, errors.Join(fmt.Errorf("open data directory: %w", err), s.close())
	}
	return s, nil
}

func (s *state) open(ctx context.Context, cfg config.Server, o Options) (err error) {
	dir := cfg.Data
	files, err := s.takeDirectory(dir)
	if err != nil {
		return err
	}
	if s.control, err = sqlite.OpenControl(ctx, filepath.Join(dir, upkeep.ControlFile), sqlite.Options{}); err != nil {
		return err
	}
	identity, err := s.identity(ctx)
	if err != nil {
		return fmt.Errorf("read identity: %w", err)
	}
	s.streams = newPolicies(s.control, s.logger)
	all, err := s.streams.all(ctx)
	if err != nil {
		return fmt.Errorf("read policies: %w", err)
	}
	if err := s.takeEpoch(ctx, files); err != nil {
		return fmt.Errorf("take an epoch: %w", err)
	}
	media := store.Config{
		FS: files, Epoch: s.epoch, Policies: all, Identity: identity,
		Rebuild: o.rebuild, PackSize: o.PackSize, Lanes: cfg.Lanes, Logger: s.logger, Now: s.now,
		Capacity: int64(cfg.Capacity), Reserve: int64(cfg.Reserve), OnFull: fullPolicy(cfg.WhenFull),
		Beside: func() int64 { return sizeBeside(dir) },
		Events: s.metrics.events(),
	}
	if err := s.openMedia(ctx, dir, media); err != nil {
		return err
	}
	s.metrics.watch(s.media)
	if err := s.startClock(ctx); err != nil {
		return err
	}
	s.keeper = s.newKeeper(cfg.Capacities)
	s.streams.follow(s.media, s.clock.Since, s.keeper.Nudge)
	return nil
}

// takeDirectory locks a data directory, making it if it is not there, and returns
// where its packs are. What must not be opened it refuses. Where there is no room
// to open anything, it makes some.
func (s *state) takeDirectory(dir string) (packs *disk.FS, err error) {
	top, err := disk.Open(dir)
	if err != nil {
		return nil, err
	}
	if s.lock, err = disk.Lock(dir); err != nil {
		return nil, err
	}
	if err := errors.Join(upkeep.CheckRestored(top), upkeep.CheckNoBackup(top)); err != nil {
		return nil, err
	}
	if packs, err = disk.Open(filepath.Join(dir, upkeep.PackFolder)); err != nil {
		return nil, err
	}
	if err := upkeep.CheckControl(top, packs); err != nil {
		return nil, err
	}
	s.ballast = newBallast(dir, top, s.logger)
	return packs, s.ballast.throwOff()
}

// identity is what tells this store from every other, made at its first start.
func (s *state) identity(ctx context.Context) (id [16]byte, err error) {
	_, _ = rand.Read(id[:]) // never fails
	kept, err := s.control.Keep(ctx, upkeep.IdentityName, id[:])
	if err == nil && copy(id[:], kept) != len(id) {
		err = millrace.ErrCorrupt
	}
	return id, err
}

// openMedia opens the packs and their index.
func (s *state) openMedia(ctx context.Context, dir string, c store.Config) error {
	index, err := sqlite.OpenIndex(ctx, filepath.Join(dir, upkeep.IndexFile), sqlite.Options{})
	if err != nil {
		return err
	}
	c.Pages = index
	if s.media, err = store.Open(ctx, c); err != nil {
		return errors.Join(err, index.Close())
	}
	return nil
}

func fullPolicy(p config.FullPolicy) store.FullPolicy {
	if p == config.FullRefuseNew {
		return store.RefuseNew
	}
	return store.OldestFirst
}

// sizeBeside is how many bytes the files of a data directory take that are not
// packs.
func sizeBeside(dir string) (n int64) {
	list, _ := os.ReadDir(dir) // what cannot be listed is small
	for _, f := range list {
		if info, err := f.Info(); err == nil && info.Mode().IsRegular() {
			n += info.Size()
		}
	}
	return n
}

func (s *state) newKeeper(rules config.CapacityRules) *retention.Keeper {
	c := retention.Config{Control: s.streams, Media: s.media, Since: s.clock.Since, Capped: s.metrics.sawCapped, Logger: s.logger}
	for _, r := range rules {
		c.Rules = append(c.Rules, retention.Rule{Streams: r.Streams, Tag: r.Tag, Value: r.Value, Size: int64(r.Size)})
	}
	c.Maintain = func(ctx context.Context) error {
		if err := s.streams.tellAll(ctx); err != nil {
			return fmt.Errorf("read policies: %w", err)
		}
		_, err := s.media.Maintain(ctx, s.clock.Since)
		return err
	}
	return retention.New(c)
}

// maxAhead is how many starts packs may be ahead of the control state. A pack
// that is further ahead is none of ours, and if the server went by its name the
// numbers of epochs would end with it.
const maxAhead = 1 << 24

// takeEpoch takes an epoch that no pack was written in, also where the packs are
// newer than a control state that was put back from a copy.
func (s *state) takeEpoch(ctx context.Context, files *disk.FS) error {
	newest, err := store.NewestEpoch(files)
	if err != nil {
		return err
	}
	if s.epoch, err = s.control.NextEpoch(ctx, 0); err != nil || s.epoch > newest {
		return err
	}
	if newest-s.epoch >= maxAhead {
		return fmt.Errorf("packs whose names begin with %08x are %d starts ahead of the control state: move what does not belong here out of the directory of the packs", newest, newest-s.epoch)
	}
	s.logger.Warn("the packs are newer than the control state: media of streams that it does not know are removed")
	s.epoch, err = s.control.NextEpoch(ctx, newest)
	return err
}

// nextEpoch takes a further epoch, before a stream's counter would wrap.
func (s *state) nextEpoch() (uint32, error) { return s.control.NextEpoch(context.Background(), 0) }

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

// keepBallast keeps room for the next start.
func (s *state) keepBallast(ctx context.Context) {
	s.every(ctx, ballastInterval, "ballast", s.ballast.takeIn)
}

// close commits what was submitted and closes the files. That the time cannot be
// written down for want of room loses nothing: the newest fragment says it too.
func (s *state) close() error {
	var errs []error
	if s.media != nil {
		errs = append(errs, s.media.Close())
	}
	if s.control != nil {
		ctx, cancel := context.WithTimeout(context.Background(), stampInterval)
		defer cancel()
		err := s.stamp(ctx)
		if errors.Is(err, store.ErrUnavailable) {
			s.logger.Warn("the time was not written down", "err", err)
			err = nil
		}
		errs = append(errs, err, s.control.Close())
	}
	if s.lock != nil {
		errs = append(errs, s.lock.Close())
	}
	return errors.Join(errs...)
}
