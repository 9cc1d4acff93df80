package producer

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/millrace/millrace/media"
	"github.com/millrace/millrace/mkv"
)

// A reel is a stream that reaches nothing, and what it says.
type reel struct {
	t       *testing.T
	stream  *Stream
	notices []error // but those about what cannot be played
}

// rolling runs a test with a stream of those tracks, in a bubble.
func rolling(t *testing.T, config StreamConfig, test func(r *reel)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		r := &reel{t: t}
		config.Events.Notice = func(err error) {
			if !errors.Is(err, ErrUnplayable) {
				r.notices = append(r.notices, err)
			}
		}
		r.stream = unconnected(t, config)
		defer r.stream.Abort()
		test(r)
	})
}

// write writes a frame that has to be taken. Its key flag is left to the bitstream.
func (r *reel) write(track media.TrackNumber, at time.Duration, data []byte) {
	r.t.Helper()
	if err := r.stream.Write(r.t.Context(), media.Frame{Track: track, PTS: epoch + at, Data: data}); err != nil {
		r.t.Fatal(err)
	}
}

// told returns what the stream has said so far.
func (r *reel) told() []error {
	synctest.Wait()
	return r.notices
}

// A shot is a fragment, as it is sent.
type shot struct {
	tracks []mkv.Track
	call   int // counted by headers
	blocks []mkv.Block
	start  uint64
}

// shots ends the stream's writing and returns what it has.
func (r *reel) shots() (all []shot) {
	r.t.Helper()
	if err := r.stream.packager.close(r.t.Context()); err != nil {
		r.t.Fatal(err)
	}
	documents, headers := kept(r.stream)
	call := 0
	for i, d := range documents {
		if i == 0 || headers[i] != headers[i-1] {
			call++
		}
		all = append(all, readShot(r.t, d, call))
	}
	return all
}

