package export

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/consumer"
	"github.com/millrace/millrace/internal/fmp4"
)

// An mp4File is the muxer of an MP4 file that is not fragmented: the payload of
// frames as they come, and behind them the tables that say what they are.
//
//	ftyp  free mdat(frame frame …)  moov
//
// The head of mdat says "to the end of the file" until finish writes its size; one
// that needs more than 32 bits takes the place of free as well.
type mp4File struct {
	dst      io.WriteSeeker
	file     io.ReadWriteSeeker // dst where the tables are moved to the front; else nil
	out      *bufio.Writer
	base     int64 // where the file begins in dst
	head     int64 // bytes before free
	payload  int64 // bytes of frames
	created  time.Time
	tracks   []*mp4Track
	latest   *mp4Track // of which the last frame was
	moov     fmp4.Movie
	at       time.Duration     // of the open fragment
	fragment millrace.Fragment // its samples
	timecode int64             // and what their times count from
}

const (
	mp4Buffer  = 256 << 10 // bytes
	mdatHead   = 16        // of free and mdat
	maxSamples = 1 << 24   // of a fragment; a plain file may say that it is one
)

func newMP4File(dst io.WriteSeeker, fastStart bool) (*mp4File, error) {
	m := &mp4File{dst: dst}
	if fastStart {
		file, ok := dst.(io.ReadWriteSeeker)
		if !ok {
			return nil, errors.New("tables in front of the media need a file that can be read")
		}
		m.file = file
	}
	return m, nil
}

func (*mp4File) carries(t *track, _ []*track) error { return mp4Carries(t) }

func (m *mp4File) begin(h heading) (err error) {
	if m.base, err = m.dst.Seek(0, io.SeekCurrent); err != nil {
		return err
	}
	m.created = h.date
	for _, t := range h.tracks {
		made, err := newMP4Track(t)
		if err != nil {
			return err
		}
		m.tracks = append(m.tracks, made)
		described, err := made.movie(0)
		if err != nil {
			return err
		}
		m.moov.Tracks = append(m.moov.Tracks, described)
	}
	front := m.moov.AppendFileType(nil)
	m.head = int64(len(front))
	front = append(front, "\x00\x00\x00\x08free\x00\x00\x00\x00mdat"...)
	m.out = bufio.NewWriterSize(m.dst, mp4Buffer)
	_, err = m.out.Write(front)
	return err
}

func (m *mp4File) start(f *consumer.Fragment, at time.Duration) error {
	m.at, m.timecode, m.latest = at, int64(f.Timecode), nil
	m.fragment = millrace.Fragment{TimecodeScale: uint64(scaleOf(f)), Samples: m.fragment.Samples[:0]}
	return nil
}

// frame writes the frame. One without a byte says nothing in MP4 and is left out.
func (m *mp4File) frame(f *consumer.Frame, t *track, _ time.Duration) error {
	if len(f.Data) == 0 {
		return nil
	}
	to := m.tracks[t.index]
	pieces, sync, err := to.framer.Frame(f.Data)
	if err != nil {
		return &FrameError{f.Track, err}
	}
	at, size := m.payload, 0
	for _, p := range pieces {
		if _, err := m.out.Write(p); err != nil {
			return err
		}
		size += len(p)
	}
	if len(m.fragment.Samples) == maxSamples || len(to.sizes) == math.MaxInt32 || int64(size) > math.MaxUint32 {
		return ErrTooLarge
	}
	m.payload += int64(size)
	key := to.isKey(f, sync)
	to.sample(at, uint32(size), key, m.latest == to)
	to.padding = max(to.Ticks(f.Padding), 0)
	m.latest = to
	m.fragment.Samples = append(m.fragment.Samples, sampleOf(f, m.timecode, uint32(size), key))
	return nil
}

// sampleOf is a frame as a timeline knows it.
func sampleOf(f *consumer.Frame, timecode int64, size uint32, key bool) millrace.Sample {
	s := millrace.Sample{Track: uint64(f.Track), Size: size, Flags: millrace.SampleCleanNAL}
	s.Time = int32(max(min(f.Timecode-timecode, math.MaxInt32), math.MinInt32))
	if key {
		s.Flags |= millrace.SampleKey
	}
	return s
}

