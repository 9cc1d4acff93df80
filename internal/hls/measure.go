package hls

import "time"

// Measure returns what a master playlist says of the session's first fragments:
// the bandwidth in bits a second, which is the peak and a tenth more, and the
// frame rate of the first track in thousandths of a frame a second. Both are 0
// if there is nothing to be measured.
func Measure(first []Facts) (bandwidth, frameRate int64) {
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
			}
		}
		bandwidth = max(bandwidth, rate)
	}
	if lasted > 0 {
		frameRate = (frames*int64(time.Second)*1000 + int64(lasted)/2) / int64(lasted)
	}
	return bandwidth * 11 / 10, frameRate
}

// millis is how long the samples last in a playlist, 0 if there are none.
func (t *Timed) millis() int64 {
	if !t.plays() {
		return 0
	}
	return toMillis(t.length())
}
