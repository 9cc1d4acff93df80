package ts_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/asticode/go-astits"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/timeline"
	"github.com/millrace/millrace/internal/ts"
	"github.com/millrace/millrace/media"
)

// usual is half a second of pictures and sound.
func usual() *clip {
	c := newClip()
	return c.pictures(0, 40, 80, 120, 160, 200, 240, 280, 320, 360, 400, 440, 480).sound(7, 23)
}

func TestTheTablesComeFirst(t *testing.T) {
	s := demux(t, usual().segment(t, h264(t, baseline), aac(t, stereo)))
	if s.packets[0].Header.PID != 0 || s.packets[1].Header.PID != tablePID || s.packets[2].Header.PID != picturePID {
		t.Errorf("PIDs %#x, %#x, %#x", s.packets[0].Header.PID, s.packets[1].Header.PID, s.packets[2].Header.PID)
	}
	if len(s.pat.Programs) != 1 || s.pat.Programs[0].ProgramNumber != 1 || s.pat.Programs[0].ProgramMapID != tablePID {
		t.Errorf("programs %+v", s.pat.Programs)
	}
	if s.pmt.ProgramNumber != 1 || s.pmt.PCRPID != picturePID || len(s.pmt.ElementaryStreams) != 2 {
		t.Fatalf("program map %+v", s.pmt)
	}
	for i, want := range []astits.PMTElementaryStream{
		{ElementaryPID: picturePID, StreamType: 0x1b}, {ElementaryPID: soundPID, StreamType: 0x0f},
	} {
		if got := s.pmt.ElementaryStreams[i]; got.ElementaryPID != want.ElementaryPID || got.StreamType != want.StreamType {
			t.Errorf("stream %d is %+v, want %+v", i, got, want)
		}
	}
}

func TestTheOrderOfTheTracksDoesNotMatter(t *testing.T) {
	video, sound := h264(t, reordering), aac(t, stereo)
	c, delay := usual(), ts.Delay(video)
	one, err := ts.NewSegment([]*timeline.Track{video, sound}, c.runs(video, sound), c.cluster, delay)
	if err != nil {
		t.Fatal(err)
	}
	other, err := ts.NewSegment([]*timeline.Track{sound, video}, c.runs(sound, video), c.cluster, delay)
	if err != nil || !bytes.Equal(one, other) {
		t.Errorf("they differ: %v", err)
	}
}

func TestSoundAloneCarriesTheClock(t *testing.T) {
	s := demux(t, newClip().sound(0, 50).segment(t, aac(t, stereo)))
	if s.pmt.PCRPID != soundPID || len(s.pmt.ElementaryStreams) != 1 {
		t.Errorf("program map %+v", s.pmt)
	}
	if clocks, _ := s.clocks(); len(clocks) < 10 {
		t.Errorf("%d clocks in a second", len(clocks))
	}
}

func TestAPESPacketIsAnAccessUnit(t *testing.T) {
	c := usual()
	s := demux(t, c.segment(t, h264(t, baseline), aac(t, stereo)))
	pictures := s.of(picturePID)
	if len(pictures) != 13 {
		t.Fatalf("%d PES packets of 13 pictures", len(pictures))
	}
	for i, p := range pictures {
		if p.stream != 0xe0 || p.length != 0 {
			t.Errorf("picture %d: stream %#x, length %d", i, p.stream, p.length)
		}
		if !bytes.HasPrefix(p.data, []byte{0, 0, 0, 1, 9, 0xf0}) {
			t.Errorf("picture %d begins with %x", i, p.data[:6])
		}
		if i > 0 && !bytes.Equal(p.data[6:], annexB(slice(i))) {
			t.Errorf("picture %d is %x", i, p.data)
		}
	}
	for _, p := range s.of(soundPID) {
		if p.stream != 0xc0 || p.length == 0 {
			t.Errorf("sound: stream %#x, length %d", p.stream, p.length)
		}
	}
}

