package ts_test

import (
	"bytes"
	"encoding/hex"
	"testing"

	"github.com/millrace/millrace"
)

func TestFramesOfSoundGetAHeader(t *testing.T) {
	for _, row := range []struct{ name, private, header string }{
		{"stereo at 48 kHz", "1190", "fff14c8001bffc"},
		{"mono at 8 kHz", "1588", "fff16c4001bffc"},
		{"44.1 kHz with a word about SBR", "120856e500", "fff1504001bffc"},
		{"SBR in front, of which the core is told", "2b118800", "fff1588001bffc"},
		{"eight channels", "11b8", "fff14dc001bffc"},
	} {
		t.Run(row.name, func(t *testing.T) {
			s := demux(t, newClip().add(2, 0, millrace.SampleKey, []byte{1, 2, 3, 4, 5, 6}).segment(t, aac(t, row.private)))
			want, _ := hex.DecodeString(row.header + "010203040506")
			if got := s.of(soundPID)[0].data; !bytes.Equal(got, want) {
				t.Errorf("%x, want %x", got, want)
			}
		})
	}
}

func TestALongFrameOfSound(t *testing.T) {
	payload := bytes.Repeat([]byte{7}, 8184)
	got := demux(t, newClip().add(2, 0, 0, payload).segment(t, aac(t, stereo))).of(soundPID)[0].data
	if length := int(got[3]&3)<<11 | int(got[4])<<3 | int(got[5]>>5); length != 8191 || !bytes.Equal(got[7:], payload) {
		t.Errorf("%d bytes, the header says %d", len(got), length)
	}
}

// frames are the frames of ADTS.
func frames(t *testing.T, data []byte) (list [][]byte) {
	t.Helper()
	for len(data) > 0 {
		if len(data) < 7 || data[0] != 0xff || data[1] != 0xf1 {
			t.Fatalf("no header: %x", data)
		}
		length := int(data[3]&3)<<11 | int(data[4])<<3 | int(data[5]>>5)
		if length < 7 || length > len(data) {
			t.Fatalf("%d bytes of %d", length, len(data))
		}
		list, data = append(list, data[7:length]), data[length:]
	}
	return list
}

func TestSoundIsPackedForUpTo100Milliseconds(t *testing.T) {
	s := demux(t, newClip().sound(0, 10).segment(t, aac(t, stereo)))
	_, pts := times(s.of(soundPID))
	equal(t, "pts", pts, []int64{90000, 90000 + 4*1920, 90000 + 8*1920})
	n := 0
	for _, p := range s.of(soundPID) {
		for _, f := range frames(t, p.data) {
			if f[1] != byte(n) {
				t.Errorf("frame %d where %d was to be", f[1], n)
			}
			n++
		}
	}
	if n != 10 {
		t.Errorf("%d frames of 10", n)
	}
}

func TestAHoleBeginsAPacket(t *testing.T) {
	c := newClip().sound(0, 2).sound(300, 2).add(2, 342, 0, nil).add(2, 363, 0, []byte{1})
	_, pts := times(demux(t, c.segment(t, aac(t, stereo))).of(soundPID))
	equal(t, "pts", pts, []int64{90000, 90000 + 300*ticks, 90000 + 300*ticks + 3*1920})
}

func TestAHoleOfAFrameBeginsAPacket(t *testing.T) {
	for _, row := range []struct {
		name  string
		times []int32
		want  []int64
	}{
		{"times that are rounded", []int32{0, 22, 42}, []int64{90000}},
		{"a frame and a half are missing", []int32{0, 54}, []int64{90000, 90000 + 54*ticks}},
	} {
		t.Run(row.name, func(t *testing.T) {
			c := newClip()
			for _, at := range row.times {
				c = c.sound(at, 1)
			}
			_, pts := times(demux(t, c.segment(t, aac(t, stereo))).of(soundPID))
			equal(t, "pts", pts, row.want)
		})
	}
}