func readShot(t *testing.T, document []byte, call int) shot {
	t.Helper()
	s := shot{call: call}
	elements := mkv.NewReader(bytes.NewReader(document), mkv.ReaderOptions{})
	for {
		e, err := elements.Next()
		if err != nil {
			return s
		}
		switch e.ID {
		case mkv.IDTracks:
			s.tracks, err = mkv.ParseTracks(bytes.Clone(e.Data()))
		case mkv.IDTimecode:
			s.start, err = mkv.ParseUint(e.Data())
		case mkv.IDSimpleBlock:
			var b mkv.Block
			b, err = mkv.ParseBlock(bytes.Clone(e.Data()))
			s.blocks = append(s.blocks, b)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// A movement is a codec that changes in mid-stream: frames a second apart, and
// from which one on another header has to stand in front.
type movement struct {
	track          media.Track
	first, second  [][]byte
	private, other []byte // nil where the size of the picture changes alone
}

func movements(t testing.TB) map[string]movement {
	t.Helper()
	all := map[string]movement{}
	for name, d := range dialects(t) {
		all[name] = movement{
			media.Track{Codec: d.codec},
			[][]byte{annexB(with(d.sets, d.key)...), annexB(d.delta), annexB(with(d.sets, d.key)...)},
			[][]byte{annexB(with(d.others, d.key)...), annexB(d.delta), annexB(with(d.others, d.key)...)},
			d.private, d.otherPrivate,
		}
	}
	k := av1Kit(t)
	all["AV1"] = movement{
		media.Track{Codec: media.AV1},
		[][]byte{slices.Concat(k.delimiter, k.sequence, k.key), slices.Concat(k.delimiter, k.delta)},
		[][]byte{slices.Concat(k.delimiter, k.other, k.key), slices.Concat(k.delimiter, k.delta)},
		k.private, k.otherPrivate,
	}
	for _, name := range []string{"VP8", "VP9"} {
		st := studios()[name]
		all[name] = movement{
			media.Track{Codec: st.codec},
			[][]byte{st.key(320, 240), st.delta},
			[][]byte{st.key(640, 480), st.delta},
			nil, nil,
		}
	}
	raw := unhex(t, "21 00 49 90")
	all["AAC"] = movement{
		media.Track{Codec: media.AAC},
		[][]byte{adts(2, rate48000, 2, false, raw), adts(2, rate48000, 2, false, raw)},
		[][]byte{adts(2, rate44100, 2, true, raw), adts(2, rate44100, 2, true, raw)},
		unhex(t, "1190"), unhex(t, "1210"),
	}
	return all
}

// Where a codec's parameters change, a new header begins with the key frame that
// brings them, over a new call, and the application is told.
func TestACodecThatChangesBeginsANewHeader(t *testing.T) {
	for name, m := range movements(t) {
		t.Run(name, func(t *testing.T) {
			m.track.Number = 1
			rolling(t, StreamConfig{Tracks: []media.Track{m.track}}, func(r *reel) {
				frames := slices.Concat(m.first, m.second, m.first)
				for i, data := range frames {
					r.write(1, time.Duration(i)*time.Second, data)
				}
				told := r.told()
				var n *Notice
				if len(told) != 2 || !errors.Is(told[0], ErrCodecChanged) || !errors.As(told[1], &n) || n.Track != 1 || !errors.Is(n, ErrCodecChanged) {
					t.Errorf("told of %v", told)
				}
				at := 0
				for _, s := range r.shots() {
					begins, second := 1, false
					switch {
					case at >= len(m.first)+len(m.second):
						begins = 3
					case at >= len(m.first):
						begins, second = 2, true
					}
					if s.call != begins {
						t.Errorf("frame %d is in call %d, want %d", at, s.call, begins)
					}
					if m.private != nil {
						want := m.private
						if second {
							want = m.other
						}
						if !sameSets(t, m.track.Codec, s.tracks[0].CodecPrivate, want) {
							t.Errorf("frame %d: private data are %x", at, s.tracks[0].CodecPrivate)
						}
					} else if want := map[bool]uint64{false: 320, true: 640}[second]; s.tracks[0].Video.PixelWidth != want {
						t.Errorf("frame %d: %d pixels, want %d", at, s.tracks[0].Video.PixelWidth, want)
					}
					if !s.blocks[0].Keyframe() {
						t.Errorf("frame %d begins a fragment", at)
					}
					at += len(s.blocks)
				}
				if at != len(frames) {
					t.Errorf("%d frames of %d", at, len(frames))
				}
			})
		})
	}
}

func sameSets(t *testing.T, codec media.Codec, a, b []byte) bool {
	t.Helper()
	if codec != media.HEVC {
		return bytes.Equal(a, b)
	}
	return bytes.Equal(prefixed(setsOf(t, codec, a)...), prefixed(setsOf(t, codec, b)...))
}

// Sound that changes beside pictures takes a new header with it, and loses
// nothing of either.
func TestSoundThatChangesBesidePictures(t *testing.T) {
	d := dialects(t)["H.264"]
	raw := unhex(t, "21 00 49 90")
	rolling(t, StreamConfig{Tracks: []media.Track{{Number: 1, Codec: media.AVC}, {Number: 2, Codec: media.AAC}}}, func(r *reel) {
		for i := range 300 {
			at := time.Duration(i) * 40 * time.Millisecond
			picture := annexB(d.delta)
			if i%25 == 0 {
				picture = annexB(with(d.sets, d.key)...)
			}
			rate := rate48000
			if i >= 110 {
				rate = rate44100
			}
			r.write(1, at, picture)
			r.write(2, at, adts(2, rate, 2, false, raw))
		}
		if told := r.told(); len(told) != 1 || !errors.Is(told[0], ErrCodecChanged) {
			t.Errorf("told of %v", told)
		}
		counts := map[uint64]int{}
		for _, s := range r.shots() {
			want := unhex(t, "1190")
			if counts[2] >= 110 {
				want = unhex(t, "1210")
			}
			for _, track := range s.tracks {
				if track.Number == 2 && !bytes.Equal(track.CodecPrivate, want) {
					t.Errorf("sound %d: private data are %x", counts[2], track.CodecPrivate)
				}
			}
			for _, b := range s.blocks {
				counts[b.Track]++
			}
		}
		if counts[1] != 300 || counts[2] != 300 {
			t.Errorf("%v frames", counts)
		}
	})
}

// What is refused costs itself alone.
func TestADamagedFrameCostsItselfAlone(t *testing.T) {
	eachDialect(t, func(t *testing.T, d *dialect) {
		rolling(t, StreamConfig{Tracks: []media.Track{{Number: 1, Codec: d.codec}}}, func(r *reel) {
			r.write(1, 0, annexB(with(d.sets, d.key)...))
			r.write(1, time.Second, annexB(d.delta))
			bad := media.Frame{Track: 1, PTS: epoch + 2*time.Second, Data: append(prefixed(d.delta), 0, 0, 0, 77)}
			var details *FrameError
			if err := r.stream.Write(r.t.Context(), bad); !errors.As(err, &details) || !errors.Is(err, ErrBadFrame) || details.Offset != len(prefixed(d.delta)) {
				t.Errorf("%v", err)
			}
			r.write(1, 3*time.Second, annexB(d.delta))
			stats := r.stream.Stats()
			if stats.Frames != 3 || stats.Refused != 1 {
				t.Errorf("%d frames, %d refused", stats.Frames, stats.Refused)
			}
			if shots := r.shots(); len(shots) != 1 || len(shots[0].blocks) != 3 {
				t.Errorf("%+v", shots)
			}
		})
	})
}

// Frames that need a key frame which was refused are refused as well, where it
// would have brought other parameters.
func TestBehindARefusedChangeAKeyFrameIsNeeded(t *testing.T) {
	eachDialect(t, func(t *testing.T, d *dialect) {
		config := StreamConfig{Tracks: []media.Track{{Number: 1, Codec: d.codec}}, Time: TimeRules{OnRegress: RegressReject}}
		rolling(t, config, func(r *reel) {
			r.write(1, 0, annexB(with(d.sets, d.key)...))
			r.write(1, 40*time.Second, annexB(with(d.sets, d.key)...))
			early := media.Frame{Track: 1, PTS: epoch + time.Second, Data: annexB(with(d.others, d.key)...)}
			if err := r.stream.Write(r.t.Context(), early); !errors.Is(err, ErrTime) {
				t.Fatalf("a frame from the past: %v", err)
			}
			next := media.Frame{Track: 1, PTS: epoch + 41*time.Second, Data: annexB(d.delta)}
			if err := r.stream.Write(r.t.Context(), next); !errors.Is(err, ErrNeedKeyFrame) {
				t.Errorf("a frame behind it: %v", err)
			}
			r.write(1, 42*time.Second, annexB(with(d.others, d.key)...))
			for _, s := range r.shots() {
				if !s.blocks[0].Keyframe() {
					t.Errorf("a fragment begins with %x", s.blocks[0].Payload)
				}
			}
		})
	})
}

// Codec private data that an application hands over hold from the next key frame,
// which the bitstream tells, whatever the application says.
func TestPrivateDataHoldFromTheNextKeyFrame(t *testing.T) {
	eachDialect(t, func(t *testing.T, d *dialect) {
		track := media.Track{Number: 1, UID: 77, Codec: d.codec, Name: "porch", Private: d.private}
		rolling(t, StreamConfig{Tracks: []media.Track{track}}, func(r *reel) {
			r.write(1, 0, annexB(d.key))
			if err := r.stream.SetCodecPrivate(r.t.Context(), 1, d.otherPrivate); err != nil {
				t.Fatal(err)
			}
			lied := media.Frame{Track: 1, PTS: epoch + time.Second, Key: true, Data: annexB(d.delta)}
			if err := r.stream.Write(r.t.Context(), lied); err != nil {
				t.Fatal(err)
			}
			r.write(1, 2*time.Second, annexB(d.key))
			r.write(1, 3*time.Second, annexB(d.delta))
			var counts []int
			for i, s := range r.shots() {
				counts = append(counts, len(s.blocks))
				want := [][]byte{d.private, d.otherPrivate}[min(i, 1)]
				if s.call != i+1 || !sameSets(t, d.codec, s.tracks[0].CodecPrivate, want) || s.tracks[0].Name != "porch" || s.tracks[0].UID != 77 {
					t.Errorf("fragment %d: call %d, %+v", i, s.call, s.tracks[0])
				}
			}
			if !slices.Equal(counts, []int{2, 2}) {
				t.Errorf("fragments of %v frames", counts)
			}
		})
	})
}

// What waits for a picture goes with it under other private data too, and what it
// says holds, because it came later. Notices are given once all the same.
func TestWhatWaitsOutlivesPrivateData(t *testing.T) {
	eachDialect(t, func(t *testing.T, d *dialect) {
		rolling(t, StreamConfig{Tracks: []media.Track{{Number: 1, Codec: d.codec, Private: d.private}}}, func(r *reel) {
			r.write(1, 0, annexB(d.key))
			r.write(1, 100*time.Millisecond, annexB(d.key2))
			for _, waiting := range [][][]byte{{d.sei}, with(d.sets, d.sei)} {
				if err := r.stream.SetCodecPrivate(r.t.Context(), 1, d.otherPrivate); err != nil {
					t.Fatal(err)
				}
				r.write(1, 0, annexB(waiting...))
				r.write(1, time.Duration(1+len(waiting))*time.Second, annexB(d.key))
			}
			r.write(1, time.Minute, annexB(d.key2))
			partial := 0
			for _, err := range r.told() {
				if errors.Is(err, ErrPartialPicture) {
					partial++
				}
			}
			if partial != 1 {
				t.Errorf("%d notices of a partial picture", partial)
			}
			shots := r.shots()
			for i, want := range []struct{ private, payload []byte }{
				{d.private, prefixed(d.key)}, {d.otherPrivate, prefixed(d.sei, d.key)}, {d.private, prefixed(with(d.sets, d.sei, d.key)...)},
			} {
				if s := shots[i]; !sameSets(t, d.codec, s.tracks[0].CodecPrivate, want.private) || !bytes.Equal(s.blocks[0].Payload, want.payload) {
					t.Errorf("fragment %d: private data %x, %x", i, s.tracks[0].CodecPrivate, s.blocks[0].Payload)
				}
			}
		})
	})
	k := av1Kit(t)
	rolling(t, StreamConfig{Tracks: []media.Track{{Number: 1, Codec: media.AV1, Private: k.private}}}, func(r *reel) {
		r.write(1, 0, k.key)
		if err := r.stream.SetCodecPrivate(r.t.Context(), 1, k.otherPrivate); err != nil {
			t.Fatal(err)
		}
		r.write(1, 0, k.metadata)
		r.write(1, time.Second, k.key)
		if s := r.shots()[1]; !bytes.Equal(s.tracks[0].CodecPrivate, k.otherPrivate) || !bytes.Equal(s.blocks[0].Payload, slices.Concat(k.metadata, k.key)) {
			t.Errorf("AV1: private data %x, %x", s.tracks[0].CodecPrivate, s.blocks[0].Payload)
		}
	})
}

// Applications hand the same data over again and again.
func TestTheSamePrivateDataChangeNothing(t *testing.T) {
	eachDialect(t, func(t *testing.T, d *dialect) {
		rolling(t, StreamConfig{Tracks: []media.Track{{Number: 1, Codec: d.codec, Private: d.private}}}, func(r *reel) {
			for i := range 10 {
				if err := r.stream.SetCodecPrivate(r.t.Context(), 1, d.private); err != nil {
					t.Fatal(err)
				}
				r.write(1, time.Duration(i)*100*time.Millisecond, annexB(d.key))
			}
			if told := r.told(); len(told) > 0 {
				t.Errorf("told of %v", told)
			}
			if shots := r.shots(); len(shots) != 5 || shots[4].call != 1 { // of 200 ms, as without
				t.Errorf("%d fragments", len(shots))
			}
		})
	})
}

// What private data do not tell stays as it was declared.
func TestPrivateDataLeaveTheRestOfADeclaration(t *testing.T) {
	track := media.Track{Number: 3, UID: 5, Type: media.Video, CodecID: "V_TEST", Name: "roof", Width: 640, Height: 480, DefaultDuration: time.Second / 25}
	rolling(t, StreamConfig{Tracks: []media.Track{track}}, func(r *reel) {
		if err := r.stream.SetCodecPrivate(r.t.Context(), 3, []byte("private")); err != nil {
			t.Fatal(err)
		}
		if err := r.stream.Write(r.t.Context(), media.Frame{Track: 3, PTS: epoch, Key: true, Data: []byte("K")}); err != nil {
			t.Fatal(err)
		}
		got := r.shots()[0].tracks[0]
		want := track
		want.Private = []byte("private")
		if fmt.Sprint(got) != fmt.Sprint(matroskaTrack(&want)) {
			t.Errorf("%+v, want %+v", got, matroskaTrack(&want))
		}
	})
}

// Every still is where a viewer may begin, so fragments are of two seconds.
func TestStillsMakeFragmentsOfTwoSeconds(t *testing.T) {
	for _, name := range []string{"JPEG", "PNG"} {
		st := studios()[name]
		rolling(t, StreamConfig{Tracks: []media.Track{{Number: 1, Codec: st.codec}}}, func(r *reel) {
			for i := range 20 {
				r.write(1, time.Duration(i)*500*time.Millisecond, st.key(320, 240))
			}
			for i, s := range r.shots() {
				if len(s.blocks) != 4 {
					t.Errorf("%s: fragment %d has %d pictures", name, i, len(s.blocks))
				}
				for _, b := range s.blocks {
					if !b.Keyframe() {
						t.Errorf("%s: fragment %d has a picture that is no key frame", name, i)
					}
				}
			}
		})
	}
}

// What cannot be played is told of tracks that come later as well.
func TestLaterTracksAreLookedAtToo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var told []error
		s := unconnected(t, StreamConfig{Events: Events{Notice: func(err error) { told = append(told, err) }}})
		defer s.Abort()
		synctest.Wait()
		if len(told) > 0 {
			t.Errorf("told of %v", told)
		}
		if err := s.SetTracks(t.Context(), []media.Track{{Number: 1, Codec: media.VP9}}); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		var details *UnplayableError
		if len(told) == 0 || !errors.As(told[0], &details) || details.AWS || details.Ways != playAll {
			t.Errorf("told of %v", told)
		}
	})
}
