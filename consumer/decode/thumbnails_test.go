package decode_test

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"testing"
	"time"

	"github.com/millrace/millrace/consumer"
	"github.com/millrace/millrace/consumer/decode"
	"github.com/millrace/millrace/media"
	"github.com/millrace/millrace/mkv"
)

// album is a document of stills, one a second from begin on, of two tracks: the
// second is not to be looked at. A name makes it another header.
func album(t *testing.T, name string, codec media.Codec, begin, count int) []byte {
	t.Helper()
	private, err := media.NewPNG(16, 16).Append(nil)
	if err != nil {
		t.Fatal(err)
	}
	if codec == media.MJPEG {
		private = nil
	}
	var b bytes.Buffer
	w := mkv.NewLiveWriter(&b)
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	check(w.WriteHeader(mkv.Header{
		Info: mkv.Info{WritingApp: name},
		Tracks: []mkv.Track{
			{Number: 1, UID: 1, Type: mkv.TrackVideo, CodecID: codec.CodecID(), CodecPrivate: private},
			{Number: 2, UID: 2, Type: mkv.TrackVideo, CodecID: "V_TEST"},
		},
	}))
	for n := begin; n < begin+count; n++ {
		check(w.StartCluster(uint64(n) * 1000))
		check(w.WriteBlock(1, 0, mkv.FlagKeyframe, encoded(t, codec, grey(16, 16, uint8(n)))))
		check(w.WriteBlock(1, 500, 0, []byte("no key frame")))
		check(w.WriteBlock(2, 600, mkv.FlagKeyframe, []byte("another track")))
	}
	return b.Bytes()
}

func seconds(list []decode.Picture) (all []int) {
	for _, p := range list {
		all = append(all, int(p.PTS/time.Second))
	}
	return all
}

func TestThumbnails(t *testing.T) {
	for name, tc := range map[string]struct {
		input [][]byte
		every time.Duration
		want  []int
	}{
		"all key frames":            {[][]byte{album(t, "a", media.MJPEG, 0, 4)}, 0, []int{0, 1, 2, 3}},
		"every third second":        {[][]byte{album(t, "a", media.MJPEG, 0, 11)}, 3 * time.Second, []int{0, 3, 6, 9}},
		"another codec":             {[][]byte{album(t, "a", media.MJPEG, 0, 4), album(t, "b", media.PNG, 4, 4)}, 2 * time.Second, []int{0, 2, 4, 6}},
		"a producer that went back": {[][]byte{album(t, "a", media.MJPEG, 100, 3), album(t, "a", media.MJPEG, 0, 3)}, 2 * time.Second, []int{100, 102, 0, 2}},
		"more than a batch":         {[][]byte{album(t, "a", media.MJPEG, 0, 100)}, 0, nil},
		"nothing":                   {nil, 0, nil},
	} {
		var got []decode.Picture
		r := consumer.ReadFrom(bytes.NewReader(slices.Concat(tc.input...)), consumer.ReadOptions{})
		err := decode.Thumbnails(t.Context(), r, tc.every, func(p decode.Picture) error {
			got = append(got, p)
			return nil
		})
		if name == "more than a batch" {
			for n := range 100 {
				tc.want = append(tc.want, n)
			}
		}
		if err != nil || !slices.Equal(seconds(got), tc.want) {
			t.Errorf("%s: seconds %v, %v, want %v", name, seconds(got), err, tc.want)
		}
	}
}

func TestWhatEndsThumbnails(t *testing.T) {
	full, broken := errors.New("disk is full"), errors.New("broken")
	keep := func(decode.Picture) error { return nil }
	for name, tc := range map[string]struct {
		input io.Reader
		save  func(decode.Picture) error
		want  error
	}{
		"save":    {bytes.NewReader(album(t, "a", media.MJPEG, 0, 4)), func(decode.Picture) error { return full }, full},
		"reading": {io.MultiReader(bytes.NewReader(album(t, "a", media.MJPEG, 0, 4)), failingReader{broken}), keep, broken},
	} {
		err := decode.Thumbnails(t.Context(), consumer.ReadFrom(tc.input, consumer.ReadOptions{}), 0, tc.save)
		if !errors.Is(err, tc.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

type failingReader struct{ err error }

func (r failingReader) Read([]byte) (int, error) { return 0, r.err }

// A format that changes has the decoder give out what it has before it begins
// anew; tracks beside the first are not decoded.
func TestPicturesFollowAChangeOfFormat(t *testing.T) {
	d := decode.New(decode.Options{KeyFrames: true})
	defer d.Close()
	input := slices.Concat(album(t, "a", media.MJPEG, 0, 2), album(t, "b", media.PNG, 2, 2), album(t, "c", media.MJPEG, 4, 1))
	got, err := told(decode.Pictures(t.Context(), d, consumer.ReadFrom(bytes.NewReader(input), consumer.ReadOptions{}).Frames(t.Context())))
	if err != nil || !slices.Equal(seconds(got), []int{0, 1, 2, 3, 4}) {
		t.Errorf("seconds %v, %v", seconds(got), err)
	}
}
