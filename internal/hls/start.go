package hls

import "time"

// Bounds of where a player begins in a live list, in target durations before its
// end.
const (
	usualStart   = 3 // where players begin that are told nothing, and never earlier than that
	nearestStart = 2 // so that one that was slow to begin does not run into the end
)

// appendStart appends EXT-X-START, which has players begin as far behind the
// present as they would otherwise begin behind the end of the list. That end is
// as old as the newest fragment, and players do not know how old that is.
func (w *Window) appendStart(dst []byte) []byte {
	listed := w.Listed()
	if !w.settings.FromNow || w.settings.Mode != Live || len(listed) == 0 {
		return dst
	}
	last := &listed[len(listed)-1]
	age := w.now.Sub(last.Number.ServerTime().Add(last.length()))
	offset := usualStart*w.TargetDuration() - age
	offset = min(max(offset, nearestStart*w.TargetDuration()), usualStart*w.TargetDuration())
	if offset > w.length {
		return dst
	}
	dst = append(dst, "\n#EXT-X-START:TIME-OFFSET=-"...)
	return appendThousandths(dst, offset.Milliseconds(), 0)
}

// shownAt notes the time of a rendering.
func (w *Window) shownAt(now time.Time) {
	if now.After(w.now) {
		w.now = now
	}
}
