package export

import (
	"fmt"
	"time"

	"github.com/millrace/millrace/consumer"
	"github.com/millrace/millrace/media"
)

// An output is one file or pipe. What it knows of containers is the muxer's; it
// knows tracks and time.
type output struct {
	options Options
	muxer   muxer
	clock   clock
	header  *consumer.Header // of the latest fragment
	tracks  []*track         // of the first one, those that are wanted; nil before it
	kept    map[media.TrackNumber]*track
	strange map[media.TrackNumber]bool // tracks that frames named and headers did not
	part    Part
	began   bool  // the muxer began
	open    bool  // and has a fragment that was not ended
	failed  error // what the muxer said last, if it was an error
	closed  bool
}

func newOutput(m muxer, o Options) *output {
	_, bare := m.(timeless)
	return &output{options: o, muxer: m, clock: newClock(o.TimeBack, o.PackGaps || bare)}
}

// WriteFragment implements Writer.
func (x *output) WriteFragment(f *consumer.Fragment) error {
	if err := x.accept(f); err != nil {
		return err
	}
	first := true
	for frame, err := range f.Frames() {
		if frame.Replay && !x.options.Replays {
			continue
		}
		if err == nil && first {
			err = x.place(f, &frame)
		}
		if err == nil {
			first = false
			err = x.write(f, &frame)
		}
		if err != nil {
			return x.abandon(f, err)
		}
	}
	return x.end(f)
}

// accept says whether the fragment's tracks are those of the output.
func (x *output) accept(f *consumer.Fragment) error {
	switch {
	case x.closed:
		return fmt.Errorf("fragment %s: %w", f.Number, ErrClosed)
	case x.failed != nil:
		return x.failed
	case x.header == f.Header:
		return nil
	}
	tracks, err := tracksOf(f.Header, x.options.Tracks)
	switch {
	case err != nil:
		return fmt.Errorf("fragment %s: %w", f.Number, err)
	case x.began && !sameTracks(x.tracks, tracks):
		return fmt.Errorf("fragment %s: %w", f.Number, ErrTracksChanged)
	case !x.began:
		x.tracks = tracks
	}
	x.header = f.Header
	return nil
}

// begin chooses the tracks and begins with the first frame.
func (x *output) begin(f *consumer.Fragment, first *consumer.Frame) error {
	kept, left, err := choose(completed(x.tracks, first), x.muxer, x.options)
	if err != nil {
		return err
	}
	if err := x.muxer.begin(heading{f.Header, kept, f.ProducerTime}); err != nil {
		x.failed = err
		return err
	}
	x.began, x.kept = true, map[media.TrackNumber]*track{}
	for _, t := range kept {
		x.kept[t.number()] = t
	}
	for _, l := range left {
		tell(x.options.Events.LeftOut, l)
	}
	x.part.First, x.part.Start = f.Number, f.ProducerTime
	return nil
}

// place finds the fragment's place by its first frame. ErrTimeBack is of a
// fragment of which nothing is written.
func (x *output) place(f *consumer.Fragment, first *consumer.Frame) error {
	if !x.began {
		if err := x.begin(f, first); err != nil {
			return err
		}
	}
	moved, err := x.clock.place(f, first)
	if err != nil {
		return err
	}
	if moved != nil {
		tell(x.options.Events.Moved, *moved)
	}
	x.part.Last = f.Number
	x.part.Fragments++
	x.open = true
	cluster := first.PTS - time.Duration(first.Timecode-int64(f.Timecode))*scaleOf(f)
	return x.keep(x.muxer.start(f, cluster+x.clock.shift))
}

// scaleOf is the length of a tick of a fragment's times.
func scaleOf(f *consumer.Fragment) time.Duration {
	const usual = time.Millisecond
	s := f.Header.Info.TimecodeScale
	if s == 0 || s > uint64(time.Second) {
		return usual
	}
	return time.Duration(s)
}

func (x *output) write(f *consumer.Fragment, frame *consumer.Frame) error {
	t := x.kept[frame.Track]
	if t == nil {
		x.passOver(frame.Track)
		return nil
	}
	at := x.clock.note(frame)
	if err := x.keep(x.muxer.frame(frame, t, at)); err != nil {
		return fmt.Errorf("write frame of fragment %s: %w", f.Number, err)
	}
	return nil
}

// passOver tells of a track that no header named.
func (x *output) passOver(n media.TrackNumber) {
	for _, t := range x.tracks {
		if t.number() == n {
			return // which was told when the output began
		}
	}
	if x.strange[n] || x.options.Tracks != nil || len(x.strange) == maxStrange {
		return
	}
	if x.strange == nil {
		x.strange = map[media.TrackNumber]bool{}
	}
	x.strange[n] = true
	tell(x.options.Events.LeftOut, &TrackError{Container: x.options.Container, Track: n, Err: ErrNoTracks})
}

// maxStrange bounds how many tracks are told of that no header names.
const maxStrange = 64

// keep remembers an error of the muxer.
func (x *output) keep(err error) error {
	if err != nil {
		x.failed = err
	}
	return err
}

func (x *output) end(f *consumer.Fragment) error {
	if !x.open {
		return nil // there was no frame
	}
	x.open, x.part.Duration = false, x.clock.end()
	if err := x.keep(x.muxer.end()); err != nil {
		return fmt.Errorf("write fragment %s: %w", f.Number, err)
	}
	return nil
}

// abandon ends a fragment that could not be read or written to its end.
func (x *output) abandon(f *consumer.Fragment, err error) error {
	if x.failed == nil {
		if ended := x.end(f); ended != nil {
			return ended
		}
		return fmt.Errorf("fragment %s: %w", f.Number, err)
	}
	return err
}

// Close implements Writer.
func (x *output) Close() error {
	switch {
	case x.closed:
		return nil
	case x.failed != nil:
		x.closed = true
		return x.failed
	}
	x.closed = true
	if !x.began {
		return nil
	}
	if err := x.keep(x.muxer.finish()); err != nil {
		return fmt.Errorf("finish: %w", err)
	}
	return nil
}
