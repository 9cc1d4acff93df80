package playback_test

import (
	"bytes"
	"context"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/hls"
	"github.com/millrace/millrace/internal/memory"
	"github.com/millrace/millrace/internal/playback"
	"github.com/millrace/millrace/internal/store"
)

// A show is an HLS session over a film.
type show struct {
	*playback.HLS
	t        testing.TB
	film     *film
	budget   *memory.Budget
	visit    playback.Visit
	packaged atomic.Int64
}

// show makes a session of all of the film by the producer's clock.
func (f *film) show(t testing.TB, o playback.Order, change func(*playback.HLSConfig)) *show {
	t.Helper()
	s := &show{t: t, film: f, budget: memory.New(64 << 20)}
	c := playback.HLSConfig{
		Archive: f.store, Memory: s.budget,
		Events: playback.HLSEvents{Packaged: func(int64) { s.packaged.Add(1) }},
	}
	if change != nil {
		change(&c)
	}
	s.HLS = playback.NewHLS(c)
	s.visit = playback.Visit{Text: "TOKEN", Scope: f.scope(), Now: epoch.Add(time.Hour)}
	o.Limit, o.From, o.To, o.Clock = max(o.Limit, 100), epoch, epoch.Add(time.Hour), store.ProducerClock
	if o.Mode == hls.Live {
		o.Mode = hls.OnDemand
	}
	var err error
	if s.visit.Order, err = s.Begin(t.Context(), s.visit.Scope, o, s.visit.Now); err != nil {
		t.Fatal(err)
	}
	return s
}

// segment loads the segment of a track of a fragment of the film, from 0.
func (s *show) segment(i, track int) ([]byte, error) {
	seg, err := s.Segment(s.t.Context(), s.visit, s.film.made[i].Number, track)
	if err != nil {
		return nil, err
	}
	defer seg.Close()
	return io.ReadAll(seg)
}

func (s *show) must(i, track int) []byte {
	s.t.Helper()
	b, err := s.segment(i, track)
	if err != nil {
		s.t.Fatal(err)
	}
	return b
}

func (s *show) playlist(track int) string {
	s.t.Helper()
	l, err := s.Playlist(s.t.Context(), s.visit, track)
	if err != nil {
		s.t.Fatal(err)
	}
	defer l.Close()
	b, err := io.ReadAll(l)
	if err != nil {
		s.t.Fatal(err)
	}
	return string(b)
}

func TestSegmentsTakeNoMoreThanTheyMay(t *testing.T) {
	for _, container := range []hls.Container{hls.FragmentedMP4, hls.MPEGTS} {
		f := newFilm(t)
		f.seconds(avHeader(t), 0, 20)
		const most = 256 << 10
		s := f.show(t, playback.Order{Container: container}, func(c *playback.HLSConfig) { c.Bytes = most })
		for range 2 {
			for i := range f.made {
				s.must(i, 0)
				if used := s.budget.Stats().Readers; used > most {
					t.Fatalf("%d bytes are taken", used)
				}
			}
		}
		if used := s.budget.Stats().Readers; used < most/4 {
			t.Errorf("%d bytes are kept of %d", used, most)
		}
		// What is being read counts, whether or not there is room to keep it.
		var open []*playback.Segment
		for _, x := range f.made {
			seg, err := s.Segment(t.Context(), s.visit, x.Number, 0)
			if err != nil {
				t.Fatal(err)
			}
			open = append(open, seg)
		}
		if used := s.budget.Stats().Readers; used < 20*20<<10 {
			t.Errorf("20 fragments that are being read count for %d bytes", used)
		}
		for _, seg := range open {
			if err := seg.Close(); err != nil {
				t.Fatal(err)
			}
		}
		if used := s.budget.Stats().Readers; used > most {
			t.Errorf("%d bytes are kept", used)
		}
		// What is kept is given back when others need it.
		loan, err := s.budget.Borrow(t.Context(), 16<<20, nil)
		if err != nil {
			t.Fatal(err)
		}
		loan.Return()
		if used := s.budget.Stats().Readers; used != 0 {
			t.Errorf("%d bytes are taken by nobody", used)
		}
	}
}

// What somebody reads is not given away, and comes back when he is done.
func TestMemoryThatIsReadIsNotGivenAway(t *testing.T) {
	f := newFilm(t)
	f.seconds(avHeader(t), 0, 3)
	s := f.show(t, playback.Order{}, nil)
	seg, err := s.Segment(t.Context(), s.visit, f.made[1].Number, 0)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if loan, err := s.budget.Borrow(ctx, 16<<20, nil); err == nil {
		loan.Return()
		t.Error("memory that is being read was given away")
	}
	if err := seg.Close(); err != nil {
		t.Fatal(err)
	}
	loan, err := s.budget.Borrow(t.Context(), 16<<20, nil)
	if err != nil {
		t.Fatal(err)
	}
	loan.Return()
	if used := s.budget.Stats().Readers; used != 0 {
		t.Errorf("%d bytes are taken by nobody", used)
	}
}

