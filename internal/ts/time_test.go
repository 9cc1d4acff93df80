package ts_test

import (
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/timeline"
	"github.com/millrace/millrace/internal/ts"
	"github.com/millrace/millrace/media"
)

// The fields of a set up to its usability information, for 320x240.
const (
	plainSet = "1 1 1 1 010 0 000010100 0001111 1 1 0"
	oneFrame = "1 0 0 0 0 1" + oneASecond + "1 0 0 0 1 1 1 1 1 1 011 011" // a second, two of which are reordered

	oneASecond = "00000000000000000000000000000001 00000000000000000000000000000010"
)

// made is a track whose only set is made of bits.
func made(t *testing.T, profile, constraints byte, bits string) *timeline.Track {
	t.Helper()
	bits = strings.ReplaceAll(bits, " ", "") + "1"
	for len(bits)%8 != 0 {
		bits += "0"
	}
	sps := []byte{0x67, profile, constraints, 30}
	for ; bits != ""; bits = bits[8:] {
		b, err := strconv.ParseUint(bits[:8], 2, 8)
		if err != nil {
			t.Fatal(err)
		}
		if n := len(sps); sps[n-1] == 0 && sps[n-2] == 0 && b <= 3 {
			sps = append(sps, 3) // against start codes
		}
		sps = append(sps, byte(b))
	}
	return track(t, 1, "V_MPEG4/ISO/AVC", annexB(sps, []byte{0x68, 0xce, 0x0f, 0xc8}))
}

func TestDelay(t *testing.T) {
	for _, row := range []struct {
		name  string
		track *timeline.Track
		want  int64
	}{
		{"of a track without B-frames", h264(t, baseline), 0},
		{"of one that reorders two frames of 25 a second", h264(t, reordering), 2 * 3600},
		{"of one that does not say what it reorders", made(t, 77, 0, plainSet+"0"), 2 * 3600},
		{"of one that does not, and cannot", made(t, 66, 0, plainSet+"0"), 0},
		{"of one that has nothing but key frames", made(t, 100, 0x10, "1 010 1 1 0 0"+plainSet[1:]+"0"), 0},
		{"of one frame a second is bounded", made(t, 77, 0, plainSet+oneFrame), 90_000},
		{"of sound", aac(t, stereo), 0},
		{"of no track", nil, 0},
		{"of private data that say nothing", &timeline.Track{Media: media.Track{Codec: media.AVC}}, 0},
	} {
		t.Run(row.name, func(t *testing.T) {
			if got := ts.Delay(row.track); got != row.want {
				t.Errorf("%d, want %d", got, row.want)
			}
		})
	}
}

func times(list []pes) (dts, pts []int64) {
	for _, p := range list {
		dts, pts = append(dts, p.dts), append(pts, p.pts)
	}
	return dts, pts
}

func equal[T comparable](t *testing.T, what string, got, want []T) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: %v, want %v", what, got, want)
	}
}

func TestPicturesAreDecodedInOrderAndShownLater(t *testing.T) {
	video := h264(t, reordering)
	s := demux(t, newClip().pictures(0, 120, 40, 80, 160).sound(0, 1).segment(t, video, aac(t, stereo)))
	dts, pts := times(s.of(picturePID))
	equal(t, "dts", dts, []int64{90000, 93600, 97200, 100800, 104400})
	const d = 7200
	equal(t, "pts", pts, []int64{90000 + d, 100800 + d, 93600 + d, 97200 + d, 104400 + d})
	_, heard := times(s.of(soundPID))
	equal(t, "pts of sound", heard, []int64{90000 + d})
}

func TestEqualTimesAreWrittenOnce(t *testing.T) {
	s := demux(t, newClip().pictures(0, 40, 80).segment(t, h264(t, baseline)))
	for i, p := range s.of(picturePID) {
		if p.hasDTS || p.pts != headStart+int64(i)*3600 {
			t.Errorf("picture %d: %+v", i, p)
		}
	}
}

func TestNoPictureIsDecodedAfterItIsShown(t *testing.T) {
	video := h264(t, baseline) // which says that nothing is reordered
	s := demux(t, newClip().pictures(0, 120, 40, 80, 160).segment(t, video))
	dts, pts := times(s.of(picturePID))
	equal(t, "pts", pts, []int64{90000, 100800, 93600, 97200, 104400})
	equal(t, "dts", dts, []int64{90000, 93599, 93600, 97200, 104400})
}

func TestTheClockRunsAhead(t *testing.T) {
	s := demux(t, newClip().pictures(0, 40, 80, 120, 160).segment(t, h264(t, baseline)))
	clocks, _ := s.clocks()
	equal(t, "clocks", clocks, []int64{27000, 30600, 34200, 37800, 41400})
}

func TestTheClockIsStatedEvery100Milliseconds(t *testing.T) {
	video, sound := h264(t, baseline), aac(t, stereo)
	slow := newClip().pictures(0, 1000, 2000, 3500, 10000)
	for name, segment := range map[string][]byte{
		"25 pictures a second":       newClip().pictures(0, 40, 80, 120, 160, 200, 240, 280).segment(t, video),
		"a picture a second":         slow.segment(t, video),
		"a picture a second, sound":  newClip().pictures(0, 1000, 2000).sound(-60, 200).segment(t, video, sound),
		"sound alone":                newClip().sound(0, 300).segment(t, sound),
		"sound with a hole":          newClip().sound(0, 10).sound(3000, 10).segment(t, sound),
		"slow sound":                 newClip().add(2, 0, 0, []byte{1}).add(2, 128, 0, []byte{2}).add(2, 256, 0, []byte{3}).segment(t, aac(t, "1588")),
		"sound behind the pictures":  newClip().pictures(0, 40).sound(0, 100).segment(t, video, sound),
		"pictures behind the sound":  newClip().sound(0, 100).pictures(3000, 3040).segment(t, video, sound),
		"a clock without its stream": newClip().sound(0, 100).segment(t, video, sound),
	} {
		t.Run(name, func(t *testing.T) {
			s := demux(t, segment)
			clocks, at := s.clocks()
			for i := 1; i < len(clocks); i++ {
				if step := clocks[i] - clocks[i-1]; step <= 0 || step > 9000 {
					t.Errorf("clock %d is %d after the one before", i, step)
				}
			}
			if at[0] != 2 {
				t.Errorf("the first clock is in packet %d", at[0])
			}
			last := int64(0)
			for _, p := range s.pes {
				last = max(last, p.dts)
			}
			if behind := last - 63000 - clocks[len(clocks)-1]; behind < 0 || behind > 9000 {
				t.Errorf("the last clock is %d before the last frame", behind)
			}
		})
	}
}

func TestTheClockDoesNotFillEveryHole(t *testing.T) {
	c := newClip()
	c.fragment.TimecodeScale = 1000 * milli
	segment := c.pictures(0, 30_000).segment(t, h264(t, baseline))
	if n := len(segment) / packetSize; n < 4096 || n > 4110 {
		t.Errorf("%d packets for a hole of 30,000 s", n)
	}
}

func TestTimesBeforeTheFragment(t *testing.T) {
	c := newClip().add(1, -2000, millrace.SampleKey, frame(idr(1))).add(1, -1960, 0, frame(slice(1)))
	s := demux(t, c.segment(t, h264(t, baseline)))
	const wrap = 1 << 33
	_, pts := times(s.of(picturePID))
	equal(t, "pts", pts, []int64{wrap - 90000, wrap - 86400})
	clocks, _ := s.clocks()
	equal(t, "clocks", clocks, []int64{wrap - 153000, wrap - 149400})
}
