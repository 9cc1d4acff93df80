package hls

import "github.com/millrace/millrace/internal/timeline"

// change reports whether f needs codec private data other than those of the
// newest entry, and whether the media take another form besides. A track that
// is missing changes nothing, nor one that is met for the first time.
func (w *Window) change(f *Facts) (changed, formed bool) {
	if len(w.inits) == 0 {
		return false, false
	}
	now := w.inits[len(w.inits)-1]
	for i := range f.Tracks {
		was, is := now[i], f.Tracks[i].Track
		if was == nil || is == nil || was == is || was.SameMedia(is) {
			continue
		}
		changed = true
		formed = formed || !sameForm(was, is)
	}
	return changed, formed
}

// adopt lets f be decoded with the newest generation, or begins one with it.
func (w *Window) adopt(f *Facts, changed bool) {
	if len(w.inits) == 0 || changed {
		fresh := new(setup)
		if len(w.inits) > 0 {
			*fresh = *w.inits[len(w.inits)-1]
		}
		w.inits = append(w.inits, fresh)
	}
	now := w.inits[len(w.inits)-1]
	for i := range f.Tracks {
		if is := f.Tracks[i].Track; is != nil && (changed || now[i] == nil) {
			now[i] = is
			w.private += int64(len(is.Media.Private))
		}
	}
}

// forget lets go of what no entry is decoded with any more: a live session may see
// as many changes as fragments.
func (w *Window) forget() {
	for len(w.entries) > 0 && w.forgotten < w.entries[0].Generation {
		gone, next := w.inits[w.forgotten], w.inits[w.forgotten+1]
		for i, t := range gone {
			if t != nil && t != next[i] {
				w.private -= int64(len(t.Media.Private))
			}
		}
		w.inits[w.forgotten] = nil
		w.forgotten++
	}
}

// Private is how many bytes of codec private data the window holds.
func (w *Window) Private() int64 { return w.private }

func sameForm(a, b *timeline.Track) bool {
	p, q := &a.Parameters, &b.Parameters
	return a.Media.Codec == b.Media.Codec && a.Media.CodecID == b.Media.CodecID &&
		p.Width == q.Width && p.Height == q.Height &&
		p.SampleRate == q.SampleRate && p.Channels == q.Channels && a.Timescale == b.Timescale
}
