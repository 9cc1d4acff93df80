package server

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/millrace/millrace/internal/clock"
)

// stampInterval is how often the time is written down.
const stampInterval = time.Minute

// clockNote is the name under which the control state remembers the clock.
const clockNote = "clock"

// startClock starts the server's time from the wall clock and from what is known
// of the latest time that was ever given out: the stamp, the clock's own note,
// and the newest fragment in the packs, of which each may be missing or older
// than the others where a part of the data directory was put back.
func (s *state) startClock(ctx context.Context) error {
	last, err := s.control.ClockStamp(ctx)
	if err != nil {
		return fmt.Errorf("read clock stamp: %w", err)
	}
	stamp, err := s.recallClock(ctx)
	if err != nil {
		return err
	}
	if stamp.Server.IsZero() {
		stamp.Server = last // written by a release that kept nothing else
	}
	if newest := s.media.LastServerTime(); newest.After(last) {
		last = newest
	}
	s.clock = clock.New(clock.Config{Wall: s.now, Boot: s.boot, Last: last, Stamp: stamp, Logger: s.logger})
	s.metrics.watchClock(s.clock)
	return nil
}

// recallClock reads the clock's note. One that cannot be understood is none.
func (s *state) recallClock(ctx context.Context) (stamp clock.Stamp, err error) {
	note, err := s.control.Recall(ctx, clockNote)
	if err != nil {
		return stamp, fmt.Errorf("read clock's note: %w", err)
	}
	if len(note) == 0 {
		return stamp, nil
	}
	if err := json.Unmarshal(note, &stamp); err != nil {
		s.logger.Warn("the clock's note is not understood", "err", err)
		return clock.Stamp{}, nil
	}
	return stamp, nil
}

// keepTime writes down how late it is, so that a start with a wrong clock does
// not stamp fragments earlier than those before it.
func (s *state) keepTime(ctx context.Context) {
	s.every(ctx, stampInterval, "clock stamp", s.stamp)
}

// stamp writes the time down, if it is known. The note comes first: a start that
// finds a stamp without it would believe a leap that only the note tells of.
func (s *state) stamp(ctx context.Context) error {
	if s.clock == nil {
		return nil
	}
	stamp := s.clock.Stamp()
	note, err := json.Marshal(stamp)
	if err != nil {
		return fmt.Errorf("write clock's note: %w", err)
	}
	if err := s.control.Remember(ctx, clockNote, note); err != nil {
		return fmt.Errorf("write clock's note: %w", err)
	}
	return s.control.SetClockStamp(ctx, stamp.Server)
}