// A fragment that is too large to be kept is packaged for each who asks, and
// nothing of it stays.
func TestALargeFragmentIsNotKept(t *testing.T) {
	f := newFilm(t)
	f.seconds(avHeader(t), 0, 3)
	s := f.show(t, playback.Order{}, func(c *playback.HLSConfig) { c.Bytes = 32 << 10 })
	one := s.must(1, 0)
	if !bytes.Equal(one, s.must(1, 0)) {
		t.Error("two segments of one fragment are not the same")
	}
	if n := s.packaged.Load(); n != 2 {
		t.Errorf("packaged %d times", n)
	}
	if used := s.budget.Stats().Readers; used != 0 {
		t.Errorf("%d bytes are taken by nobody", used)
	}
}

// A gate lets nobody read before it is open.
type gate struct {
	store.Archive
	open  chan struct{}
	asked chan struct{}
	reads atomic.Int64
}

func (g *gate) Read(ctx context.Context, s store.Scope, e store.Entry, buf []byte) (*millrace.Fragment, error) {
	g.reads.Add(1)
	g.asked <- struct{}{}
	select {
	case <-g.open:
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	return g.Archive.Read(ctx, s, e, buf)
}

// Whoever asks first makes a segment for all, and goes on when he has gone.
func TestWhoGoesAwayKeepsNobodyWaiting(t *testing.T) {
	f := newFilm(t)
	f.seconds(avHeader(t), 0, 3)
	g := &gate{Archive: f.store, open: make(chan struct{}), asked: make(chan struct{}, 100)}
	s := f.show(t, playback.Order{}, func(c *playback.HLSConfig) { c.Archive = g })
	s.playlist(0)
	first, leave := context.WithCancel(t.Context())
	var asking sync.WaitGroup
	ask := func(ctx context.Context) {
		asking.Go(func() {
			seg, err := s.Segment(ctx, s.visit, f.made[1].Number, 0)
			if err != nil {
				if ctx.Err() == nil { // he who went need not get anything
					t.Error(err)
				}
				return
			}
			defer seg.Close()
			if b, err := io.ReadAll(seg); err != nil || int64(len(b)) != seg.Size() {
				t.Errorf("%d of %d bytes, %v", len(b), seg.Size(), err)
			}
		})
	}
	ask(first)
	<-g.asked
	for range 50 {
		ask(t.Context())
	}
	leave()
	close(g.open)
	asking.Wait()
	if g.reads.Load() != 1 || s.packaged.Load() != 1 {
		t.Errorf("read %d times, packaged %d times", g.reads.Load(), s.packaged.Load())
	}
}

// A waiter who goes away does not wait any more.
func TestWhoWaitsMayGo(t *testing.T) {
	f := newFilm(t)
	f.seconds(avHeader(t), 0, 3)
	g := &gate{Archive: f.store, open: make(chan struct{}), asked: make(chan struct{}, 100)}
	s := f.show(t, playback.Order{}, func(c *playback.HLSConfig) { c.Archive = g })
	s.playlist(0)
	var asking sync.WaitGroup
	defer asking.Wait()
	defer close(g.open)
	asking.Go(func() { _, _ = s.segment(1, 0) })
	<-g.asked
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Segment(ctx, s.visit, f.made[1].Number, 0); err == nil {
		t.Error("it waited")
	}
}

// Sound and picture of a fragment are made of one read, and say the same time.
func TestTracksShareTheirFragment(t *testing.T) {
	f := newFilm(t)
	f.seconds(avHeader(t), 0, 3)
	g := &gate{Archive: f.store, open: make(chan struct{}), asked: make(chan struct{}, 100)}
	close(g.open)
	s := f.show(t, playback.Order{}, func(c *playback.HLSConfig) { c.Archive = g })
	picture, sound := s.must(2, 0), s.must(2, 1)
	if g.reads.Load() != 1 || bytes.Equal(picture, sound) {
		t.Errorf("read %d times", g.reads.Load())
	}
	if v, a := s.playlist(0), s.playlist(1); strings.Count(v, "#EXTINF") != 3 || strings.Count(a, "#EXTINF") != 3 {
		t.Errorf("playlists:\n%s\n%s", v, a)
	}
}

// The table of changes within a selection, row by row.
func TestWhatAChangeOfCodecsDoes(t *testing.T) {
	avc, other := privateOf(t, "avc-main-crop"), privateOf(t, "avc-baseline-1080")
	begin := []part{{1, avcID, avc}, {2, "A_AAC", aacLC}}
	for name, tc := range map[string]struct {
		then        []part
		strict      millrace.Code // with which its segment is refused; 0: it is not
		generations int           // of init segments, where it is played
	}{
		"nothing changes":          {begin, 0, 1},
		"another resolution":       {[]part{{1, avcID, other}, {2, "A_AAC", aacLC}}, 0, 2},
		"another rate of sound":    {[]part{{1, avcID, avc}, {2, "A_AAC", "1190"}}, 0, 2},
		"no sound any more":        {[]part{{1, avcID, avc}}, millrace.CodeUnsupportedMedia, 1},
		"another codec of sound":   {[]part{{1, avcID, avc}, {2, "A_OPUS", privateOf(t, "opus-51")}}, millrace.CodeUnsupportedMedia, 2},
		"another codec of picture": {[]part{{1, hevcID, privateOf(t, "hevc-crop-hrd")}, {2, "A_AAC", aacLC}}, millrace.CodeUnsupportedMedia, 2},
		"sound that is not right":  {[]part{{1, avcID, avc}, {2, "A_AAC", "121000"}}, millrace.CodeInvalidPrivateData, 2},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFilm(t)
			blocks := []block{{track: 1, time: 0, key: true, payload: frame(50, 0x65)}, {track: 1, time: 40, payload: frame(40, 0x41)}, {track: 2, time: 0, key: true, payload: []byte("sound")}}
			if strings.HasPrefix(tc.then[0].codecID, hevcID) {
				blocks[0].payload, blocks[1].payload = frame(50, 0x26), frame(40, 0x02)
			}
			f.shoot(headerOf(t, begin...), 0, blocks...)
			f.shoot(headerOf(t, tc.then...), time.Second, blocks[:len(tc.then)+1]...)
			for _, strict := range []bool{false, true} {
				s := f.show(t, playback.Order{}, func(c *playback.HLSConfig) { c.Rules.Strict = strict })
				text := s.playlist(0)
				if strings.Count(text, "#EXTINF") != 2 {
					t.Errorf("strict %v: the fragment is not listed:\n%s", strict, text)
				}
				if n := strings.Count(text, "#EXT-X-MAP"); !strict && n != tc.generations {
					t.Errorf("%d init segments, want %d:\n%s", n, tc.generations, text)
				}
				s.must(0, 0)
				_, err := s.segment(1, 0)
				if want := tc.strict; !strict && err != nil || strict && (err == nil) != (want == 0) || err != nil && millrace.CodeOf(err) != want {
					t.Errorf("strict %v: %v", strict, err)
				}
			}
		})
	}
}

