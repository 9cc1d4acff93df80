package ts

import (
	"errors"
	"fmt"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/timeline"
	"github.com/millrace/millrace/media"
)

const (
	second    = 90_000 // ticks of the clock
	headStart = second // of the clock before the timeline
	maxTracks = 2
)

// ErrTracks says that a segment cannot be made of these tracks: there is none,
// there are two of a kind, or their number is not that of the runs.
var ErrTracks = errors.New("no such set of tracks in a transport stream")

// NewSegment packages the frames of one fragment: of one track of H.264, of one
// of AAC, or of one of each, with runs[i] the frames of tracks[i] in the
// fragment's cluster. A run may be empty; the segment announces its track all
// the same. delay is the stream's (see Delay), also for sound alone. Times are
// from the fragment's start; see Rebase.
//
// Errors wrap ErrTracks; media.ErrUnsupported for a codec, or a form of it, that
// a transport stream cannot carry; another error of package media for private
// data or a frame that are not what the codec says; or millrace.ErrCorrupt for a
// frame that does not lie in the cluster. There is no segment then. Nothing is
// kept; any number of goroutines may call it.
func NewSegment(tracks []*timeline.Track, runs []timeline.Run, cluster []byte, delay int64) ([]byte, error) {
	if len(tracks) == 0 || len(tracks) > maxTracks || len(tracks) != len(runs) {
		return nil, fmt.Errorf("%d tracks and %d runs: %w", len(tracks), len(runs), ErrTracks)
	}
	size, err := measure(runs, cluster)
	if err != nil {
		return nil, err
	}
	lanes, err := newLanes(tracks, runs, cluster, max(delay, 0))
	if err != nil {
		return nil, err
	}
	w, err := newWriter(lanes, size)
	if err != nil {
		return nil, err
	}
	if err := merge(w, lanes); err != nil {
		return nil, err
	}
	return w.finish()
}

// A lane is the PES packets of one track, in the order of their decode times.
type lane interface {
	stream() elementary
	next() (dts int64, ok bool)        // when the next one is decoded; false after the last
	fill(p *packet) (ok bool, _ error) // makes it and goes on; false if nothing of it is left
}

// newLanes puts pictures first: they carry the clock, and go before sound of the
// same time.
func newLanes(tracks []*timeline.Track, runs []timeline.Run, cluster []byte, delay int64) ([]lane, error) {
	lanes := make([]lane, 0, maxTracks)
	for i, t := range tracks {
		var l lane
		var err error
		switch t.Media.Codec {
		case media.AVC:
			l, err = newPictures(t, &runs[i], cluster, delay)
		case media.AAC:
			l, err = newSound(t, &runs[i], cluster, delay)
		default:
			err = fmt.Errorf("%v in a transport stream: %w", t.Media.Codec, media.ErrUnsupported)
		}
		if err != nil {
			return nil, fmt.Errorf("track %d: %w", t.Media.Number, err)
		}
		lanes = append(lanes, l)
	}
	if len(lanes) == maxTracks {
		if lanes[0].stream().pid == lanes[1].stream().pid {
			return nil, fmt.Errorf("two tracks of %v: %w", tracks[0].Media.Codec, ErrTracks)
		}
		if lanes[0].stream().pid == soundPID {
			lanes[0], lanes[1] = lanes[1], lanes[0]
		}
	}
	return lanes, nil
}

// measure estimates the size of the segment, and sees that all frames are in the
// cluster.
func measure(runs []timeline.Run, cluster []byte) (int, error) {
	const perFrame = 300 // what a frame costs beside its payload: headers, parameter sets, half a packet of stuffing
	size := 4 * packetSize
	for i := range runs {
		for _, s := range runs[i].Samples {
			if int64(s.Offset)+int64(s.Size) > int64(len(cluster)) {
				return 0, fmt.Errorf("frame of %d bytes at %d is not in its Cluster: %w", s.Size, s.Offset, millrace.ErrCorrupt)
			}
			size += int(s.Size) + int(s.Size)/40 + perFrame
		}
	}
	return size, nil
}

// merge writes the packets of all lanes in the order of their decode times.
func merge(w *writer, lanes []lane) error {
	for {
		var first lane
		var at int64
		for _, l := range lanes {
			if dts, ok := l.next(); ok && (first == nil || dts < at) {
				first, at = l, dts
			}
		}
		if first == nil {
			return nil
		}
		p := packet{pid: first.stream().pid, dts: at}
		ok, err := first.fill(&p)
		if err != nil {
			return err
		}
		if !ok {
			continue
		}
		if err := w.write(&p); err != nil {
			return fmt.Errorf("write packets: %w", err)
		}
	}
}
