//go:build interop

package producer

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace/media"
)

// An original is what ffmpeg makes: a track in a container, which says what is to
// be seen and heard and when, and the same as a bare stream, as encoders give it.
type original struct {
	encoder string // ffmpeg's arguments
	codec   media.Codec
	bare    string // name of the format without a container
	cut     func(t *testing.T, stream []byte) [][]byte
	private func(stream [][]byte) ([]byte, [][]byte) // takes codec private data out of a stream
	track   media.Track
	step    time.Duration // from one frame of sound to the next; of pictures the container knows
}

func originals() map[string]original {
	units := func(codec media.Codec) func(*testing.T, []byte) [][]byte {
		return func(_ *testing.T, b []byte) [][]byte { return accessUnits(codec, b) }
	}
	obus := func(t *testing.T, b []byte) [][]byte { return temporalUnitsOf(t, b) }
	headers := func(t *testing.T, b []byte) [][]byte { return adtsFrames(t, b) }
	ogg := func(t *testing.T, b []byte) [][]byte { return oggPackets(t, b) }
	ivf := func(t *testing.T, b []byte) [][]byte { return ivfFrames(t, b) }
	from := func(mark string) func(*testing.T, []byte) [][]byte {
		return func(_ *testing.T, b []byte) [][]byte { return beginning(b, mark) }
	}
	samples := func(size int) func(*testing.T, []byte) [][]byte {
		return func(_ *testing.T, b []byte) [][]byte { return pieces(b, size) }
	}
	const x264 = "-c:v libx264 -preset veryfast -g 25 -sc_threshold 0 -threads 1"
	return map[string]original{
		"h264 with b-frames":    {encoder: x264 + " -bf 3 -b_strategy 0", codec: media.AVC, bare: "h264", cut: units(media.AVC)},
		"h264 with open groups": {encoder: x264 + " -bf 3 -x264-params open-gop=1:b-pyramid=2:aud=1", codec: media.AVC, bare: "h264", cut: units(media.AVC)},
		"h264 in slices":        {encoder: x264 + " -bf 0 -x264-params slices=4:filler=1:nal-hrd=cbr -b:v 300k -maxrate 300k -bufsize 150k", codec: media.AVC, bare: "h264", cut: units(media.AVC)},
		"h265 with b-frames":    {encoder: "-c:v libx265 -preset ultrafast -x265-params log-level=none:keyint=25:bframes=3:open-gop=0", codec: media.HEVC, bare: "hevc", cut: units(media.HEVC)},
		"h265 with open groups": {encoder: "-c:v libx265 -preset ultrafast -x265-params log-level=none:keyint=25:bframes=3:open-gop=1:repeat-headers=1:aud=1", codec: media.HEVC, bare: "hevc", cut: units(media.HEVC)},
		"av1":                   {encoder: "-c:v libaom-av1 -usage realtime -cpu-used 8 -g 25 -b:v 150k", codec: media.AV1, bare: "obu", cut: obus},
		"vp8":                   {encoder: "-c:v libvpx -deadline realtime -cpu-used 8 -g 25 -b:v 200k", codec: media.VP8, bare: "ivf", cut: ivf},
		"vp9":                   {encoder: "-c:v libvpx-vp9 -deadline realtime -cpu-used 8 -g 25 -b:v 200k", codec: media.VP9, bare: "ivf", cut: ivf},
		"mjpeg":                 {encoder: "-c:v mjpeg -q:v 12", codec: media.MJPEG, bare: "mjpeg", cut: from("\xff\xd8\xff")},
		"png":                   {encoder: "-c:v png", codec: media.PNG, bare: "image2pipe", cut: from("\x89PNG\r\n\x1a\n")},
		"aac":                   {encoder: "-c:a aac -b:a 48k", codec: media.AAC, bare: "adts", cut: headers, step: 1024 * time.Second / 48000},
		"opus":                  {encoder: "-c:a libopus -b:a 32k", codec: media.Opus, bare: "ogg", cut: ogg, private: identified, step: 20 * time.Millisecond},
		"a-law":                 {encoder: "-c:a pcm_alaw -ar 8000", codec: media.ALaw, bare: "alaw", cut: samples(160), step: 20 * time.Millisecond},
		"mu-law":                {encoder: "-c:a pcm_mulaw -ar 8000", codec: media.MuLaw, bare: "mulaw", cut: samples(160), step: 20 * time.Millisecond},
		"pcm":                   {encoder: "-c:a pcm_s16le", codec: media.PCMLittle, bare: "s16le", cut: samples(1920), step: 20 * time.Millisecond, track: media.Track{SampleRate: 48000, Channels: 1, BitDepth: 16}},
	}
}

// identified takes the two packets off with which an Ogg stream of Opus begins.
func identified(packets [][]byte) (private []byte, frames [][]byte) { return packets[0], packets[2:] }

