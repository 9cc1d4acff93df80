package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/producer"
	"github.com/millrace/millrace/producer/spool"
)

// told is what the server said to one upload.
type told struct {
	acks   atomic.Int64
	broken atomic.Pointer[error] // why there is no connection, if there is none
}

// waiting returns the streams to be pushed. Without a source these are the ones
// of which the spool has something that is not durable: no stream is made, and no
// server asked, for nothing.
func (p pushCommand) waiting(conn *producer.Client, names []millrace.StreamName) ([]millrace.StreamName, error) {
	if p.Source != "" {
		return names, nil
	}
	var list []millrace.StreamName
	for _, name := range names {
		has, err := pendingIn(conn.SpoolDir(name))
		if err != nil {
			return nil, fmt.Errorf("look into the spool of stream %s: %w", name, err)
		}
		if has {
			list = append(list, name)
		}
	}
	return list, nil
}

// pendingIn reports whether a stream's spool has fragments that are not durable.
func pendingIn(dir string) (bool, error) {
	c, err := spool.Look(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	for i := range c.Files {
		for f := range c.Files[i].Fragments() {
			if !f.Outcome.Final() {
				return true, nil
			}
		}
	}
	return false, nil
}

// close waits until everything is durable, and makes an error of what is not.
func (j *pushing) close(ctx context.Context) error {
	var g errgroup.Group
	for i := range j.uploads {
		g.Go(func() error { return j.closeOne(ctx, i) })
	}
	return g.Wait()
}

// closeOne waits as long as the server acknowledges something, or, once ctx has
// ended, for one more --wait.
func (j *pushing) closeOne(ctx context.Context, i int) error {
	u := j.uploads[i]
	patience, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	defer cancel(nil)
	closed := make(chan error, 1)
	go func() { closed <- u.Close(patience) }()
	tick := time.NewTicker(j.command.Wait)
	defer tick.Stop()
	for last := j.told[i].acks.Load(); ; {
		select {
		case err := <-closed:
			return j.unsent(i, err)
		case <-tick.C:
			now := j.told[i].acks.Load()
			if now == last || ctx.Err() != nil {
				cancel(context.DeadlineExceeded)
			}
			last = now
		}
	}
}

// unsent makes the error of an upload that has ended with err say what is not
// durable, and what to do about it.
func (j *pushing) unsent(i int, err error) error {
	if err == nil {
		return nil
	}
	u := j.uploads[i]
	r := u.Receipt()
	if r.Unsent == 0 {
		return fmt.Errorf("push to %s: %w", u.Name(), err)
	}
	err = context.DeadlineExceeded
	if why := j.told[i].broken.Load(); why != nil {
		err = *why
	}
	err = fmt.Errorf("push to %s: %s not known to be durable: %w", u.Name(), spanText(r.Unsent, r.From, r.To), err)
	if !r.Spooled {
		return err
	}
	return &advisedError{err, fmt.Sprintf("The spool has all of it; the next push goes on: millrace push %s --spool %s", j.command.Stream, j.command.Spool)}
}

// spanText is a number of fragments and their time.
func spanText(n int, from, to time.Time) string {
	what := "fragments"
	if n == 1 {
		what = "fragment"
	}
	return fmt.Sprintf("%d %s from %s to %s", n, what, from.UTC().Format(time.RFC3339), to.UTC().Format(time.RFC3339))
}
