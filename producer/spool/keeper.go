package spool

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"time"
)

// A keeper is the goroutine that syncs, gives full files their index, writes
// elsewhere what could not be synced, and removes journals.
type keeper struct {
	wake, later, quit, done chan struct{}

	// The Spool's mutex guards these.
	wanted, kept uint64 // rounds asked for, and done
	round        chan struct{}
	err          error // of the last round
}

func (k *keeper) start(s *Spool) {
	k.wake, k.later = make(chan struct{}, 1), make(chan struct{}, 1)
	k.quit, k.done, k.round = make(chan struct{}), make(chan struct{}), make(chan struct{})
	go k.run(s)
}

func (k *keeper) run(s *Spool) {
	defer close(k.done)
	var due <-chan time.Time
	for {
		select {
		case <-k.later:
			if due == nil {
				due = time.After(s.o.SyncEvery)
			}
			continue
		case <-due:
		case <-k.wake:
		case <-k.quit:
			s.keep()
			return
		}
		due = nil
		s.keep()
	}
}

// stop does a last round and waits for its end.
func (k *keeper) stop() error {
	close(k.quit)
	<-k.done
	return k.err
}

// request asks for a round. It does not wait, and may be called before start.
func (k *keeper) request() {
	select {
	case k.wake <- struct{}{}:
	default:
	}
}

// ended asks for a round by the policy.
func (s *Spool) ended() {
	switch {
	case s.o.SyncEvery == 0:
		s.keeper.request()
	case s.o.SyncEvery > 0:
		select {
		case s.keeper.later <- struct{}{}:
		default:
		}
	}
}

// Sync waits until all that was written and settled before is durable. An error
// is that of ctx, or says that it is not: an ErrSync, of which Options.Report was
// told.
func (s *Spool) Sync(ctx context.Context) error {
	k := &s.keeper
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return ErrClosed
	}
	k.wanted++
	mine := k.wanted
	for k.kept < mine {
		round := k.round
		s.mu.Unlock()
		k.request()
		select {
		case <-round:
		case <-k.done:
			return ErrClosed
		case <-ctx.Done():
			return ctx.Err()
		}
		s.mu.Lock()
	}
	defer s.mu.Unlock()
	return k.err
}

// A job is a file in a round.
type job struct {
	*dataFile
	upTo     int64 // its size
	finished bool  // nobody writes to it any more
	logged   bool  // its journal is to be synced
	bad      bool  // it failed, now or before
}

// keep is one round. In it, nothing counts as durable before its bytes, its name
// and then the two together are: a sync of the file, then of the directory. The
// index comes after that, so that it never tells of what a power cut took.
func (s *Spool) keep() {
	jobs, stale, dir, wanted := s.jobs()
	var errs []error
	for i := range jobs {
		errs = append(errs, s.syncFile(&jobs[i]))
		j := &jobs[i]
		errs = append(errs, s.syncJournal(j))
		dir = dir || !j.named || j.logged && !j.kept
	}
	if dir {
		if err := s.fs.Sync(); err != nil {
			errs = append(errs, s.nameless(jobs, err))
			s.mu.Lock()
			s.stale = append(s.stale, stale...)
			s.mu.Unlock()
			dir, stale = false, nil
		}
	}
	s.durable(jobs, dir)
	for i := range jobs {
		j := &jobs[i]
		switch {
		case j.bad:
			errs = append(errs, s.rescue(j))
		case j.finished && !j.sealed:
			s.seal(j.dataFile)
		}
		s.release(j.dataFile)
	}
	s.clear(stale)

	s.mu.Lock()
	defer s.mu.Unlock()
	k := &s.keeper
	if err := errors.Join(errs...); err != nil {
		k.err = err
	} else {
		k.err = s.notDurable()
	}
	k.kept = wanted
	close(k.round)
	k.round = make(chan struct{})
}

// jobs takes the files that a round has something to do with, and uses them.
func (s *Spool) jobs() (jobs []job, stale []string, dir bool, wanted uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range s.files {
		if f.handle == nil && !f.logged {
			continue
		}
		f.uses++
		jobs = append(jobs, job{dataFile: f, upTo: f.size, finished: !f.writing, logged: f.logged, bad: f.failed})
		f.logged = false
	}
	stale, s.stale = s.stale, nil
	return jobs, stale, len(stale) > 0, s.keeper.wanted
}

