package mkv

// fileTrack follows the times of a track's blocks, for the duration of a file.
type fileTrack struct {
	number      uint64
	video       bool
	frame       int64 // ticks of one frame, 0 if it is not known
	seen        bool
	first, last int64 // least and greatest time
	gap         int64 // between the two greatest times
}

func newFileTrack(t Track, scale uint64) fileTrack {
	return fileTrack{number: t.Number, video: t.Type == TrackVideo, frame: int64(t.DefaultDuration / scale)}
}

// add notes a block.
func (t *fileTrack) add(time int64) {
	if !t.seen {
		t.seen, t.first, t.last = true, time, time
		return
	}
	t.first = min(t.first, time)
	if time > t.last {
		t.gap, t.last = time-t.last, time
	}
}

// end returns the time at which the last frame is over.
func (t *fileTrack) end() int64 {
	if t.frame > 0 {
		return t.last + t.frame
	}
	return t.last + t.gap
}

// duration returns the ticks from the first block to the end of the last.
func duration(tracks []fileTrack) float64 {
	var first, end int64
	seen := false
	for _, t := range tracks {
		if !t.seen {
			continue
		}
		if !seen {
			seen, first, end = true, t.first, t.end()
		}
		first, end = min(first, t.first), max(end, t.end())
	}
	return float64(end - first)
}
