package decode

import (
	"github.com/millrace/millrace/consumer"
	"github.com/millrace/millrace/media"
)

// usualReordering is how many pictures encoders reorder, unless they are told to
// reorder more.
const usualReordering = 2

// promptly says how the child is to get at the picture of a key frame that no
// others follow, seconds or groups of pictures away from the next one. A decoder of
// H.264 or H.265 keeps pictures back as long as the stream says that others may
// have to be shown before them, and tells their order by numbers that wrap around.
//
// An IDR picture begins both anew, so it ends what came before: it follows upon
// itself, and what is made of these echoes has no time that is known, and is
// dropped. The key frames of open groups do not, and get a run of their own. If
// there is a Flush soon anyhow, nothing has to be prompt.
func (p *packet) promptly(track *media.Track, f consumer.Frame, patient bool) {
	if track.Codec != media.AVC && track.Codec != media.HEVC {
		return
	}
	switch f.Format = track; {
	case !beginsAnew(f):
		p.alone = startable(track, f)
	case !patient:
		p.echoes = usualReordering
	}
}

// startable reports whether a decoder can begin with a key frame: the parameter
// sets are in the private data or in the frame. Some producers send them once.
func startable(track *media.Track, f consumer.Frame) bool {
	if track.Codec != media.AVC && track.Codec != media.HEVC {
		return true
	}
	return len(track.Private) > 0 || media.Inspect(track.Codec, f.Data, 0).ParameterSets
}

// beginsAnew reports whether a frame is an IDR picture.
func beginsAnew(f consumer.Frame) bool {
	const idrWRADL, idrNLP = 19, 20 // of H.265
	for unit := range f.Units() {
		info, ok := media.InspectUnit(f.Format.Codec, unit)
		if !ok || info.Kind != media.UnitSlice {
			continue
		}
		kind := unit[0] >> 1 & 0x3f
		return info.Key && (f.Format.Codec == media.AVC || kind == idrWRADL || kind == idrNLP)
	}
	return true // of nothing that could be kept back
}