// notDurable is an ErrSync if something pending, and not damaged, stands in a file that has failed.
// The caller holds mu.
func (s *Spool) notDurable() error {
	for _, f := range s.files {
		lacks := func(e entry) bool { return !e.outcome.Final() && !e.is(stateDamaged) && e.end > f.synced }
		if f.failed && slices.ContainsFunc(f.entries, lacks) {
			return fmt.Errorf("%w: %s has failed", ErrSync, dataName(f.number))
		}
	}
	return nil
}

// syncFile syncs what was written to a file. After an error nothing is known of
// what was not synced before, so the file is never synced again.
func (s *Spool) syncFile(j *job) error {
	if j.handle == nil || j.bad || j.upTo == j.synced {
		return nil
	}
	err := j.handle.Sync()
	s.mu.Lock()
	s.syncs++
	j.failed = j.failed || err != nil
	j.bad = j.failed
	s.mu.Unlock()
	if err == nil {
		return nil
	}
	err = fmt.Errorf("%w: %w", ErrSync, err)
	s.o.Report(Problem{Err: err, File: dataName(j.number), Range: s.unsyncedRange(j.dataFile)})
	return err
}

// nameless notes that the names of new files may not outlive a power cut.
func (s *Spool) nameless(jobs []job, err error) error {
	err = fmt.Errorf("%w: directory: %w", ErrSync, err)
	s.o.Report(Problem{Err: err})
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range jobs {
		if !jobs[i].named {
			jobs[i].failed, jobs[i].bad = true, true
		}
		if jobs[i].logged {
			jobs[i].dataFile.logged = true
		}
	}
	return err
}

// durable notes what a round made durable; named says that the directory was
// synced.
func (s *Spool) durable(jobs []job, named bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range jobs {
		if j := &jobs[i]; !j.bad {
			j.synced, j.named = max(j.synced, j.upTo), true
		}
		jobs[i].kept = jobs[i].kept || jobs[i].logged && named
	}
}

// seal gives a file that is synced its index, and closes it. Without one, for
// lack of room say, the next Open reads through it.
func (s *Spool) seal(f *dataFile) {
	s.mu.Lock()
	index, at := f.appendIndex(nil, f.size), f.size
	s.mu.Unlock()
	_, err := f.handle.WriteAt(index, at)
	if err == nil {
		err = f.handle.Sync()
	}
	if err != nil {
		err = errors.Join(err, f.handle.Truncate(at))
		s.o.Report(Problem{Err: fmt.Errorf("write index of spool: %w", err), File: dataName(f.number)})
	}
	s.finish(f, err == nil, int64(len(index)))
}

// finish closes a file for writing.
func (s *Spool) finish(f *dataFile, indexed bool, index int64) {
	s.mu.Lock()
	handle := f.handle
	f.handle, f.sealed = nil, true
	if indexed {
		f.size += index
		f.synced = f.size
	}
	if !f.doomed {
		s.charge(f)
	}
	s.mu.Unlock()
	_ = handle.Close()
}

func (s *Spool) syncJournal(j *job) error {
	if !j.logged {
		return nil
	}
	h, err := s.fs.Open(acksName(j.number), true)
	if errors.Is(err, fs.ErrNotExist) { // all of the file is settled, and it is gone
		return nil
	}
	if err == nil {
		err = errors.Join(h.Sync(), h.Close())
	}
	if err == nil {
		return nil
	}
	// What was settled holds in this process. Should the next sync say that all
	// is well when it is not, a power cut makes fragments pending again.
	s.mu.Lock()
	j.dataFile.logged = true
	s.mu.Unlock()
	err = fmt.Errorf("%w: journal: %w", ErrSync, err)
	s.o.Report(Problem{Err: err, File: acksName(j.number)})
	return err
}

// clear removes the journals of files whose end is durable.
func (s *Spool) clear(stale []string) {
	for _, name := range stale {
		if err := s.fs.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			s.o.Report(Problem{Err: fmt.Errorf("remove journal of spool: %w", err), File: name})
		}
	}
}