func TestEachPIDBeginsWithADiscontinuity(t *testing.T) {
	c := usual().add(1, 520, millrace.SampleKey, frame(idr(1))) // which repeats the tables
	for _, segment := range [][]byte{
		c.segment(t, h264(t, baseline), aac(t, stereo)),
		newClip().sound(0, 10).pictures(100, 140).segment(t, h264(t, baseline), aac(t, stereo)),
		newClip().sound(0, 10).segment(t, aac(t, stereo)),
	} {
		s := demux(t, segment)
		next := map[uint16]uint8{}
		for i, p := range s.packets {
			want, seen := next[p.Header.PID]
			f := p.AdaptationField
			if marked := f != nil && f.DiscontinuityIndicator; marked == seen {
				t.Errorf("packet %d on %#x: discontinuity %v", i, p.Header.PID, marked)
			}
			if !p.Header.HasPayload {
				want--
			}
			if p.Header.ContinuityCounter != want&0xf {
				t.Errorf("packet %d on %#x: counter %d, want %d", i, p.Header.PID, p.Header.ContinuityCounter, want&0xf)
			}
			next[p.Header.PID] = want + 1
		}
	}
}

func TestKeyFramesAreMarked(t *testing.T) {
	c := usual().add(1, 520, 0, frame(slice(1))).add(1, 560, 0, frame(idr(2)))
	s := demux(t, c.segment(t, h264(t, baseline), aac(t, stereo)))
	for i, p := range s.of(picturePID) {
		if want := i == 0 || i == 14; p.key != want {
			t.Errorf("picture %d: random access %v", i, p.key)
		}
	}
	for i, p := range s.of(soundPID) {
		if p.key != (i == 0) {
			t.Errorf("sound %d: random access %v", i, p.key)
		}
	}
}

func TestTheFirstFrameIsAKeyFrame(t *testing.T) {
	sps, pps := sets(t, baseline)
	s := demux(t, newClip().add(1, 0, 0, frame(slice(1))).segment(t, h264(t, baseline)))
	if p := s.of(picturePID)[0]; !p.key || !bytes.Equal(p.data[6:], annexB(sps, pps, slice(1))) {
		t.Errorf("random access %v, %x", p.key, p.data)
	}
}

func TestParameterSetsStandBeforeEveryIDR(t *testing.T) {
	sps, pps := sets(t, baseline)
	other, otherPPS := sets(t, reordering)
	aud, sei, filler, end := []byte{9, 0x10}, []byte{6, 5, 1, 2}, []byte{12, 0xff, 0x80}, []byte{10}
	for _, row := range []struct {
		name  string
		units [][]byte
		want  [][]byte
	}{
		{"that has none", [][]byte{idr(1)}, [][]byte{sps, pps, idr(1)}},
		{"that has the same, once", [][]byte{aud, sps, pps, sei, idr(1)}, [][]byte{sps, pps, sei, idr(1)}},
		{"that has others, which follow", [][]byte{other, otherPPS, idr(1)}, [][]byte{sps, pps, other, otherPPS, idr(1)}},
		{"of several slices", [][]byte{idr(1), idr(2)}, [][]byte{sps, pps, idr(1), idr(2)}},
		{"without filler and ends", [][]byte{idr(1), filler, end}, [][]byte{sps, pps, idr(1)}},
	} {
		t.Run(row.name, func(t *testing.T) {
			c := newClip().pictures(0).add(1, 40, 0, frame(row.units...))
			p := demux(t, pictures(t, c)).of(picturePID)[1]
			if want := append([]byte{0, 0, 0, 1, 9, 0xf0}, annexB(row.want...)...); !bytes.Equal(p.data, want) {
				t.Errorf("%x\nwant %x", p.data, want)
			}
		})
	}
}

// pictures packages pictures of the baseline track.
func pictures(t *testing.T, c *clip) []byte {
	t.Helper()
	return c.segment(t, h264(t, baseline))
}

func TestFramesBehindStartCodes(t *testing.T) {
	sps, pps := sets(t, baseline)
	video := track(t, 1, "V_MPEG4/ISO/AVC", annexB(sps, pps))
	c := newClip().add(1, 0, millrace.SampleKey, annexB(sps, pps, idr(3))).add(1, 40, 0, frame(slice(4)))
	p := demux(t, c.segment(t, video)).of(picturePID)
	if !bytes.Equal(p[0].data[6:], annexB(sps, pps, idr(3))) || !bytes.Equal(p[1].data[6:], annexB(slice(4))) {
		t.Errorf("%x\n%x", p[0].data, p[1].data)
	}
}