// TestOthersDecodeWhatIsWritten: frames of every codec, cut out of bare streams and
// written without a word about their parameters, come back from a server as
// pictures and sound that are those of the source, at their times.
func TestOthersDecodeWhatIsWritten(t *testing.T) {
	r := newServing(t)
	for name := range originals() {
		t.Run(name, func(t *testing.T) {
			r.compare(t, r.shoot(t, name, small))
		})
	}
	for _, names := range [][2]string{{"h264 with b-frames", "aac"}, {"h265 with b-frames", "mu-law"}, {"av1", "opus"}} {
		t.Run(names[0]+" and "+names[1], func(t *testing.T) {
			r.compare(t, r.shoot(t, names[0], small), r.shoot(t, names[1], small))
		})
	}
	for _, name := range []string{"h264 with b-frames", "h265 with b-frames", "av1", "vp9"} {
		t.Run(name+" of a size that changes", func(t *testing.T) {
			r.compareChanges(t, r.shoot(t, name, small), r.shoot(t, name, large), r.shoot(t, name, small))
		})
	}
}

// Sizes of pictures.
const (
	small = "128x96"
	large = "192x128"
)

// compare writes tracks and compares what comes back under one header.
func (r *serving) compare(t *testing.T, tracks ...*shooting) {
	t.Helper()
	files := r.keep(t, tracks...)
	if len(files) != 1 {
		t.Fatalf("%d headers", len(files))
	}
	for _, s := range tracks {
		s.compare(t, files[0])
	}
}

// compareChanges writes the parts as one track. Each comes back under a header of
// its own.
func (r *serving) compareChanges(t *testing.T, parts ...*shooting) {
	t.Helper()
	whole := &shooting{}
	for _, part := range parts {
		whole.append(part)
	}
	files := r.keep(t, whole)
	if len(files) != len(parts) {
		t.Fatalf("%d headers", len(files))
	}
	for i, file := range files {
		parts[i].compare(t, file)
	}
}

// A shooting is a source and its frames.
type shooting struct {
	source string
	track  media.Track
	frames []media.Frame
}

// shoot makes a source once.
func (r *serving) shoot(t *testing.T, name, size string) *shooting {
	t.Helper()
	key := name + " " + size
	if r.made[key] == nil {
		o := originals()[name]
		r.made[key] = o.shoot(t, filepath.Join(r.dir, strings.ReplaceAll(key, " ", "-")), size)
	}
	return r.made[key]
}

// shoot makes a source and cuts its bare stream into frames.
func (o *original) shoot(t *testing.T, path, size string) *shooting {
	t.Helper()
	input := "-f lavfi -i testsrc2=rate=25:duration=2:size=" + size + " -pix_fmt yuv420p"
	if o.codec == media.PNG {
		input = "-f lavfi -i testsrc2=rate=5:duration=2:size=" + size
	}
	if o.codec.Type() == media.Audio {
		input = "-f lavfi -i sine=frequency=440:sample_rate=48000:duration=2"
	}
	s := &shooting{source: path + ".mkv", track: o.track}
	s.track.Codec = o.codec
	ffmpeg(t, input+" "+o.encoder+" "+s.source)
	bare := path + ".bare"
	ffmpeg(t, "-i "+s.source+" -c copy -f "+o.bare+" "+bare)
	stream, err := os.ReadFile(bare)
	if err != nil {
		t.Fatal(err)
	}
	frames := o.cut(t, stream)
	if o.private != nil {
		s.track.Private, frames = o.private(frames)
	}
	times := o.times(t, s.source, len(frames))
	for i, data := range frames {
		s.frames = append(s.frames, media.Frame{PTS: times[i], Data: data})
	}
	// An IDR picture needs no word; in open groups the encoder has to say where
	// decoding may start.
	if strings.Contains(o.encoder, "open-gop=1") && o.codec == media.AVC {
		for i, key := range probe(t, s.source, "flags") {
			s.frames[i].Key = strings.HasPrefix(key, "K")
		}
	}
	if o.codec.Type() == media.Audio { // the bare stream has nothing in front to throw away
		s.source = bare
	}
	return s
}

// times are those of the frames, in the order of decoding.
func (o *original) times(t *testing.T, source string, n int) (times []time.Duration) {
	t.Helper()
	if o.step > 0 {
		for i := range n {
			times = append(times, time.Duration(i)*o.step)
		}
		return times
	}
	for _, text := range probe(t, source, "pts_time") {
		seconds, err := strconv.ParseFloat(text, 64)
		if err != nil {
			t.Fatal(err)
		}
		times = append(times, time.Duration(math.Round(seconds*1000))*time.Millisecond)
	}
	if len(times) != n {
		t.Fatalf("%d frames were cut, and there are %d", n, len(times))
	}
	return times
}

// probe asks ffprobe for a field of every packet.
func probe(t *testing.T, source, field string) []string {
	t.Helper()
	out, _ := runOther(t, "ffprobe", "-v", "error", "-show_entries", "packet="+field, "-of", "csv=p=0", source)
	return strings.Fields(strings.ReplaceAll(out, ",", ""))
}

// append has another part follow, half a second later.
func (s *shooting) append(part *shooting) {
	s.track = part.track
	begin := time.Duration(0)
	for _, f := range s.frames {
		begin = max(begin, f.PTS+500*time.Millisecond)
	}
	for _, f := range part.frames {
		f.PTS += begin
		s.frames = append(s.frames, f)
	}
}

