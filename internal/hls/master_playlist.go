package hls

import "strconv"

// A Master is what a master playlist says: one variant, with the sound as a
// rendition of its own if there is a picture and segments are fragmented MP4. A
// second one without the sound is for players that cannot play that. It does not
// change within a session.
type Master struct {
	Container     Container
	Token         string   // of the session
	Codecs        []string // RFC 6381, by TrackNumber; those that have no name are empty
	Width, Height int      // of the picture in pixels, after cropping; 0 without one
	FrameRate     int64    // thousandths of a frame a second, as measured; 0 is not said
	Bandwidth     int64    // bits a second, see Measure
	Silent        int64    // bits a second of the variant without sound; 0: there is none
	Channels      int      // of the sound; 0 is not said
}

// group names the one group of renditions, and the one rendition in it.
const group = `"audio"`

// Append appends the master playlist.
func (m *Master) Append(dst []byte) []byte {
	dst = append(dst, "#EXTM3U\n#EXT-X-VERSION:1\n"...)
	apart := m.Container == FragmentedMP4 && len(m.Codecs) > 1
	if apart {
		dst = m.appendSound(dst)
	}
	dst = m.appendVariant(dst, m.Codecs, m.Bandwidth, apart)
	if apart && m.Silent > 0 {
		dst = m.appendVariant(dst, m.Codecs[:1], m.Silent, false)
	}
	return dst
}

// appendVariant appends the session in some of its codecs.
func (m *Master) appendVariant(dst []byte, codecs []string, bandwidth int64, sound bool) []byte {
	dst = append(dst, "#EXT-X-STREAM-INF:"...)
	dst = appendCodecs(dst, codecs)
	if m.Width > 0 && m.Height > 0 {
		dst = append(dst, "RESOLUTION="...)
		dst = strconv.AppendInt(dst, int64(m.Width), 10)
		dst = append(dst, 'x')
		dst = strconv.AppendInt(dst, int64(m.Height), 10)
		dst = append(dst, ',')
		if m.FrameRate > 0 {
			dst = append(dst, "FRAME-RATE="...)
			dst = appendThousandths(dst, m.FrameRate, 2)
			dst = append(dst, ',')
		}
	}
	dst = append(dst, "BANDWIDTH="...)
	dst = strconv.AppendInt(dst, max(bandwidth, 1), 10)
	if sound {
		dst = append(dst, ",AUDIO="+group...)
	}
	dst = append(dst, '\n')
	dst = appendMedia(dst, m.Token, 0)
	return append(dst, '\n')
}

// appendSound appends the sound's rendition. It says DEFAULT=YES, where the
// service says NO, for players that choose nothing by themselves; and no
// FORCED, which is for subtitles.
func (m *Master) appendSound(dst []byte) []byte {
	dst = append(dst, "#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="+group+",NAME="+group+",AUTOSELECT=YES,DEFAULT=YES,"...)
	if m.Channels > 0 {
		dst = append(dst, `CHANNELS="`...)
		dst = strconv.AppendInt(dst, int64(m.Channels), 10)
		dst = append(dst, `",`...)
	}
	dst = append(dst, `URI="`...)
	dst = appendMedia(dst, m.Token, 1)
	return append(dst, "\"\n"...)
}

// appendCodecs appends the codecs, unless one of them has no name: what is there
// must be complete.
func appendCodecs(dst []byte, codecs []string) []byte {
	for _, c := range codecs {
		if c == "" {
			return dst
		}
	}
	if len(codecs) == 0 {
		return dst
	}
	dst = append(dst, `CODECS="`...)
	for i, c := range codecs {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, c...)
	}
	return append(dst, `",`...)
}
