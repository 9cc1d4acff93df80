package main

import (
	"sync"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/consumer"
	"github.com/millrace/millrace/media"
	"github.com/millrace/millrace/mkv"
)

// silentAfter is how long no frame comes before a stream is called silent.
const silentAfter = 3 * time.Second

// rateWindow is over how many whole seconds rates are taken.
const rateWindow = 5

// A monitor keeps what there is to show of one stream. One goroutine reads the
// stream, another shows it.
type monitor struct {
	name millrace.StreamName

	mu        sync.Mutex // guards everything below
	online    bool
	trouble   error // what broke the connection last
	ended     error // why nothing more comes; nil while something may
	done      bool
	header    *consumer.Header
	codecs    []string
	main      media.TrackNumber // whose frames are counted: the pictures, if there are any
	traffic   traffic
	lastFrame time.Time // when it was here
	lag       time.Duration
	group     pictures
	fragment  fragmentSpan
	tags      []consumer.Tag

	fragments, gaps, lost, replays int
	missing                        time.Duration // in gaps
}

// pictures measures groups of pictures: from a key frame to the next.
type pictures struct {
	since  time.Time // of the last key frame; zero before the first
	frames int       // since then
	length time.Duration
	count  int // frames of the last whole group
}

// fragmentSpan measures fragments.
type fragmentSpan struct {
	began, first, last time.Time
	frames             int
	length             time.Duration // of the last whole one
}

func newMonitor(name millrace.StreamName) *monitor { return &monitor{name: name} }

func (m *monitor) connected() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.online = true
}

func (m *monitor) disconnected(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.online, m.trouble = false, err
	m.lost++
}

// end is told that no more is read, and why.
func (m *monitor) end(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.done, m.ended = true, err
}

// err is what ended the reading, nil while it goes on.
func (m *monitor) err() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.ended
}

func (m *monitor) gap(length time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.gaps++
	m.missing += length
}

func (m *monitor) replay() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.replays++
}

// begin is told of a fragment that has begun.
func (m *monitor) begin(h *consumer.Header, at time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.online = true
	m.fragment = fragmentSpan{began: at, length: m.fragment.length}
	if h == m.header || h == nil {
		return
	}
	m.header, m.codecs = h, nil
	m.main = mainTrack(h.Tracks)
	for _, t := range h.Tracks {
		m.codecs = append(m.codecs, media.DetectCodec(t.CodecID, t.CodecPrivate).String())
	}
}

// mainTrack is the first track of pictures, or else the first one.
func mainTrack(tracks []mkv.Track) media.TrackNumber {
	for _, t := range tracks {
		if t.Type == mkv.TrackVideo {
			return media.TrackNumber(t.Number)
		}
	}
	if len(tracks) > 0 {
		return media.TrackNumber(tracks[0].Number)
	}
	return 0
}

// frame is told of a frame that was here at the given time.
func (m *monitor) frame(f consumer.Frame, now time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.lastFrame = now
	counted := 0
	if f.Track == m.main {
		counted = 1
		if !f.Time.IsZero() {
			m.lag = now.Sub(f.Time)
			m.group.add(f)
			m.fragment.add(f.Time)
		}
	}
	m.traffic.add(now, counted, len(f.Data))
}

// finish is told of the end of a fragment.
func (m *monitor) finish(tags []consumer.Tag) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.fragments++
	m.fragment.finish()
	if len(tags) > 0 {
		m.tags = append([]consumer.Tag(nil), tags[:min(len(tags), maxShownTags)]...)
	}
}

func (p *pictures) add(f consumer.Frame) {
	if f.Key {
		if !p.since.IsZero() && f.Time.After(p.since) {
			p.length, p.count = f.Time.Sub(p.since), p.frames
		}
		p.since, p.frames = f.Time, 0
	}
	p.frames++
}

func (s *fragmentSpan) add(at time.Time) {
	if s.frames == 0 || at.Before(s.first) {
		s.first = at
	}
	if s.frames == 0 || at.After(s.last) {
		s.last = at
	}
	s.frames++
}

// finish takes the last frame to be as long as the others are.
func (s *fragmentSpan) finish() {
	if s.frames > 1 {
		span := s.last.Sub(s.first)
		s.length = span + span/time.Duration(s.frames-1)
	}
}

// How far back traffic is known, and how much of that is drawn, in seconds.
const (
	trafficSeconds = 32
	shownSeconds   = 30
)

// traffic counts frames and bytes by the second of their arrival.
type traffic struct {
	first  int64 // the second of the first frame, which is not a whole one
	latest int64 // the second that is counted now; 0 at first
	counts [trafficSeconds]struct{ frames, bytes int }
}

// advance goes on to the second of now.
func (t *traffic) advance(now time.Time) {
	second := now.Unix()
	if t.latest == 0 {
		t.first, t.latest = second, second
	}
	for range min(second-t.latest, trafficSeconds) {
		t.latest++
		t.counts[t.latest%trafficSeconds] = struct{ frames, bytes int }{}
	}
	t.latest = max(t.latest, second)
}

func (t *traffic) add(now time.Time, frames, bytes int) {
	t.advance(now)
	count := &t.counts[t.latest%trafficSeconds]
	count.frames += frames
	count.bytes += bytes
}

// rates are frames and bits a second over the last few whole seconds.
func (t *traffic) rates(now time.Time) (frames, bits float64) {
	if t.latest == 0 {
		return 0, 0
	}
	t.advance(now)
	window := min(t.latest-t.first-1, rateWindow)
	if window <= 0 {
		return 0, 0
	}
	for s := t.latest - window; s < t.latest; s++ {
		frames += float64(t.counts[s%trafficSeconds].frames)
		bits += 8 * float64(t.counts[s%trafficSeconds].bytes)
	}
	return frames / float64(window), bits / float64(window)
}

// course is the bytes of the last whole seconds, oldest first.
func (t *traffic) course(now time.Time) (bytes []int) {
	if t.latest == 0 {
		return nil
	}
	t.advance(now)
	for s := max(t.latest-shownSeconds, t.first+1); s < t.latest; s++ {
		bytes = append(bytes, t.counts[s%trafficSeconds].bytes)
	}
	return bytes
}
