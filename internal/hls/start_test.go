package hls_test

import (
	"strings"
	"testing"

	"github.com/millrace/millrace/internal/hls"
)

// The newest of five fragments of 2 s arrived from 10 s to 12 s, by the server's
// clock.
func TestPlayersBeginBehindThePresent(t *testing.T) {
	for name, tc := range map[string]struct {
		now       float64
		fragments int
		settings  hls.Settings
		want      string
	}{
		"three target durations behind an end that is now": {12, 5, hls.Settings{FromNow: true}, "-6"},
		"nearer to an end that is older":                   {13.25, 5, hls.Settings{FromNow: true}, "-4.75"},
		"never nearer than two":                            {60, 5, hls.Settings{FromNow: true}, "-4"},
		"nor farther than three":                           {11, 5, hls.Settings{FromNow: true}, "-6"},
		"nowhere in a list that is too short":              {4, 1, hls.Settings{FromNow: true}, ""},
		"nowhere if that is not asked for":                 {12, 5, hls.Settings{}, ""},
		"nowhere in what is played on demand":              {12, 5, hls.Settings{FromNow: true, Mode: hls.OnDemand}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			tc.settings.Limit = 5
			w := hls.NewWindow(tc.settings)
			w.Extend(after(tc.now), series(1, tc.fragments), true)
			_, got, _ := strings.Cut(string(w.AppendMedia(nil, hls.Rendition{})), "#EXT-X-START:TIME-OFFSET=")
			if got, _, _ = strings.Cut(got, "\n"); got != tc.want {
				t.Errorf("it begins at %q, want %q", got, tc.want)
			}
		})
	}
}