func TestAFrameOfWhichNothingIsLeftIsPassedOver(t *testing.T) {
	s := demux(t, pictures(t, newClip().pictures(0, 40).add(1, 80, 0, frame([]byte{9, 0xf0})).add(1, 120, 0, frame(slice(1)))))
	if n := len(s.of(picturePID)); n != 3 {
		t.Errorf("%d pictures", n)
	}
}

func TestNothingIsNoMistake(t *testing.T) {
	video, sound := h264(t, baseline), aac(t, stereo)
	s := demux(t, newClip().segment(t, video, sound))
	if len(s.packets) != 2 || s.pat == nil {
		t.Errorf("%d packets of an empty fragment", len(s.packets))
	}
	s = demux(t, newClip().sound(0, 20).segment(t, video, sound))
	if clocks, _ := s.clocks(); s.pmt.PCRPID != picturePID || len(clocks) < 4 || len(s.of(soundPID)) == 0 {
		t.Errorf("%d clocks of a fragment without pictures", len(clocks))
	}
}

func TestWhatATransportStreamCannotCarry(t *testing.T) {
	video, sound := h264(t, baseline), aac(t, stereo)
	hevc := &timeline.Track{Media: media.Track{Number: 1, Codec: media.HEVC}, Timescale: 90_000}
	pcm := track(t, 2, "A_MS/ACM", unhex(t, "06000100401f0000401f000001000800"))
	good := usual()
	outside := usual()
	outside.cluster = outside.cluster[:len(outside.cluster)-1]
	for _, row := range []struct {
		name   string
		tracks []*timeline.Track
		clip   *clip
		want   error
	}{
		{"no track", nil, good, ts.ErrTracks},
		{"three tracks", []*timeline.Track{video, sound, sound}, good, ts.ErrTracks},
		{"two of pictures", []*timeline.Track{video, video}, good, ts.ErrTracks},
		{"two of sound", []*timeline.Track{sound, sound}, good, ts.ErrTracks},
		{"h265", []*timeline.Track{hevc}, good, media.ErrUnsupported},
		{"g.711", []*timeline.Track{video, pcm}, good, media.ErrUnsupported},
		{"no private data", []*timeline.Track{{Media: media.Track{Codec: media.AVC}, Timescale: 90000}}, good, media.ErrMissing},
		{"aac of a rate without index", []*timeline.Track{aac(t, "1780186a10")}, good, media.ErrUnsupported},
		{"aac of 960 samples", []*timeline.Track{aac(t, "1194")}, good, media.ErrUnsupported},
		{"aac of a program configuration", []*timeline.Track{aac(t, "12000504040021100d4c61766335392e33372e31303056e500")}, good, media.ErrUnsupported},
		{"a frame that is no nal units", []*timeline.Track{video}, newClip().add(1, 0, 0, []byte{0, 0, 0, 9, 0x65, 1}), media.ErrInvalid},
		{"an empty frame", []*timeline.Track{video}, newClip().add(1, 0, 0, nil), media.ErrInvalid},
		{"start codes where there are lengths", []*timeline.Track{video}, newClip().add(1, 0, 0, annexB(idr(1))), media.ErrInvalid},
		{"a frame of sound too long for a header", []*timeline.Track{sound}, newClip().add(2, 0, 0, make([]byte, 8185)), media.ErrLimit},
		{"a frame outside its cluster", []*timeline.Track{sound}, outside, millrace.ErrCorrupt},
	} {
		t.Run(row.name, func(t *testing.T) {
			segment, err := ts.NewSegment(row.tracks, row.clip.runs(row.tracks...), row.clip.cluster, 0)
			if err == nil || segment != nil || row.want != nil && !errors.Is(err, row.want) {
				t.Errorf("%d bytes, %v; want %v", len(segment), err, row.want)
			}
		})
	}
}

func TestRunsThatAreNotTheTracks(t *testing.T) {
	if _, err := ts.NewSegment([]*timeline.Track{h264(t, baseline)}, nil, nil, 0); !errors.Is(err, ts.ErrTracks) {
		t.Error(err)
	}
}
