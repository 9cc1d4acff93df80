package export

import (
	"fmt"
	"io"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/consumer"
	"github.com/millrace/millrace/internal/fmp4"
	"github.com/millrace/millrace/internal/timeline"
	"github.com/millrace/millrace/media"
)

// mp4Live is the muxer of fragmented MP4: what says how to decode, then for each
// fragment a segment of each track, all in one write.
type mp4Live struct {
	w        io.Writer
	tracks   []*track
	progress []progress
	batch    batch
	zero     time.Duration
	sequence uint32
	buf      []byte // what the next write begins with
}

func (*mp4Live) carries(t *track, _ []*track) error { return mp4Carries(t) }

func (m *mp4Live) begin(h heading) error {
	m.tracks, m.progress = h.tracks, make([]progress, len(h.tracks))
	var list []*timeline.Track
	for _, t := range h.tracks {
		list = append(list, &t.Track)
	}
	var err error
	m.buf, err = fmp4.AppendMovieInit(m.buf, list)
	return err
}

func (m *mp4Live) start(f *consumer.Fragment, at time.Duration) error {
	m.batch.start(f, at)
	return nil
}

func (m *mp4Live) frame(f *consumer.Frame, _ *track, _ time.Duration) error { return m.batch.add(f) }

func (m *mp4Live) end() error {
	if m.sequence == 0 {
		m.zero = zeroOf(m.tracks, &m.batch)
	}
	for i, t := range m.tracks {
		run, begin := m.progress[i].run(&t.Track, &m.batch, m.zero)
		if len(run.Samples) == 0 {
			continue
		}
		s, err := fmp4.NewSegment(&t.Track, &run, m.batch.media)
		if err != nil {
			return fmt.Errorf("track %d: %w", t.number(), err)
		}
		m.sequence++
		m.buf = append(m.buf, s.HeadOf(uint32(i)+1, m.sequence, uint64(begin), !s.Suspect || m.intra(t, &run.Samples[0]))...)
		for _, piece := range s.Payload() {
			m.buf = append(m.buf, piece...)
		}
	}
	return m.flush()
}

// intra reports whether a frame that is no IDR picture of H.264 was sent as a key
// frame and is one.
func (m *mp4Live) intra(t *track, s *timeline.Sample) bool {
	return t.Media.Codec == media.AVC && s.Flags&millrace.SampleKey != 0 && intra(m.batch.media[s.Offset:s.Offset+s.Size], t.Parameters.LengthSize)
}

func (m *mp4Live) finish() error { return m.flush() }

func (m *mp4Live) flush() error {
	if len(m.buf) == 0 {
		return nil
	}
	_, err := m.w.Write(m.buf)
	m.buf = m.buf[:0]
	return err
}
