package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/producer"
)

type pushCommand struct {
	Stream    streamName    `arg:"" help:"Name of the stream; with --copies, the beginning of the names."`
	Source    string        `arg:"" optional:"" help:"Matroska file, or - for standard input. Without one, what the spool still has is sent."`
	Realtime  bool          `help:"Send each frame at its time, as a camera does."`
	Loop      bool          `help:"Send the file over and over, with times that go on."`
	Copies    int           `help:"Send to so many streams at once: STREAM-0001 and so on." placeholder:"N"`
	Duration  time.Duration `help:"Stop after so long." placeholder:"D"`
	Start     moment        `help:"Time of the first frame; without it, now (in real time) or so that the file ends now." placeholder:"T"`
	Relative  bool          `help:"Send timecodes relative to the start."`
	Retention hours         `help:"Retention of a stream that has to be made (24h)." default:"24h" placeholder:"D"`
	NoCreate  bool          `help:"Do not make streams."`
	Acks      bool          `help:"Write every acknowledgement to standard output."`
	keeping
	access
}

// Help is what the long help says.
func (pushCommand) Help() string {
	return "The file's clusters become fragments as they are, with new timecodes; " +
		"ffmpeg makes one for each key frame with -cluster_time_limit 10000 -cluster_size_limit 40000000; without these it makes many more. " +
		"The first Ctrl-C ends the push in good order, when what was sent is durable or --wait is over; the second one ends it at once. " +
		"Without --spool a push waits for a server that is away, before it begins. With --spool a push needs no server to begin, and loses nothing when it is killed: what was not durable at the end is in the spool, and the next push with the same --spool goes on with it, also without a source."
}

const (
	lead    = 50 * time.Millisecond // until the first frame is due, so that it is not late before it can be sent
	opening = 16                    // streams that are opened at once
)

// Run pushes.
func (p pushCommand) Run(ctx context.Context, c *console) error {
	if err := p.check(); err != nil {
		return err
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
	conn.Spool = p.Spool
	names, err := p.names(conn)
	if err != nil {
		return err
	}
	links, err := p.control(c)
	if err != nil {
		return err
	}
	j := &pushing{command: p, console: c, source: src, began: time.Now(), names: names}
	j.page = j.invite(ctx, links)
	defer j.page.end()
	if err := j.open(ctx, conn); err != nil {
		j.abort()
		return err
	}
	began := time.Now()
	t := startTicker(c, j.line)
	err = j.play(ctx)
	err = errors.Join(err, j.close(ctx))
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

// line is how far the push is, on one line.
func (j *pushing) line() string {
	text := j.meter.line()
	if j.command.Spool == "" {
		return text
	}
	waiting, kept := 0, int64(0)
	for _, u := range j.uploads {
		s := u.Stats()
		waiting += s.Pending
		kept += s.Spooled
	}
	return fmt.Sprintf("%d waiting (%s in the spool), %s", waiting, byteText(kept), text)
}

// check finds flags that contradict each other.
func (p pushCommand) check() error {
	switch {
	case p.Start.earliest || p.Copies < 0:
		return usagef("push", "--start is a time, and --copies not below zero")
	case p.Source == "" && p.Spool == "":
		return usagef("push", "expected \"<stream> <source>\", or a spool to be sent: --spool DIR")
	case p.Source == "" && (p.Loop || p.Realtime || p.Duration > 0 || p.Start.set):
		return usagef("push", "--loop, --realtime, --duration and --start are about a source, and there is none")
	}
	return p.keeping.check()
}

// names returns the names of the streams: without a source, of those of which
// the spool has something.
func (p pushCommand) names(conn *producer.Client) ([]millrace.StreamName, error) {
	if p.Copies == 0 {
		return p.waiting(conn, []millrace.StreamName{p.Stream.name()})
	}
	names := make([]millrace.StreamName, p.Copies)
	for i := range names {
		names[i] = millrace.StreamName(fmt.Sprintf("%s-%04d", p.Stream, i+1))
	}
	return p.waiting(conn, names)
}

// pushing is a push under way.
type pushing struct {
	command pushCommand
	console *console
	source  *source
	names   []millrace.StreamName
	uploads []*producer.Stream
	told    []told // of each upload
	meter   meter
	began   time.Time // what the times of a recording are counted from
	page    *watching
}

// open opens all uploads, and makes the streams that are not there. Where there
// is a spool, that may come later.
func (j *pushing) open(ctx context.Context, conn *producer.Client) error {
	j.uploads = make([]*producer.Stream, len(j.names))
	j.told = make([]told, len(j.names))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(opening)
	for i, name := range j.names {
		g.Go(func() (err error) {
			if j.uploads[i], err = conn.Open(ctx, name, j.options(i, name)); err != nil {
				return err
			}
			if j.command.Spool != "" {
				return nil // what is wrong is said when it is known
			}
			return j.uploads[i].Ready(ctx)
		})
	}
	return g.Wait()
}

func (j *pushing) options(i int, name millrace.StreamName) producer.StreamConfig {
	o := producer.StreamConfig{
		Time: producer.TimeRules{Relative: j.command.Relative, Start: j.origin(i, time.Now())},
	}
	j.command.apply(&o) // by default nothing is dropped: a file waits, and a camera that is played from one as well
	if !j.command.NoCreate {
		o.Create = &producer.Spec{Retention: time.Duration(j.command.Retention)}
	}
	o.Events.Created = func(s millrace.Stream) {
		j.console.say("stream %s was not there: made it, with a retention of %dh", name, s.Retention/time.Hour)
	}
	o.Events.Ack = func(a producer.Ack) {
		j.told[i].acks.Add(1)
		j.meter.ack(a, j.final(i))
		j.tell(name, a)
		if a.Type == millrace.AckPersisted && !j.recording() {
			j.page.keptOne()
		}
	}
	o.Events.Disconnected = func(err error, _ time.Duration) {
		if errors.Is(err, context.Canceled) {
			return // that is this end's doing
		}
		j.meter.disconnected(err)
		if before := j.told[i].broken.Swap(&err); before == nil || (*before).Error() != err.Error() { // once, however long it lasts
			j.console.say("%s: %v; trying again", name, err)
		}
	}
	o.Events.Connected = func(string, int) { j.told[i].broken.Store(nil) }
	o.Events.Dropped = func(d producer.Dropped) {
		j.console.say("%s: gave up %s: %s", name, spanText(d.Fragments, d.From, d.To), reasonText(d.Reason))
	}
	o.Events.Notice = func(err error) { j.console.say("%s: %v", name, err) }
	return o
}

// final is the acknowledgement that says that a fragment is safe.
func (j *pushing) final(i int) millrace.AckType {
	u := j.uploads[i]
	if u == nil {
		return millrace.AckPersisted
	}
	if info := u.Info(); info.Retention == 0 && info.Version != "" { // else the server said nothing of it yet
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

func (j *pushing) abort() {
	for _, u := range j.uploads {
		if u != nil {
			u.Abort()
		}
	}
}
