package export_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/millrace/millrace/consumer"
	"github.com/millrace/millrace/consumer/export"
	"github.com/millrace/millrace/media"
	"github.com/millrace/millrace/mkv"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// piped writes documents to a pipe.
func piped(t *testing.T, o export.Options, documents ...[]byte) (*counter, error) {
	t.Helper()
	var out counter
	w, err := export.New(&out, o)
	if err != nil {
		t.Fatal(err)
	}
	return &out, export.Copy(t.Context(), consumer.ReadFrom(bytes.NewReader(slices.Concat(documents...)), consumer.ReadOptions{}), w)
}

// The parameter sets of two encoders.
const (
	spsA = "67f4000d90d9640507ec05a8303032000003000200000300651e285490"
	ppsA = "68ebcc448440"
	ppsB = "68ebccb22c"
)

func avc(number uint64) mkv.Track {
	record, err := hex.DecodeString("01f4000dffe1001d" + spsA + "010006" + ppsA)
	if err != nil {
		panic(err)
	}
	return mkv.Track{
		Number: number, UID: number, Type: mkv.TrackVideo, CodecID: "V_MPEG4/ISO/AVC", CodecPrivate: record,
		Video: mkv.Video{PixelWidth: 320, PixelHeight: 240},
	}
}

// units is a frame of NAL units behind lengths.
func units(list ...string) (b []byte) {
	for _, u := range list {
		unit, err := hex.DecodeString(u)
		if err != nil {
			panic(err)
		}
		b = append(binary.BigEndian.AppendUint32(b, uint32(len(unit))), unit...)
	}
	return b
}

// codes is NAL units behind start codes.
func codes(list ...string) (b []byte) {
	for _, u := range list {
		unit, err := hex.DecodeString(u)
		if err != nil {
			panic(err)
		}
		b = append(append(b, 0, 0, 0, 1), unit...)
	}
	return b
}

func TestParameterSetsStandBeforeEachKeyFrame(t *testing.T) {
	const idr, slice, delimiter = "6588", "419a", "0910"
	tracks := []mkv.Track{avc(1)}
	out, err := piped(t, export.Options{Container: export.ContainerAnnexB},
		film(tracks, 0,
			block{1, 0, units(delimiter, idr)},
			block{1, 40, units(slice)},
			block{1, 80, units(spsA, ppsA, idr)},
			block{1, 120, units(ppsB, slice)},
			block{1, 160, units(idr)},
			block{1, 200, codes(slice)}))
	// All blocks of a film are marked as key frames, so that the sets stand before
	// each slice as well.
	want := slices.Concat(
		codes(delimiter, spsA, ppsA, idr),
		codes(spsA, ppsA, slice),
		codes(spsA, ppsA, idr),
		codes(spsA, ppsA, ppsB, slice),
		codes(spsA, ppsB, idr),
		codes(spsA, ppsB, slice))
	if err != nil || out.writes != 6 || !bytes.Equal(out.Bytes(), want) {
		t.Errorf("%v, %d writes\n%x\n%x", err, out.writes, out.Bytes(), want)
	}
	var broken *export.FrameError
	_, err = piped(t, export.Options{Container: export.ContainerAnnexB}, film(tracks, 0, block{1, 0, []byte("no units")}))
	if !errors.As(err, &broken) || !errors.Is(err, media.ErrInvalid) {
		t.Errorf("error %v", err)
	}
}

func TestEachFrameOfAACHasAHeader(t *testing.T) {
	with := []byte{0xff, 0xf1, 0x4c, 0x80, 0x01, 0x3f, 0xfc, 'a', 'b'}
	out, err := piped(t, export.Options{Container: export.ContainerADTS},
		film([]mkv.Track{aac(1)}, 0, block{1, 0, []byte("ab")}, block{1, 21, with}))
	if err != nil || !bytes.Equal(out.Bytes(), slices.Concat(with, with)) {
		t.Errorf("%v, %x", err, out.Bytes())
	}
	_, err = piped(t, export.Options{Container: export.ContainerADTS}, film([]mkv.Track{aac(1)}, 0, block{1, 0, make([]byte, 8185)}))
	if !errors.Is(err, media.ErrLimit) {
		t.Errorf("error %v", err)
	}
}

func TestSamplesInAWAVFile(t *testing.T) {
	pcm := mkv.Track{
		Number: 1, UID: 1, Type: mkv.TrackAudio, CodecID: "A_PCM/INT/BIG", Audio: mkv.Audio{SamplingFrequency: 16_000, Channels: 2, BitDepth: 24},
	}
	doc := film([]mkv.Track{pcm}, 0, block{1, 0, []byte("abcdef")}, block{1, 20, []byte("ghi")})
	files, err := parts(t, export.Options{Container: export.ContainerWAV}, doc)
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	le := binary.LittleEndian
	format, err := media.ParseWaveFormat(b[12+36+8:])
	if err != nil || format.Codec() != media.PCMLittle || format.Channels != 2 || format.SampleRate != 16_000 || format.BlockAlign != 6 || format.BitsPerSample != 24 {
		t.Errorf("format %+v, %v", format, err)
	}
	if le.Uint32(b[4:]) != uint32(len(b)-8) || !bytes.HasSuffix(b, []byte("data\x09\x00\x00\x00cbafedihg\x00")) {
		t.Errorf("file %q", b)
	}
	out, err := piped(t, export.Options{Container: export.ContainerWAV}, doc)
	if err != nil || !bytes.HasSuffix(out.Bytes(), []byte("cbafedihg\x00")) || bytes.Contains(out.Bytes(), []byte("JUNK")) {
		t.Errorf("%v, pipe %q", err, out.Bytes())
	}
}

