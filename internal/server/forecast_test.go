package server

import (
	"math"
	"testing"
	"time"
)

func TestTheForecastGoesByTheRate(t *testing.T) {
	const mb = 1 << 20
	for _, c := range []struct {
		name    string
		samples []diskSample
		want    float64
	}{
		{"nothing is known", nil, math.NaN()},
		{"too little is known", []diskSample{{0, 0, 100 * mb}, {time.Minute, mb, 99 * mb}}, math.NaN()},
		{"it fills", []diskSample{{0, 0, 100 * mb}, {10 * time.Minute, 10 * mb, 90 * mb}}, 90 * 60},
		{"it stands", []diskSample{{0, mb, 100 * mb}, {time.Hour, mb, 100 * mb}}, math.Inf(1)},
		{"it empties", []diskSample{{0, 2 * mb, 100 * mb}, {time.Hour, mb, 101 * mb}}, math.Inf(1)},
		{"it is full", []diskSample{{0, mb, 0}}, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			var f forecast
			for _, s := range c.samples {
				f.note(s)
			}
			if got := f.seconds(); got != c.want && !(math.IsNaN(got) && math.IsNaN(c.want)) {
				t.Errorf("full in %v s, want %v", got, c.want)
			}
		})
	}
}

func TestTheForecastRemembersHoursAndNotMore(t *testing.T) {
	var f forecast
	for i := range 3 * maxSamples {
		f.note(diskSample{at: time.Duration(i) * time.Minute, used: int64(i), left: 1000})
	}
	if len(f.samples) != maxSamples || f.samples[0].at != 2*maxSamples*time.Minute {
		t.Errorf("%d samples from %v on", len(f.samples), f.samples[0].at)
	}
}
