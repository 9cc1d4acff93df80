package producer

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/millrace/millrace/media"
)

func unhex(t testing.TB, text string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(text, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// privateOf returns codec private data that an encoder has written, by their name
// in the table of package media.
func privateOf(t testing.TB, name string) []byte {
	t.Helper()
	table, err := os.ReadFile(filepath.Join("..", "media", "testdata", "private.txt"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(table)) {
		if fields := strings.Split(strings.TrimSpace(line), "\t"); len(fields) == 3 && fields[0] == name {
			return unhex(t, fields[2])
		}
	}
	t.Fatalf("no private data of %s", name)
	return nil
}

// A dialect is a codec of NAL units, with a unit of each kind. Those of pictures
// have the right first bytes and nothing behind them.
type dialect struct {
	codec        media.Codec
	sets, others [][]byte // two sets of parameter sets, of different sizes
	private      []byte   // made of sets, by somebody else
	otherPrivate []byte   // made of others

	key, key2   []byte // an IDR picture: its first slice and a later one
	delta       []byte // a picture that others need
	disposable  []byte // one that no other needs
	sei, aud    []byte
	filler, end []byte
}

func dialects(t testing.TB) map[string]*dialect {
	t.Helper()
	avc := &dialect{
		codec: media.AVC, private: privateOf(t, "avc-main-crop"), otherPrivate: privateOf(t, "avc-baseline-1080"),
		key: unhex(t, "65 88 84 00 33 ff"), key2: unhex(t, "65 11 22 33"),
		delta: unhex(t, "41 9a 12 34"), disposable: unhex(t, "01 9e 56"),
		sei: unhex(t, "06 05 04 01020304 80"), aud: unhex(t, "09 f0"), filler: unhex(t, "0c ff ff 80"), end: unhex(t, "0b"),
	}
	hevc := &dialect{
		codec: media.HEVC, private: privateOf(t, "hevc-crop-hrd"), otherPrivate: privateOf(t, "hevc-main10-scaling"),
		key: unhex(t, "26 01 af 08 00 42"), key2: unhex(t, "26 01 20 ff"),
		delta: unhex(t, "02 01 d0 12 34"), disposable: unhex(t, "00 01 e0 56"),
		sei: unhex(t, "4e 01 05 04 01020304 80"), aud: unhex(t, "46 01 50"), filler: unhex(t, "4c 01 ff 80"), end: unhex(t, "48 01"),
	}
	for _, d := range []*dialect{avc, hevc} {
		d.sets, d.others = setsOf(t, d.codec, d.private), setsOf(t, d.codec, d.otherPrivate)
	}
	return map[string]*dialect{"H.264": avc, "H.265": hevc}
}

// eachDialect runs a test for H.264 and for H.265.
func eachDialect(t *testing.T, test func(t *testing.T, d *dialect)) {
	t.Helper()
	for name, d := range dialects(t) {
		t.Run(name, func(t *testing.T) { test(t, d) })
	}
}

func setsOf(t testing.TB, codec media.Codec, private []byte) (sets [][]byte) {
	t.Helper()
	if codec == media.AVC {
		c, err := media.ParseAVCConfig(private)
		if err != nil {
			t.Fatal(err)
		}
		return append(append(sets, c.SPS...), c.PPS...)
	}
	c, err := media.ParseHEVCConfig(private)
	if err != nil {
		t.Fatal(err)
	}
	return append(append(append(sets, c.VPS...), c.SPS...), c.PPS...)
}

// new returns a conditioner for track 1 with these private data.
func (d *dialect) new(t testing.TB, private []byte) *conditioner {
	t.Helper()
	return newTestConditioner(t, media.Track{Codec: d.codec, Private: private})
}

func newTestConditioner(t testing.TB, track media.Track) *conditioner {
	t.Helper()
	track.Number = 1
	c, err := newConditioner(track)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// annexB frames units with start codes of three bytes, the first with one of four.
func annexB(units ...[]byte) []byte {
	b := []byte{0}
	for _, u := range units {
		b = append(append(b, 0, 0, 1), u...)
	}
	return b
}

// prefixed puts lengths of four bytes in front of units.
func prefixed(units ...[]byte) (b []byte) {
	for _, u := range units {
		b = append(binary.BigEndian.AppendUint32(b, uint32(len(u))), u...)
	}
	return b
}

// shortened puts lengths of so many bytes in front of units.
func shortened(size int, units ...[]byte) (b []byte) {
	for _, u := range units {
		for i := size - 1; i >= 0; i-- {
			b = append(b, byte(len(u)>>(8*i)))
		}
		b = append(b, u...)
	}
	return b
}

// with returns sets and the units behind them.
func with(sets [][]byte, units ...[]byte) [][]byte {
	return append(append([][]byte(nil), sets...), units...)
}

// take conditions a frame that has to be taken.
func take(t testing.TB, c *conditioner, data []byte) conditioned {
	t.Helper()
	return takeFrame(t, c, media.Frame{Track: 1, Data: data})
}

func takeFrame(t testing.TB, c *conditioner, f media.Frame) conditioned {
	t.Helper()
	before := bytes.Clone(f.Data)
	out, err := c.condition(nil, f)
	if err != nil {
		t.Fatalf("%x: %v", head(f.Data), err)
	}
	if !bytes.Equal(before, f.Data) {
		t.Fatalf("the frame's bytes were changed")
	}
	return out
}

// refused conditions a frame that has to be refused, and returns the details.
func refused(t testing.TB, c *conditioner, f media.Frame, kind error) *FrameError {
	t.Helper()
	before, knew := c.track()
	out, err := c.condition(nil, f)
	var details *FrameError
	if !errors.Is(err, kind) || !errors.As(err, &details) {
		t.Fatalf("%x: %+v, %v, want %v", head(f.Data), out, err, kind)
	}
	if details.Track != f.Track || details.PTS != f.PTS || details.Offset < 0 || details.Offset > len(f.Data) || details.Part == "" {
		t.Errorf("the error is %+v", details)
	}
	after, knows := c.track()
	if knew != knows || !bytes.Equal(before.Private, after.Private) || before.Width != after.Width {
		t.Errorf("a refused frame changed the track")
	}
	return details
}

func head(b []byte) []byte { return b[:min(len(b), 24)] }

// wantPayload checks what is sent for a frame.
func wantPayload(t testing.TB, out conditioned, units ...[]byte) {
	t.Helper()
	if want := prefixed(units...); !bytes.Equal(out.Payload, want) {
		t.Errorf("payload is\n%x, want\n%x", out.Payload, want)
	}
}

// declares checks what the track says once it is known.
func declares(t testing.TB, c *conditioner, private []byte) media.Track {
	t.Helper()
	now, known := c.track()
	if !known {
		t.Fatal("the track is not known")
	}
	if now.Codec == media.HEVC { // of which others fill in more
		got, want := setsOf(t, media.HEVC, now.Private), setsOf(t, media.HEVC, private)
		if !bytes.Equal(prefixed(got...), prefixed(want...)) {
			t.Errorf("private data are %x, want those of %x", now.Private, private)
		}
	} else if !bytes.Equal(now.Private, private) {
		t.Errorf("private data are %x, want %x", now.Private, private)
	}
	want, err := media.NewTrack(1, now.CodecID, private)
	if err != nil {
		t.Fatal(err)
	}
	if now.Width != want.Width || now.Height != want.Height {
		t.Errorf("%dx%d, want %dx%d", now.Width, now.Height, want.Width, want.Height)
	}
	return now
}
