package ts_test

import (
	"bytes"
	"encoding/binary"
	"testing"

	"pgregory.net/rapid"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/timeline"
	"github.com/millrace/millrace/internal/ts"
)

// drawClip draws a fragment of pictures in any order and sound.
func drawClip(t *rapid.T) *clip {
	c := newClip()
	at := rapid.Int32Range(-500, 500).Draw(t, "start")
	for i := range rapid.IntRange(0, 40).Draw(t, "pictures") {
		shown := at + rapid.SampledFrom([]int32{0, 0, 80, -40, 3}).Draw(t, "reorder")
		u := unit(rapid.SampledFrom([]byte{0x65, 0x41, 0x06}).Draw(t, "kind"), rapid.IntRange(0, 500).Draw(t, "unit"))
		c.add(1, shown, 0, frame(u, slice(i)))
		at += rapid.SampledFrom([]int32{40, 40, 33, 0, 1, 250, 1700}).Draw(t, "step")
	}
	at = rapid.Int32Range(-500, 500).Draw(t, "start of sound")
	for range rapid.IntRange(0, 60).Draw(t, "sound") {
		c.add(2, at, 0, rapid.SliceOfN(rapid.Byte(), 0, 400).Draw(t, "frame"))
		at += rapid.SampledFrom([]int32{21, 21, 22, 23, 300}).Draw(t, "step of sound")
	}
	return c
}

func TestAnySegmentIsSound(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := drawClip(t)
		video, sound := h264(t, rapid.SampledFrom([]string{baseline, reordering}).Draw(t, "private")), aac(t, stereo)
		tracks := rapid.SampledFrom([][]*timeline.Track{{video}, {sound}, {video, sound}}).Draw(t, "tracks")
		delay := rapid.SampledFrom([]int64{0, ts.Delay(video), 20_000}).Draw(t, "delay")
		runs := c.runs(tracks...)
		segment, err := ts.NewSegment(tracks, runs, c.cluster, delay)
		if err != nil {
			t.Fatal(err)
		}
		s := demux(t, segment)
		checkClocks(t, s)
		for i, track := range tracks {
			if track == video {
				checkPictures(t, s.of(picturePID), &runs[i], c.cluster, delay)
			} else {
				checkSound(t, s.of(soundPID), &runs[i], c.cluster)
			}
		}
	})
}

func checkClocks(t *rapid.T, s *stream) {
	clocks, _ := s.clocks()
	for i := 1; i < len(clocks); i++ {
		if step := (clocks[i] - clocks[i-1]) & (wrap - 1); step == 0 || step > 9000 {
			t.Fatalf("clock %d is %d after the one before", i, step)
		}
	}
	if len(s.pes) > 0 && len(clocks) == 0 {
		t.Fatal("there is no clock")
	}
}

// checkPictures compares pictures with the run they were made of.
func checkPictures(t *rapid.T, list []pes, r *timeline.Run, cluster []byte, delay int64) {
	if len(list) != len(r.Samples) {
		t.Fatalf("%d pictures of %d", len(list), len(r.Samples))
	}
	at := r.Start
	for i, sample := range r.Samples {
		p := list[i]
		if want := (headStart + at + int64(sample.Composition) + delay) & (wrap - 1); p.pts != want {
			t.Fatalf("picture %d is shown at %d, not %d", i, p.pts, want)
		}
		if ahead := (p.pts - p.dts) & (wrap - 1); ahead > wrap/2 {
			t.Fatalf("picture %d is decoded after it is shown", i)
		}
		if i > 0 && (p.dts-list[i-1].dts)&(wrap-1) > wrap/2 || i > 0 && p.dts == list[i-1].dts {
			t.Fatalf("picture %d is decoded at %d, the one before at %d", i, p.dts, list[i-1].dts)
		}
		at += int64(sample.Duration)
		payload := cluster[sample.Offset : sample.Offset+sample.Size]
		var units []byte
		for len(payload) > 0 {
			n := binary.BigEndian.Uint32(payload)
			units = append(append(units, 0, 0, 0, 1), payload[4:4+n]...)
			payload = payload[4+n:]
		}
		if !bytes.HasSuffix(p.data, units) {
			t.Fatalf("picture %d is %x, not %x", i, p.data, units)
		}
	}
}

// checkSound sees that all frames are there, none of them far from its time.
func checkSound(t *rapid.T, list []pes, r *timeline.Run, cluster []byte) {
	var got, want []byte
	for _, p := range list {
		for data := p.data; len(data) > 7; {
			n := int(data[3]&3)<<11 | int(data[4])<<3 | int(data[5]>>5)
			got, data = append(got, data[7:n]...), data[n:]
		}
	}
	for _, s := range r.Samples {
		want = append(want, cluster[s.Offset:s.Offset+s.Size]...)
	}
	if !bytes.Equal(got, want) {
		t.Fatal("other sound")
	}
}

// FuzzNewSegment: whatever frames hold, there is an error or a segment that
// others can read.
func FuzzNewSegment(f *testing.F) {
	f.Add(frame(idr(1)), []byte{0x21, 1, 2}, unhex(f, reordering), int32(40), int64(7200))
	f.Add(annexB(idr(1)), []byte{}, []byte{0, 0, 0, 1, 0x67}, int32(-40), int64(-1))
	f.Fuzz(func(t *testing.T, picture, sound, private []byte, step int32, delay int64) {
		c := newClip().add(1, 0, millrace.SampleKey, picture).add(1, step, 0, picture).add(2, step, 0, sound)
		video, listen := track(t, 1, "V_MPEG4/ISO/AVC", unhex(t, baseline)), aac(t, stereo)
		video.Media.Private = private
		video.Parameters, video.Fault = video.Media.Parameters()
		tracks := []*timeline.Track{video, listen}
		segment, err := ts.NewSegment(tracks, c.runs(tracks...), c.cluster, delay)
		if err == nil {
			demux(t, segment)
		}
	})
}
