package producer

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/millrace/millrace/mkv"
)

// PlayOptions says how a clip is played.
type PlayOptions struct {
	// Origin is the time of the clip's first frame. Timecodes count from the
	// epoch, or from the Start of an upload that is relative.
	Origin time.Time
	// Realtime sends every frame at its time on the wall clock, as a camera
	// does. An Origin in the past has the clip entered at the first fragment
	// whose time has not come, or has come just now.
	Realtime bool
	// Loop plays the clip over and over, without a gap, until ctx ends.
	Loop bool
}

// Play sends the clip's fragments. It returns when the last one was handed to
// the upload, which is before it is durable. When ctx ends, it sends the rest
// of the fragment at once, so that it is whole, and returns the error of ctx.
// Where there is no room for the rest, it waits for that a second longer, and the
// fragment ends where it is.
func (c *Clip) Play(ctx context.Context, to *Stream, o PlayOptions) error {
	p := player{clip: c, stream: to, options: o}
	for run := time.Duration(0); ; run += c.duration {
		p.base = o.Origin.Add(run)
		if o.Realtime && o.Loop && time.Since(p.base) > c.duration {
			continue // this run is over
		}
		for i := range c.clusters {
			if err := p.play(ctx, &c.clusters[i]); err != nil {
				return err
			}
		}
		if !o.Loop {
			to.end()
			return nil
		}
	}
}

// lateness is how late a clip may be entered: as much as it takes to get ready.
const lateness = 250 * time.Millisecond

// A player is one run through a clip.
type player struct {
	clip    *Clip
	stream  *Stream
	options PlayOptions
	base    time.Time // when the clip's first frame is due
	entered bool
	timer   *time.Timer // used over and over; nil at first
}

// at is when a time of the clip is due.
func (p *player) at(t int64) time.Time {
	return p.base.Add(time.Duration(t - p.clip.clusters[0].at))
}

// media is the media time of a time of the clip.
func (p *player) media(t int64) time.Duration {
	at := p.at(t)
	if p.stream.config.Time.Relative {
		return max(at.Sub(p.stream.config.Time.Start), 0)
	}
	return time.Duration(max(at.UnixNano(), 0))
}

// head is how the fragment of a Cluster begins.
func (p *player) head(k *cluster) fragmentHead {
	at := p.media(k.at)
	timecode := uint64(at) / k.scale // in ticks
	return fragmentHead{
		timecode: timecode, scale: k.scale, first: at,
		leading: k.leading, cluster: clusterHead(k, timecode), sized: k.known,
	}
}

func (p *player) play(ctx context.Context, k *cluster) error {
	at := p.at(k.at)
	if p.options.Realtime && !p.entered && time.Since(at) > lateness {
		return nil // its time is over
	}
	if err := p.wait(ctx, at); err != nil {
		return err
	}
	p.entered = true
	p.stream.setHeader(k.header)
	if err := p.stream.begin(ctx, p.head(k)); err != nil {
		return fmt.Errorf("play cluster: %w", err)
	}
	whole, cancel := outliving(ctx) // what has begun is sent to its end
	defer cancel()
	defer p.stream.end()
	var ended error
	for rest := k.elements; len(rest) > 0; {
		n, raws := due(rest)
		ended = p.wait(ctx, p.at(rest[0].due)) // once ctx has ended, it does not wait
		if err := p.stream.append(whole, frameInfo{p.media(rest[0].due), true}, raws...); err != nil {
			return p.broken(ctx, "frames", err)
		}
		rest = rest[n:]
	}
	if err := p.stream.appendTags(whole, k.trailing...); err != nil {
		return p.broken(ctx, "tags", err)
	}
	return ended
}

// roomAfterEnd is how long the rest of a fragment waits for room when its context
// has ended.
const roomAfterEnd = time.Second

// outliving is a context that ends roomAfterEnd after ctx.
func outliving(ctx context.Context) (context.Context, context.CancelFunc) {
	longer, cancel := context.WithCancel(context.WithoutCancel(ctx))
	timer := time.AfterFunc(roomAfterEnd, cancel)
	timer.Stop()
	stop := context.AfterFunc(ctx, func() { timer.Reset(roomAfterEnd) })
	return longer, func() {
		stop()
		timer.Stop()
		cancel()
	}
}

// broken is the error of what could not be played: that of ctx, if that was why.
func (p *player) broken(ctx context.Context, what string, err error) error {
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		return context.Cause(ctx)
	}
	return fmt.Errorf("play %s: %w", what, err)
}

// due collects the elements that are due with the first.
func due(elements []element) (n int, raws [][]byte) {
	for n < len(elements) && elements[n].due == elements[0].due {
		raws = append(raws, elements[n].raw)
		n++
	}
	return n, raws
}

// wait waits for a time of the wall clock, if the clip is played in real time.
func (p *player) wait(ctx context.Context, at time.Time) error {
	if err := ctx.Err(); err != nil {
		return context.Cause(ctx)
	}
	d := time.Until(at)
	if !p.options.Realtime || d <= 0 {
		return nil
	}
	if p.timer == nil {
		p.timer = time.NewTimer(d)
	} else {
		p.timer.Reset(d)
	}
	select {
	case <-p.timer.C:
		return nil
	case <-ctx.Done():
		p.timer.Stop()
		return context.Cause(ctx)
	}
}

// clusterHead is the id and size of a Cluster and its Timecode. The size is
// given if the file gave it.
func clusterHead(k *cluster, timecode uint64) []byte {
	b := mkv.AppendID(make([]byte, 0, 24), mkv.IDCluster)
	at := binary.BigEndian.AppendUint64([]byte{}, timecode)
	stamp := mkv.AppendBytes(nil, mkv.IDTimecode, at)
	size := mkv.UnknownSize
	if k.known {
		size = k.size + int64(len(stamp))
	}
	return append(mkv.AppendSize(b, size, 8), stamp...)
}