// The service ends a session before the change that would be one too many.
func TestAPlaylistEndsAtTooManyChanges(t *testing.T) {
	f := newFilm(t)
	for i := range 6 {
		private := privateOf(t, "avc-main-crop")
		if i%2 == 1 {
			private = privateOf(t, "avc-baseline-1080")
		}
		f.shoot(headerOf(t, part{1, avcID, private}), time.Duration(i)*time.Second, block{track: 1, key: true, payload: frame(50, 0x65)})
	}
	s := f.show(t, playback.Order{}, func(c *playback.HLSConfig) { c.Rules.Changes = 3 })
	if text := s.playlist(0); strings.Count(text, "#EXTINF") != 4 || !strings.Contains(text, "#EXT-X-ENDLIST") {
		t.Errorf("after three changes:\n%s", text)
	}
}

// A token's order comes out as it went in.
func TestAnOrderIsSealedWhole(t *testing.T) {
	for _, o := range []playback.Order{
		{Limit: 5, From: time.UnixMilli(0).UTC(), Anchor: time.Unix(0, 0).UTC()},
		{
			Mode: hls.LiveReplay, Container: hls.MPEGTS, Discontinuities: hls.OnDiscontinuity, Clock: store.ProducerClock, Timestamps: true, Limit: 5000,
			From: epoch, To: epoch.Add(time.Hour), Start: millrace.NewFragmentNumber(7, epoch, 9), Anchor: epoch.Add(12345),
		},
	} {
		got, err := playback.OpenOrder(o.Seal())
		if err != nil || got != o {
			t.Errorf("%+v came out as %+v, %v", o, got, err)
		}
		for n := range len(o.Seal()) {
			if _, err := playback.OpenOrder(o.Seal()[:n]); err == nil && n < 25 {
				t.Errorf("%d bytes of it are taken", n)
			}
		}
	}
}
