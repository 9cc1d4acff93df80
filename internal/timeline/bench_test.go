package timeline_test

import (
	"testing"

	"github.com/millrace/millrace/internal/timeline"
)

// A fragment of two seconds, 30 frames a second, whose times are rounded.
func benchFragment() []int32 {
	var times []int32
	for i := range int32(60) {
		times = append(times, i*1000/30)
	}
	return times
}

func BenchmarkSpan(b *testing.B) {
	track, f := video(0), fragmentOf(benchFragment()...)
	b.ReportAllocs()
	for b.Loop() {
		track.Span(f, timeline.Hint{})
	}
}

func BenchmarkRun(b *testing.B) {
	track, f := video(0), fragmentOf(benchFragment()...)
	b.ReportAllocs()
	for b.Loop() {
		track.Run(f, timeline.Hint{})
	}
}
