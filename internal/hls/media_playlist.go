package hls

import (
	"strconv"
	"time"
)

// Protocol versions of media playlists: initialization segments outside of
// I-frame playlists need 6, and the service says 7; decimal durations need 3.
// Gaps came with 8.
const (
	versionMP4  = "7"
	versionTS   = "3"
	versionGaps = "8"
)

// entrySize is about how many bytes an entry takes without its token.
const entrySize = 192

// A Rendition is one of the media playlists of a session.
type Rendition struct {
	Container  Container
	Track      int    // from 0; 0 for MPEGTS, whose segments have all tracks
	Token      string // of the session, in characters that addresses need not escape
	Timestamps bool   // every entry says its start on the session's clock
}

// AppendMedia appends the media playlist of a rendition. It may be asked for any
// number of times between two calls of Extend, by any number of goroutines.
func (w *Window) AppendMedia(dst []byte, r Rendition) []byte {
	if r.Container == MPEGTS {
		r.Track = 0
	}
	listed := w.Listed()
	dst = reserve(dst, (len(listed)+2)*(entrySize+len(r.Token)))
	dst = w.appendHead(dst, &r)
	for i := range listed {
		e := &listed[i]
		if e.Discontinuity {
			dst = append(dst, "#EXT-X-DISCONTINUITY\n"...)
		}
		if r.Container == FragmentedMP4 && (i == 0 || e.Generation != listed[i-1].Generation) {
			dst = append(dst, `#EXT-X-MAP:URI="`...)
			dst = appendInit(dst, r.Token, r.Track, e.Generation)
			dst = append(dst, "\"\n"...)
		}
		dst = appendEntry(dst, e, &r)
	}
	if w.Ended() {
		dst = append(dst, "#EXT-X-ENDLIST\n"...)
	}
	return dst
}

func (w *Window) appendHead(dst []byte, r *Rendition) []byte {
	version := versionMP4
	if r.Container == MPEGTS {
		version = versionTS
	}
	for i := range w.Listed() {
		if r.isGap(&w.Listed()[i]) {
			version = versionGaps
		}
	}
	dst = append(dst, "#EXTM3U\n#EXT-X-VERSION:"...)
	dst = append(dst, version...)
	if w.settings.Mode == OnDemand {
		dst = append(dst, "\n#EXT-X-PLAYLIST-TYPE:VOD"...)
	}
	dst = append(dst, "\n#EXT-X-TARGETDURATION:"...)
	dst = strconv.AppendInt(dst, w.target, 10)
	sequence, before, marked := w.numbers()
	dst = append(dst, "\n#EXT-X-MEDIA-SEQUENCE:"...)
	dst = strconv.AppendUint(dst, sequence, 10)
	if marked && w.settings.Mode != OnDemand {
		dst = append(dst, "\n#EXT-X-DISCONTINUITY-SEQUENCE:"...)
		dst = strconv.AppendUint(dst, before, 10)
	}
	if r.Container == FragmentedMP4 {
		dst = append(dst, "\n#EXT-X-INDEPENDENT-SEGMENTS"...)
	}
	dst = w.appendStart(dst)
	return append(dst, '\n')
}

// numbers are those of the first entry, and whether the session has had any
// discontinuity. An entry owns the tag before it, so what has left the playlist
// is what counts.
func (w *Window) numbers() (sequence, before uint64, marked bool) {
	listed := w.Listed()
	if len(listed) == 0 {
		return 1, 0, false
	}
	last := &listed[len(listed)-1]
	return listed[0].Sequence, listed[0].before, last.Discontinuity || last.before > 0
}

// isGap reports whether players cannot have an entry, because it is damaged or
// because the fragment has nothing of the track.
func (r *Rendition) isGap(e *Entry) bool {
	return e.Gap || r.Container == FragmentedMP4 && !e.Tracks[r.Track].plays()
}

// appendEntry appends what stands between an entry's discontinuity and map and
// the next entry. A gap lasts as long as what is missing.
func appendEntry(dst []byte, e *Entry, r *Rendition) []byte {
	if r.Timestamps {
		dst = append(dst, "#EXT-X-PROGRAM-DATE-TIME:"...)
		dst = appendTime(dst, e.Start)
		dst = append(dst, '\n')
	}
	if r.isGap(e) {
		dst = append(dst, "#EXT-X-GAP\n"...)
	}
	dst = append(dst, "#EXTINF:"...)
	dst = appendThousandths(dst, e.millis(r.Track), 0)
	dst = append(dst, ",\n"...)
	dst = appendSegment(dst, e, r)
	return append(dst, '\n')
}

// appendTime appends a time in UTC with milliseconds.
func appendTime(dst []byte, t time.Time) []byte {
	return t.UTC().AppendFormat(dst, "2006-01-02T15:04:05.000Z")
}

// appendThousandths appends n thousandths as a decimal number, without the zeros
// at its end beyond the first digits of them.
func appendThousandths(dst []byte, n int64, digits int) []byte {
	dst = strconv.AppendInt(dst, n/1000, 10)
	part := [...]byte{'.', byte('0' + n/100%10), byte('0' + n/10%10), byte('0' + n%10)}
	keep := len(part)
	for keep > 1+digits && part[keep-1] == '0' {
		keep--
	}
	if keep == 1 {
		return dst
	}
	return append(dst, part[:keep]...)
}

// reserve makes room for n more bytes.
func reserve(dst []byte, n int) []byte {
	if cap(dst)-len(dst) >= n {
		return dst
	}
	return append(make([]byte, 0, len(dst)+n), dst...)
}
