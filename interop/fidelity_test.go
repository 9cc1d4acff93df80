//go:build interop

package interop

import (
	"bytes"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// The ways in which media that are kept are given to players.
const (
	asFMP4 = "HLS of fragmented MP4"
	asTS   = "HLS of transport streams"
	asClip = "clip"
	asMP4  = "media.mp4"
	asMKV  = "media.mkv"
)

// What becomes of a recording, where it is not as it was.
const (
	mute        = "without sound" // the container has no place for it
	unsupported = "UnsupportedStreamMediaTypeException"
	changed     = "InvalidCodecPrivateDataException"
	unlike      = "UnsupportedStreamMediaTypeException: The tracks change within the range" // of Matroska alone
)

// fates are what becomes of each recording in each way; what is not named here
// comes back as it was. With the profile aws the tables of the service hold.
func fates(profile string) map[string]map[string]string {
	if profile == "aws" {
		return map[string]map[string]string{
			"h264-alaw":              {asFMP4: unsupported, asTS: unsupported},
			"h264-mulaw":             {asFMP4: unsupported, asTS: unsupported, asClip: unsupported, asMP4: unsupported},
			"hevc-aac":               {asTS: unsupported},
			"av1-opus":               {asFMP4: unsupported, asTS: unsupported, asClip: unsupported, asMP4: unsupported},
			"aac-only":               {asClip: unsupported, asMP4: unsupported},
			"mjpeg":                  {asFMP4: unsupported, asTS: unsupported, asClip: unsupported, asMP4: unsupported},
			"h264-resolution-change": {asClip: changed, asMP4: changed, asMKV: unlike},
		}
	}
	return map[string]map[string]string{
		"h264-alaw":              {asTS: mute},
		"h264-mulaw":             {asTS: mute},
		"hevc-aac":               {asTS: unsupported},
		"av1-opus":               {asTS: unsupported},
		"mjpeg":                  {asFMP4: unsupported, asTS: unsupported, asClip: unsupported, asMP4: unsupported},
		"h264-resolution-change": {asMKV: unlike},
	}
}

// TestFramesComeBackAsTheyWentIn: every kind of media that producers send, in
// both profiles, is pushed, and decoded from everything that players are given:
// the same pictures at the same times, and the same sound; or else the error
// that says why not.
func TestFramesComeBackAsTheyWentIn(t *testing.T) {
	need(t, "ffmpeg")
	strict := ownRig(t, false)
	strict.settings = []string{"--profile", "aws"}
	must(t, strict.start())
	for profile, r := range map[string]*rig{"default": shared, "aws": strict} {
		for _, rec := range recordings() {
			t.Run(profile+"/"+rec.name, func(t *testing.T) {
				whole, parts := rec.make(t)
				stream, kept := r.keep(t, "fidelity-"+rec.name, whole)
				want := rec.decode(t, parts)
				for _, how := range []string{asFMP4, asTS, asClip, asMP4, asMKV} {
					t.Run(how, func(t *testing.T) {
						rec.compare(t, r, stream, kept, how, fates(profile)[rec.name][how], want)
					})
				}
			})
		}
	}
}

// keep pushes a file to a new stream and returns where it lies.
func (r *rig) keep(t *testing.T, stream, file string) (name string, kept span) {
	t.Helper()
	start := time.Now().Add(-time.Minute).Truncate(time.Second)
	r.output(t, r.binary, "push", stream, file, "--start", start.UTC().Format(time.RFC3339))
	return stream, span{start.Add(-time.Second), start.Add(30 * time.Second)}
}

// An original is a document of a recording, decoded.
type original struct {
	pictures []decoded
	sound    []byte
}

func (rec *recording) decode(t *testing.T, parts []string) (list []original) {
	t.Helper()
	n := 0
	for _, part := range parts {
		var o original
		if rec.pictures > 0 {
			o.pictures = picturesOf(t, part)
			n += len(o.pictures)
		}
		if rec.hasSound() {
			o.sound = soundOf(t, part)
		}
		list = append(list, o)
	}
	if n != rec.pictures {
		t.Fatalf("the recording has %d pictures, not %d", n, rec.pictures)
	}
	return list
}

func (rec *recording) hasSound() bool {
	return slices.ContainsFunc(rec.tracks, func(id string) bool { return strings.HasPrefix(id, "A_") })
}

// compare compares what is given in one way with what was pushed.
func (rec *recording) compare(t *testing.T, r *rig, stream string, kept span, how, fate string, want []original) {
	files, refusal := r.given(t, stream, kept, how, len(want) > 1)
	switch {
	case fate != "" && fate != mute:
		rec.wantRefusal(t, refusal, fate)
		return
	case refusal.status != http.StatusOK:
		t.Fatalf("%d %s: %s", refusal.status, refusal.failure, refusal.message)
	case how != asFMP4 && how != asTS:
		want = []original{asOne(want)}
	}
	if len(files) != len(want) {
		t.Fatalf("%d files of %d documents", len(files), len(want))
	}
	for i, file := range files {
		if rec.pictures > 0 {
			samePictures(t, picturesOf(t, file), want[i].pictures)
		}
		if rec.hasSound() && fate != mute {
			rec.sameSound(t, soundOf(t, file), want[i].sound)
		}
	}
}

// asOne is what a file of everything shows: one document behind the other, and
// without the time between fragments in which there was nothing.
func asOne(list []original) (all original) {
	const hole = 1000 // milliseconds
	end, step := 0.0, 0.0
	for _, o := range list {
		all.sound = append(all.sound, o.sound...)
		for i, p := range o.pictures {
			if i > 0 && p.at-o.pictures[i-1].at < hole {
				step = p.at - o.pictures[i-1].at
			}
			if i > 0 || len(all.pictures) > 0 {
				end += step
			}
			all.pictures = append(all.pictures, decoded{p.sum, end})
		}
	}
	return all
}

// sameSound compares samples. Opus has some in front, and at the end of a file,
// that are thrown away: the file that was pushed says how many, and what is made
// of a stream does not.
func (rec *recording) sameSound(t *testing.T, got, want []byte) {
	t.Helper()
	const ahead, frame, bytesPerSample = 312, 960, 2
	same := bytes.Equal(got, want)
	if slices.Contains(rec.tracks, "A_OPUS") && len(got)-len(want) <= (ahead+frame)*bytesPerSample {
		same = bytes.Contains(got, want)
	}
	if !same {
		t.Errorf("%d bytes of sound, %d went in, and they differ", len(got), len(want))
	}
}

// wantRefusal expects an exception with the text that the service has for it.
func (rec *recording) wantRefusal(t *testing.T, a answer, fate string) {
	t.Helper()
	failure, text, _ := strings.Cut(fate, ": ")
	switch failure {
	case changed:
		text = "codec private data of track 1 change"
	case unsupported:
		if text != "" {
			break
		}
		text = "The type of the media is not supported or could not be determined from the media codec ids: "
		for i, id := range rec.tracks {
			if i > 0 {
				text += ", "
			}
			text += "(track " + string(rune('1'+i)) + ": " + id + ")"
		}
		text += "."
	}
	if a.status != http.StatusBadRequest || a.failure != failure || !strings.Contains(a.message, text) {
		t.Errorf("%d %s: %s\nwant 400 %s: … %s", a.status, a.failure, a.message, failure, text)
	}
}

// given asks for a stretch of a stream in one way. What comes are files or
// addresses that ffmpeg can open: one, or one for each document.
func (r *rig) given(t *testing.T, stream string, kept span, how string, several bool) ([]string, answer) {
	t.Helper()
	container, extension := "FRAGMENTED_MP4", ".mp4"
	switch how {
	case asTS:
		container, extension = "MPEG_TS", ".ts"
		fallthrough
	case asFMP4:
		a := r.onDemand(t, stream, container, kept)
		if a.status != http.StatusOK {
			return nil, a
		}
		if several { // between which ffmpeg does not start anew
			return r.joined(t, a.address(t), extension), a
		}
		return []string{a.address(t)}, a
	case asClip:
		a := r.archived(t, "getClip", map[string]any{"StreamName": stream, "ClipFragmentSelector": kept.selector()})
		return []string{saved(t, a, "clip.mp4")}, a
	default:
		query := url.Values{"from": {kept.from.UTC().Format(time.RFC3339)}, "to": {kept.to.UTC().Format(time.RFC3339)}}
		a := r.signed(t, http.MethodGet, r.url+"/millrace/v1/streams/"+stream+"/"+how+"?"+query.Encode(), nil)
		return []string{saved(t, a, how)}, a
	}
}

func saved(t *testing.T, a answer, name string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if a.status == http.StatusOK {
		must(t, os.WriteFile(path, a.body, 0o600))
	}
	return path
}

// TestAFlippedBitIsSeen: the comparison that the other test rests on notices a
// byte of a picture.
func TestAFlippedBitIsSeen(t *testing.T) {
	rec := recordings()[0]
	whole, _ := rec.make(t)
	media, err := os.ReadFile(whole)
	must(t, err)
	media[len(media)/2] ^= 0x10
	path := filepath.Join(t.TempDir(), "flipped.mkv")
	must(t, os.WriteFile(path, media, 0o600))
	anything := []string{""}
	if slices.Equal(sums(picturesOf(t, path, anything...)), sums(picturesOf(t, whole))) {
		t.Error("all pictures are the same")
	}
}
