package hls

import "time"

// A Measurement is what a session's first fragments say of it; all is 0 if there
// is nothing to be measured.
type Measurement struct {
	Bandwidth int64 // bits a second, at the peak and a tenth more
	First     int64 // of the first track alone
	FrameRate int64 // of the first track, in thousandths of a frame a second
}

// Measure measures a session by its first fragments.
func Measure(first []Facts) (m Measurement) {
	var frames int64
	var lasted time.Duration
	for i := range first {
		var rate int64
		for k := range first[i].Tracks {
			t := &first[i].Tracks[k]
			ms := t.millis()
			if ms == 0 {
				continue
			}
			rate += t.Span.Bytes * 8 * 1000 / ms
			if k == 0 {
				frames += int64(t.Span.Samples)
				lasted += t.length()
				m.First = max(m.First, rate)
			}
		}
		m.Bandwidth = max(m.Bandwidth, rate)
	}
	if lasted > 0 {
		m.FrameRate = (frames*int64(time.Second)*1000 + int64(lasted)/2) / int64(lasted)
	}
	m.Bandwidth, m.First = m.Bandwidth*11/10, m.First*11/10
	return m
}

// millis is how long the samples last in a playlist, 0 if there are none.
func (t *Timed) millis() int64 {
	if !t.plays() {
		return 0
	}
	return toMillis(t.length())
}
