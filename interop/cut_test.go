//go:build interop

package interop

import (
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// TestAnExactCutShowsWhatWasAskedFor: ffmpeg decodes of a file that is cut to the
// frame the pictures of the range, from the first to the last, and no others.
func TestAnExactCutShowsWhatWasAskedFor(t *testing.T) {
	need(t, "ffmpeg")
	for _, rec := range recordings() {
		if rec.name != "h264-cam" && rec.name != "h264-bframes" && rec.name != "h264-vfr-hole" {
			continue
		}
		t.Run(rec.name, func(t *testing.T) {
			whole, parts := rec.make(t)
			stream, kept := shared.keep(t, "cut-"+rec.name, whole)
			begin := kept.from.Add(time.Second) // where keep has put the first picture
			pictures := picturesOf(t, parts[0])
			for _, cut := range [][2]float64{{0, 2000}, {1, 900}, {1300, 3777}, {1320, 1321}, {2999, 5000}, {3000, 3040}, {4100, 60000}} {
				var want []string
				for _, p := range pictures {
					if p.at > cut[0]-1 && p.at < cut[1]-1 {
						want = append(want, p.sum)
					}
				}
				if len(want) == 0 {
					continue // a pause of the camera
				}
				at := func(ms float64) string {
					return url.QueryEscape(begin.Add(time.Duration(ms * float64(time.Millisecond))).UTC().Format(time.RFC3339Nano))
				}
				a := shared.signed(t, http.MethodGet, fmt.Sprintf("%s/millrace/v1/streams/%s/media.mp4?from=%s&to=%s", shared.url, stream, at(cut[0]), at(cut[1])), nil)
				if a.status != http.StatusOK {
					t.Fatalf("from %v to %v ms: %d %s", cut[0], cut[1], a.status, a.message)
				}
				file := filepath.Join(t.TempDir(), "cut.mp4")
				must(t, os.WriteFile(file, a.body, 0o600))
				got := sums(picturesOf(t, file))
				if fmt.Sprint(got) != fmt.Sprint(want) {
					t.Errorf("from %v to %v ms: %d pictures, want %d, the first is it: %t", cut[0], cut[1], len(got), len(want), len(got) > 0 && got[0] == want[0])
				}
			}
		})
	}
}
