package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/producer"
)

type pushCommand struct {
	Stream    streamName    `arg:"" help:"Name of the stream; with --copies, the beginning of the names."`
	Source    string        `arg:"" help:"Matroska file, or - for standard input."`
	Realtime  bool          `help:"Send each frame at its time, as a camera does."`
	Loop      bool          `help:"Send the file over and over, with times that go on."`
	Copies    int           `help:"Send to so many streams at once: STREAM-0001 and so on." placeholder:"N"`
	Duration  time.Duration `help:"Stop after so long." placeholder:"D"`
	Start     moment        `help:"Time of the first frame; without it, now (in real time) or so that the file ends now." placeholder:"T"`
	Relative  bool          `help:"Send timecodes relative to the start."`
	Retention hours         `help:"Retention of a stream that has to be made (24h)." default:"24h" placeholder:"D"`
	NoCreate  bool          `help:"Do not make streams."`
	Acks      bool          `help:"Write every acknowledgement to standard output."`
	access
}

// Help is what the long help says.
func (pushCommand) Help() string {
	return "The file's clusters become fragments as they are, with new timecodes; ffmpeg makes a cluster for each key frame with -cluster_time_limit. " +
		"The first Ctrl-C ends the push in good order, when what was sent is durable."
}

const (
	closeTimeout = 30 * time.Second      // for what is under way at the end
	lead         = 50 * time.Millisecond // until the first frame is due, so that it is not late before it can be sent
	opening      = 16                    // streams that are opened at once
)

// Run pushes.
func (p pushCommand) Run(ctx context.Context, c *console) error {
	if p.Start.earliest || p.Copies < 0 {
		return usagef("push", "--start is a time, and --copies not below zero")
	}
	src, err := p.openSource(c)
	if err != nil {
		return err
	}
	defer src.close()
	conn, err := p.producer(c)
	if err != nil {
		return err
	}
	links, err := p.control(c)
	if err != nil {
		return err
	}
	j := &pushing{command: p, console: c, source: src, began: time.Now()}
	j.page = j.invite(ctx, links)
	defer j.page.end()
	if err := j.open(ctx, conn); err != nil {
		j.abort()
		return err
	}
	began := time.Now()
	t := startTicker(c, j.meter.line)
	err = j.play(ctx)
	err = errors.Join(err, j.close(context.WithoutCancel(ctx)))
	t.end()
	if j.recording() && err == nil {
		j.page.keptOne()
	}
	if printed := j.report(time.Since(began)); err == nil {
		err = printed
	}
	if err == nil && ctx.Err() != nil && !p.Loop {
		err = context.Canceled
	}
	return err
}

// names returns the names of the streams.
func (p pushCommand) names() []millrace.StreamName {
	if p.Copies == 0 {
		return []millrace.StreamName{p.Stream.name()}
	}
	names := make([]millrace.StreamName, p.Copies)
	for i := range names {
		names[i] = millrace.StreamName(fmt.Sprintf("%s-%04d", p.Stream, i+1))
	}
	return names
}

// pushing is a push under way.
type pushing struct {
	command pushCommand
	console *console
	source  *source
	uploads []*producer.Stream
	meter   meter
	began   time.Time // what the times of a recording are counted from
	page    *watching
}

// open opens all uploads, and makes the streams that are not there.
func (j *pushing) open(ctx context.Context, conn *producer.Client) error {
	names := j.command.names()
	j.uploads = make([]*producer.Stream, len(names))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(opening)
	for i, name := range names {
		g.Go(func() (err error) {
			if j.uploads[i], err = conn.Open(ctx, name, j.options(i, name)); err != nil {
				return err
			}
			return j.uploads[i].Ready(ctx)
		})
	}
	return g.Wait()
}

func (j *pushing) options(i int, name millrace.StreamName) producer.StreamConfig {
	o := producer.StreamConfig{
		Mode: producer.Offline, // nothing is dropped: a file waits, and a camera that is played from one as well
		Time: producer.TimeRules{Relative: j.command.Relative, Start: j.origin(i, time.Now())},
	}
	if !j.command.NoCreate {
		o.Create = &producer.Spec{Retention: time.Duration(j.command.Retention)}
	}
	o.Events.Created = func(s millrace.Stream) {
		j.console.say("stream %s was not there: made it, with a retention of %dh", name, s.Retention/time.Hour)
	}
	o.Events.Ack = func(a producer.Ack) {
		j.meter.ack(a, j.final(i))
		j.tell(name, a)
		if a.Type == millrace.AckPersisted && !j.recording() {
			j.page.keptOne()
		}
	}
	o.Events.Disconnected = func(err error, wait time.Duration) {
		j.meter.disconnected(err)
		j.console.say("%s: %v; again in %v", name, err, wait.Round(time.Millisecond))
	}
	return o
}

// final is the acknowledgement that says that a fragment is safe.
func (j *pushing) final(i int) millrace.AckType {
	if u := j.uploads[i]; u != nil && u.Info().Retention == 0 {
		return millrace.AckReceived
	}
	return millrace.AckPersisted
}

// origin is the time of the first frame of copy i. The copies are spread over
// the length of one fragment.
func (j *pushing) origin(i int, now time.Time) time.Time {
	p := j.command
	at := now
	switch {
	case p.Start.set:
		at = p.Start.at(now)
	case !p.Realtime && j.source.clip != nil:
		at = now.Add(-j.source.clip.Duration())
	}
	if j.source.clip != nil {
		at = at.Add(j.source.clip.FragmentDuration() * time.Duration(i) / time.Duration(max(p.Copies, 1)))
	}
	return at
}

// play sends to all streams. One that fails does not stop the others.
func (j *pushing) play(ctx context.Context) error {
	if j.command.Duration > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, j.command.Duration)
		defer cancel()
	}
	now := j.began
	if !j.recording() {
		now = time.Now()
	}
	if j.command.Realtime {
		now = now.Add(lead)
	}
	var g errgroup.Group
	for i, u := range j.uploads {
		g.Go(func() error {
			o := producer.PlayOptions{Origin: j.origin(i, now), Realtime: j.command.Realtime, Loop: j.command.Loop}
			if err := j.source.send(ctx, u, o); err != nil && ctx.Err() == nil {
				return fmt.Errorf("push to %s: %w", u.Name(), err)
			}
			return nil
		})
	}
	return g.Wait()
}

// close waits until everything is durable.
func (j *pushing) close(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, closeTimeout)
	defer cancel()
	var g errgroup.Group
	for _, u := range j.uploads {
		g.Go(func() error {
			if err := u.Close(ctx); err != nil {
				return fmt.Errorf("push to %s: %w", u.Name(), err)
			}
			return nil
		})
	}
	return g.Wait()
}

func (j *pushing) abort() {
	for _, u := range j.uploads {
		if u != nil {
			u.Abort()
		}
	}
}

// A source is what is pushed: a clip in memory, or a stream that is read once.
type source struct {
	clip  *producer.Clip
	input io.Reader
	close func()
}

func (s *source) send(ctx context.Context, u *producer.Stream, o producer.PlayOptions) error {
	if s.clip != nil {
		return s.clip.Play(ctx, u, o)
	}
	return producer.CopyMKV(ctx, u, s.input, o)
}
