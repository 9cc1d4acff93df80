package export

import (
	"io"
	"time"

	"github.com/millrace/millrace/consumer"
	"github.com/millrace/millrace/internal/timeline"
	"github.com/millrace/millrace/internal/ts"
	"github.com/millrace/millrace/media"
)

// transportStream is the muxer of MPEG-2 transport streams. Each fragment is a
// segment that can be played by itself, in one write.
type transportStream struct {
	w        io.Writer
	tracks   []*timeline.Track
	progress []progress
	delay    int64
	batch    batch
	buf      []byte
}

// carries makes an empty segment to see whether there is one.
func (*transportStream) carries(t *track, beside []*track) error {
	if t.encoded() {
		return errEncoded
	}
	tracks := []*timeline.Track{&t.Track}
	for _, other := range beside {
		tracks = append(tracks, &other.Track)
	}
	_, err := ts.NewSegment(tracks, make([]timeline.Run, len(tracks)), nil, 0)
	return err
}

func (m *transportStream) begin(h heading) error {
	for _, t := range h.tracks {
		m.tracks = append(m.tracks, &t.Track)
		if t.Media.Codec == media.AVC {
			m.delay = ts.Delay(&t.Track)
		}
	}
	m.progress = make([]progress, len(m.tracks))
	return nil
}

func (m *transportStream) start(f *consumer.Fragment, at time.Duration) error {
	m.batch.start(f, at)
	return nil
}

func (m *transportStream) frame(f *consumer.Frame, _ *track, _ time.Duration) error {
	return m.batch.add(f)
}

func (m *transportStream) end() error {
	runs := make([]timeline.Run, len(m.tracks))
	for i, t := range m.tracks {
		var begin int64
		runs[i], begin = m.progress[i].run(t, &m.batch, 0)
		runs[i].Start = max(runs[i].Start, begin-t.Ticks(m.batch.at))
	}
	segment, err := ts.NewSegment(m.tracks, runs, m.batch.media, m.delay)
	if err != nil {
		return err
	}
	at := timeline.Rescale(int64(m.batch.at), int64(time.Second), 90_000)
	m.buf = ts.Rebase(m.buf[:0], segment, at)
	_, err = m.w.Write(m.buf)
	return err
}

func (*transportStream) finish() error { return nil }