// compare decodes source and file.
func (s *shooting) compare(t *testing.T, file string) {
	t.Helper()
	if s.track.Codec.Type() == media.Video {
		got, want := seen(t, file), seen(t, s.source)
		if len(want) == 0 || !slices.Equal(got, want) {
			t.Errorf("%d pictures, %d went in, and they differ\n%v\n%v", len(got), len(want), firsts(got), firsts(want))
		}
		return
	}
	got, want := heard(t, file, nil), heard(t, s.source, &s.track)
	same := bytes.Equal(got, want)
	if s.track.Codec == media.Opus { // of a file, what the encoder has put in front is thrown away
		same = len(got)-len(want) < 2*1300 && bytes.Contains(got, want)
	}
	if !same || len(want) < 2*15000 {
		t.Errorf("%d bytes of sound, %d went in, and they differ", len(got), len(want))
	}
}

func firsts(list []string) []string { return list[:min(len(list), 4)] }

// seen decodes pictures: when each is shown, in milliseconds from the first by the
// clock of the container, which ffmpeg rounds to whole frames otherwise, and
// its sum.
func seen(t *testing.T, file string) (list []string) {
	t.Helper()
	out, complaint := runOther(t, "ffmpeg", "-hide_banner", "-loglevel", "warning", "-i", file, "-map", "0:v:0", "-vsync", "passthrough", "-enc_time_base", "-1", "-f", "framemd5", "-")
	quiet(t, complaint)
	first, scale := -1, 0
	for line := range strings.Lines(out) {
		if base, ok := strings.CutPrefix(strings.TrimSpace(line), "#tb 0: 1/"); ok {
			scale, _ = strconv.Atoi(base)
		}
		fields := strings.Split(strings.TrimSpace(line), ",")
		if len(fields) != 6 || line[0] == '#' || scale == 0 {
			continue
		}
		at, err := strconv.Atoi(strings.TrimSpace(fields[2]))
		if err != nil {
			t.Fatal(err)
		}
		if first < 0 {
			first = at
		}
		list = append(list, fmt.Sprint((at-first)*1000/scale, fields[5]))
	}
	return list
}

// heard decodes sound to samples of 16 bits. A bare stream of samples has to be
// named.
func heard(t *testing.T, file string, bare *media.Track) []byte {
	t.Helper()
	args := []string{"-hide_banner", "-loglevel", "warning"}
	if bare != nil {
		switch bare.Codec {
		case media.ALaw, media.MuLaw:
			args = append(args, "-f", map[media.Codec]string{media.ALaw: "alaw", media.MuLaw: "mulaw"}[bare.Codec], "-ar", "8000", "-ac", "1")
		case media.PCMLittle:
			args = append(args, "-f", "s16le", "-ar", "48000", "-ac", "1")
		}
	}
	out, complaint := runOther(t, "ffmpeg", append(args, "-i", file, "-map", "0:a:0", "-f", "s16le", "-")...)
	quiet(t, complaint)
	return []byte(out)
}

// quiet expects ffmpeg to have had nothing to say.
func quiet(t *testing.T, complaint string) {
	t.Helper()
	for line := range strings.Lines(complaint) {
		known := func(part string) bool { return strings.Contains(line, part) }
		if !known("-vsync is deprecated") && !known("Guessed Channel Layout") && !known("Estimating duration") {
			t.Errorf("ffmpeg: %s", strings.TrimSpace(line))
		}
	}
}

func ffmpeg(t *testing.T, args string) {
	t.Helper()
	runOther(t, "ffmpeg", strings.Fields("-hide_banner -loglevel error -y "+args)...)
}

func runOther(t *testing.T, name string, args ...string) (stdout, stderr string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	c := exec.CommandContext(ctx, name, args...)
	var out, errs bytes.Buffer
	c.Stdout, c.Stderr = &out, &errs
	if err := c.Run(); err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, errs.String())
	}
	return out.String(), errs.String()
}

// ivfFrames takes the frames out of an IVF file.
func ivfFrames(t testing.TB, file []byte) (frames [][]byte) {
	t.Helper()
	if !bytes.HasPrefix(file, []byte("DKIF")) {
		t.Fatal("no IVF")
	}
	for file = file[32:]; len(file) > 0; {
		n := binary.LittleEndian.Uint32(file)
		frames, file = append(frames, file[12:12+n]), file[12+n:]
	}
	return frames
}

// beginning cuts a stream of pictures in front of each of these marks.
func beginning(stream []byte, mark string) (frames [][]byte) {
	for len(stream) > 0 {
		n := bytes.Index(stream[1:], []byte(mark)) + 1
		if n == 0 {
			n = len(stream)
		}
		frames, stream = append(frames, stream[:n]), stream[n:]
	}
	return frames
}

// pieces cuts a stream of samples into frames of so many bytes.
func pieces(stream []byte, size int) (frames [][]byte) {
	for len(stream) > 0 {
		n := min(size, len(stream))
		frames, stream = append(frames, stream[:n]), stream[n:]
	}
	return frames
}