func (m *mp4File) end() error {
	for _, t := range m.tracks {
		t.add(&m.fragment, m.at)
	}
	return nil
}

// finish writes the tables.
func (m *mp4File) finish() error {
	if err := m.describe(); err != nil {
		return err
	}
	front := m.head + mdatHead
	_, _, size, err := m.moov.Index()
	if err == nil && front+m.payload+size > math.MaxUint32 {
		m.moov.Wide = true
		_, _, size, err = m.moov.Index()
	}
	if err != nil {
		return fmt.Errorf("write tables: %w: %w", ErrTooLarge, err)
	}
	if err := m.out.Flush(); err != nil {
		return err
	}
	if err := m.closeMedia(); err != nil {
		return err
	}
	if m.file == nil {
		return m.writeIndex(front+m.payload, front)
	}
	if err := shift(m.file, m.base+m.head, m.base+front+m.payload, size); err != nil {
		return fmt.Errorf("move media behind the tables: %w", err)
	}
	if err := m.writeIndex(m.head, front+size); err != nil {
		return err
	}
	_, err = m.dst.Seek(m.base+front+size+m.payload, io.SeekStart)
	return err
}

// describe makes the movie of the tracks that have a frame.
func (m *mp4File) describe() error {
	seen := m.tracks[:0]
	zero := time.Duration(math.MaxInt64)
	for _, t := range m.tracks {
		if t.begun {
			seen = append(seen, t)
			zero = min(zero, t.Time(t.begin))
		}
	}
	m.tracks = seen
	m.moov = fmp4.Movie{Created: m.created, Timescale: movieScale}
	for _, t := range m.tracks {
		described, err := t.movie(zero)
		if err != nil {
			return err
		}
		m.moov.Tracks = append(m.moov.Tracks, described)
		shown := uint64(0)
		for _, e := range described.Edits {
			shown += e.Duration
		}
		m.moov.Duration = max(m.moov.Duration, shown)
	}
	return nil
}

// closeMedia writes the size of the media into its head.
func (m *mp4File) closeMedia() error {
	var head []byte
	if size := m.payload + 8; size <= math.MaxUint32 {
		head = append(head, "\x00\x00\x00\x08free"...)
		head = append(binary.BigEndian.AppendUint32(head, uint32(size)), "mdat"...)
	} else {
		head = append(head, "\x00\x00\x00\x01mdat"...)
		head = binary.BigEndian.AppendUint64(head, uint64(m.payload+mdatHead))
	}
	return m.writeAt(m.head, head)
}

// writeIndex writes moov at a place. front is where the payload begins.
func (m *mp4File) writeIndex(at, front int64) error {
	fixed, gaps, _, err := m.moov.Index()
	if err != nil {
		return err
	}
	if _, err := m.dst.Seek(m.base+at, io.SeekStart); err != nil {
		return err
	}
	m.out.Reset(m.dst)
	done := 0
	for _, g := range gaps {
		_, _ = m.out.Write(fixed[done:g.At]) // Flush returns its error
		_, _ = m.out.Write(m.tracks[g.Track].table(g.Table, front, m.moov.Wide))
		done = g.At
	}
	_, _ = m.out.Write(fixed[done:])
	return m.out.Flush()
}

func (m *mp4File) writeAt(at int64, b []byte) error {
	if _, err := m.dst.Seek(m.base+at, io.SeekStart); err != nil {
		return err
	}
	_, err := m.dst.Write(b)
	return err
}

// shiftBuffer is how much of a file is moved at a time, in bytes.
const shiftBuffer = 1 << 20

// shift moves what is in a file from one place to another by so many bytes, from
// its end on, so that nothing is overwritten before it was read.
func shift(f io.ReadWriteSeeker, from, to, by int64) error {
	room := make([]byte, min(shiftBuffer, to-from))
	for to > from {
		n := min(int64(len(room)), to-from)
		to -= n
		if _, err := f.Seek(to, io.SeekStart); err != nil {
			return err
		}
		if _, err := io.ReadFull(f, room[:n]); err != nil {
			return err
		}
		if _, err := f.Seek(to+by, io.SeekStart); err != nil {
			return err
		}
		if _, err := f.Write(room[:n]); err != nil {
			return err
		}
	}
	return nil
}
