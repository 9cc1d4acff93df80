//go:build interop

package interop

import (
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// An outlet is a container in which media are pulled.
type outlet struct {
	container string
	extension string
	carries   []string // codec ids; nil: all
}

func outlets() []outlet {
	const avc, hevc, aac, acm = "V_MPEG4/ISO/AVC", "V_MPEGH/ISO/HEVC", "A_AAC", "A_MS/ACM"
	return []outlet{
		{"mkv", ".mkv", nil},
		{"mp4", ".mp4", []string{avc, hevc, "V_AV1", aac, "A_OPUS", acm}},
		{"ts", ".ts", []string{avc, aac}},
		{"annexb", ".h264", []string{avc, hevc}}, // ffmpeg looks into it
		{"adts", ".aac", []string{aac}},
		{"wav", ".wav", []string{acm}},
		{"jpeg", ".mjpeg", []string{"V_MJPEG"}},
	}
}

// TestWhatIsPulledIsWhatWasPushed: every kind of media that producers send is
// pushed, and pulled to files in every container, and to a pipe in those that have
// another form there: the same pictures at the same times, the same sound, and
// nothing for ffmpeg or mkvinfo to warn of. Where the tracks change there is
// another file.
func TestWhatIsPulledIsWhatWasPushed(t *testing.T) {
	need(t, "ffmpeg")
	for _, rec := range recordings() {
		t.Run(rec.name, func(t *testing.T) {
			t.Parallel() // pull waits two seconds for more
			whole, parts := rec.make(t)
			stream := "export-" + rec.name
			shared.newStream(t, stream)
			shared.output(t, shared.binary, "push", stream, whole)
			want := rec.decode(t, parts)
			for _, o := range outlets() {
				t.Run(o.container, func(t *testing.T) {
					path := filepath.Join(t.TempDir(), "out"+o.extension)
					_, said, err := shared.run(t, nil, shared.binary, "pull", stream, "--from", "earliest", "--container", o.container, "--out", path)
					if !slices.ContainsFunc(rec.tracks, o.has) {
						if err == nil || !strings.Contains(said, "cannot carry") {
							t.Errorf("%v: %s", err, said)
						}
						return
					}
					must(t, err)
					for i, file := range o.files(t, path, len(want)) {
						rec.judge(t, o, file, want[i])
					}
				})
			}
			if len(parts) > 1 {
				return // which a pipe cannot follow
			}
			for _, o := range outlets()[:2] {
				t.Run("a pipe of "+o.container, func(t *testing.T) {
					if !slices.ContainsFunc(rec.tracks, o.has) {
						return
					}
					path := filepath.Join(t.TempDir(), "out"+o.extension)
					line := `"$0" pull "$1" --from earliest --container "$2" | cat >"$3"`
					shared.output(t, "bash", "-o", "pipefail", "-c", line, shared.binary, stream, o.container, path)
					rec.judge(t, o, path, want[0])
				})
			}
		})
	}
}

func (o outlet) has(id string) bool { return o.carries == nil || slices.Contains(o.carries, id) }

// files are those that pull has made: out.mkv, out-0002.mkv and so on.
func (o outlet) files(t *testing.T, path string, n int) []string {
	t.Helper()
	made, err := filepath.Glob(filepath.Join(filepath.Dir(path), "*"))
	must(t, err)
	if len(made) != n {
		t.Fatalf("%d files of %d documents", len(made), n)
	}
	slices.SortFunc(made, func(a, b string) int { return len(a) - len(b) }) // the first has no number
	slices.Sort(made[1:])
	return made
}

// judge compares a file with what was pushed.
func (rec *recording) judge(t *testing.T, o outlet, file string, want original) {
	t.Helper()
	carried := func(kind string) bool {
		return slices.ContainsFunc(rec.tracks, func(id string) bool { return strings.HasPrefix(id, kind) && o.has(id) })
	}
	if carried("V_") {
		got := picturesOf(t, file)
		if o.container == "annexb" || o.container == "jpeg" { // which have no times
			if !slices.Equal(sums(got), sums(want.pictures)) {
				t.Errorf("%d pictures of %d, and they differ", len(got), len(want.pictures))
			}
		} else {
			samePictures(t, got, want.pictures)
		}
	}
	if carried("A_") {
		var expected []string
		if o.container == "adts" { // which has no times
			expected = []string{"Estimating duration from bitrate"}
		}
		rec.sameSound(t, soundOf(t, file, expected...), want.sound)
	}
	if o.container == "mkv" {
		said, err := exec.Command(need(t, "mkvinfo"), "--ui-language", "en_US", file).CombinedOutput()
		if text := strings.ToLower(string(said)); err != nil || strings.Contains(text, "warning") || strings.Contains(text, "error") {
			t.Errorf("mkvinfo: %v, %s", err, said)
		}
	}
}