// shut is an output that knows that it was closed.
type shut struct {
	bytes.Buffer
	closed bool
}

func (s *shut) Close() error {
	s.closed = true
	return nil
}

func TestFramesOfEachTrackAndPicturesOfTheirOwn(t *testing.T) {
	sensor := mkv.Track{Number: 2, UID: 2, Type: mkv.TrackMetadata, CodecID: "X_RADAR"}
	jpeg := mkv.Track{Number: 1, UID: 1, Type: mkv.TrackVideo, CodecID: "V_MJPEG"}
	doc := film([]mkv.Track{jpeg, sensor}, 0, block{1, 0, []byte("one")}, block{2, 10, []byte("a")}, block{1, 500, []byte("two")}, block{2, 510, []byte("b")})

	outputs := map[media.TrackNumber]*shut{}
	w := export.NewFrames(export.Options{}, func(track media.Track) (io.Writer, error) {
		outputs[track.Number] = &shut{}
		return outputs[track.Number], nil
	})
	if err := export.Copy(t.Context(), consumer.ReadFrom(bytes.NewReader(doc), consumer.ReadOptions{}), w); err != nil {
		t.Fatal(err)
	}
	if outputs[1].String() != "onetwo" || outputs[2].String() != "ab" || !outputs[1].closed || !outputs[2].closed {
		t.Errorf("outputs %v", outputs)
	}

	var stills []*shut
	var at []time.Duration
	w = export.NewStills(export.Options{LeaveOut: true}, func(s export.Still) (io.WriteCloser, error) {
		stills, at = append(stills, &shut{}), append(at, s.At)
		return stills[s.Number-1], nil
	})
	if err := export.Copy(t.Context(), consumer.ReadFrom(bytes.NewReader(doc), consumer.ReadOptions{}), w); err != nil {
		t.Fatal(err)
	}
	if len(stills) != 2 || stills[0].String() != "one" || stills[1].String() != "two" || !stills[1].closed || at[1] != 500*time.Millisecond {
		t.Errorf("%d pictures at %v", len(stills), at)
	}
}

func TestAChildProcessReadsOneDocument(t *testing.T) {
	cat, err := exec.LookPath("cat")
	if err != nil {
		t.Skip("no cat")
	}
	docs := slices.Concat(document("V_A", 5000, 1, 0, 40), document("V_A", 0, 1, 0, 40))
	reader := func() *consumer.Reader { return consumer.ReadFrom(bytes.NewReader(docs), consumer.ReadOptions{}) }

	cmd := exec.Command(cat)
	var out bytes.Buffer
	cmd.Stdout = &out
	if err := export.Pipe(t.Context(), reader(), cmd, export.Options{}); err != nil {
		t.Fatal(err)
	}
	if got, headers := times(t, out.Bytes()); headers != 1 || !slices.Equal(got, []int64{0, 40, 80, 120}) {
		t.Errorf("times %v under %d headers", got, headers)
	}

	for name, tc := range map[string]struct {
		script string
		failed bool
	}{
		"one that has enough": {"exit 0", false},
		"one that fails":      {"exit 3", true},
		"one that reads some": {"head -c 10 >/dev/null", false},
	} {
		in := &endless{cycle: docs}
		err := export.Pipe(t.Context(), consumer.ReadFrom(in, consumer.ReadOptions{}), exec.Command("sh", "-c", tc.script), export.Options{})
		if (err != nil) != tc.failed || tc.failed && !strings.Contains(err.Error(), "exit status 3") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestAChildThatDoesNotReadHoldsNothingUp: a write to it is cut when the context
// ends, and it is killed if it does not end then.
func TestAChildThatDoesNotReadHoldsNothingUp(t *testing.T) {
	t.Parallel() // it waits as long as a child is given
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	in := &endless{cycle: document("V_A", 0, 1, 0, 40)}
	err := export.Pipe(ctx, consumer.ReadFrom(in, consumer.ReadOptions{}), exec.Command("sh", "-c", "exec sleep 600"), export.Options{})
	if died, ok := errors.AsType[*exec.ExitError](err); !ok || died.Success() {
		t.Errorf("error %v", err)
	}
}

// endless is documents again and again.
type endless struct {
	cycle []byte
	at    int
}

func (e *endless) Read(p []byte) (int, error) {
	n := copy(p, e.cycle[e.at:])
	e.at = (e.at + n) % len(e.cycle)
	return n, nil
}
