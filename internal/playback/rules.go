package playback

import (
	"fmt"
	"slices"
	"strings"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/timeline"
	"github.com/millrace/millrace/media"
)

// A Use is what media are made into.
type Use uint8

// The uses.
const (
	UseFMP4 Use = 1 << iota // HLS with fragmented MP4
	UseTS                   // HLS with transport streams
	UseDASH                 // DASH
	UseClip                 // one MP4 file
)

// Rules say which tracks are played.
type Rules struct {
	// Strict holds playback to the service's own tables: two tracks at most,
	// numbered 1 and 2, of the codecs that it plays, with codec private data as
	// it wants them, and no other codecs or tracks from one fragment to the next.
	// Otherwise whatever the container has a place for is played.
	Strict bool

	// Changes is how often codec private data may change within an HLS session,
	// which ends before the fragment that would be one too many; 0 is no bound.
	Changes int
}

// A Program is the tracks of one format that are played. They are the format's
// own and not changed.
type Program struct {
	Video *timeline.Track // nil: there is only sound
	Audio *timeline.Track // nil: there is no sound that can be played
}

// Tracks lists what there is, the picture first: the first is the track number 1
// of a playback session, the second number 2.
func (p Program) Tracks() []*timeline.Track {
	var list []*timeline.Track
	for _, t := range []*timeline.Track{p.Video, p.Audio} {
		if t != nil {
			list = append(list, t)
		}
	}
	return list
}

// SameMedia reports whether both programs have the same tracks with the same
// codec private data, so that what plays one plays the other.
func (p Program) SameMedia(other Program) bool {
	return sameTrack(p.Video, other.Video, (*timeline.Track).SameMedia) && sameTrack(p.Audio, other.Audio, (*timeline.Track).SameMedia)
}

// SameCodecs reports whether both programs have the same tracks with the same
// codecs; their codec private data may differ.
func (p Program) SameCodecs(other Program) bool {
	same := func(a, b *timeline.Track) bool { return a.Media.Codec == b.Media.Codec }
	return sameTrack(p.Video, other.Video, same) && sameTrack(p.Audio, other.Audio, same)
}

func sameTrack(a, b *timeline.Track, same func(a, b *timeline.Track) bool) bool {
	if a == nil || b == nil {
		return a == b
	}
	return same(a, b)
}

// Admit returns what is played of a format, or why nothing is: an error with
// CodeUnsupportedMedia, CodeMissingPrivateData or CodeInvalidPrivateData, looked for
// in this order.
func (r Rules) Admit(u Use, f *timeline.Format) (Program, error) {
	p, ok := r.choose(u, f)
	if !ok {
		return Program{}, unsupported(f)
	}
	for _, t := range p.Tracks() {
		if needsPrivate(t) && len(t.Media.Private) == 0 {
			return Program{}, millrace.Errorf(millrace.CodeMissingPrivateData,
				"Missing codec private data in fragment for track %d.", t.Media.Number)
		}
	}
	for _, t := range p.Tracks() {
		if err := r.checkPrivate(t); err != nil {
			return Program{}, err
		}
	}
	return p, nil
}

// choose finds the tracks by their codecs.
func (r Rules) choose(u Use, f *timeline.Format) (Program, bool) {
	if r.Strict {
		return chooseStrictly(u, f)
	}
	p := Program{Video: f.First(media.Video), Audio: f.First(media.Audio)}
	if p.Video != nil && !places(u, p.Video) {
		return p, false
	}
	if p.Audio != nil && !places(u, p.Audio) {
		p.Audio = nil // the picture is better than nothing
	}
	return p, p.Video != nil || p.Audio != nil
}

// chooseStrictly finds the tracks in the service's table.
func chooseStrictly(u Use, f *timeline.Format) (p Program, ok bool) {
	combination := [2]media.Codec{}
	for i := range f.Tracks {
		t := &f.Tracks[i]
		n := t.Media.Number
		if n < 1 || n > 2 || combination[n-1] != media.Unknown {
			return p, false
		}
		combination[n-1] = codecOf(t)
		if t.Media.Type == media.Video {
			p.Video = t
		} else {
			p.Audio = t
		}
	}
	for _, row := range serviceTable {
		if row.tracks == combination && row.uses&u != 0 {
			return p, true
		}
	}
	return p, false
}

// codecOf is a track's codec. Where the codec private data should say which one it
// is and do not, it counts as one that is played, so that it is they that are
// found to be wrong.
func codecOf(t *timeline.Track) media.Codec {
	if t.Media.CodecID == waveID && t.Media.Codec == media.Unknown {
		return media.ALaw
	}
	return t.Media.Codec
}

// waveID is the codec id of sound whose codec private data say what it is.
const waveID = "A_MS/ACM"

// places reports whether a container has a place for a track.
func places(u Use, t *timeline.Track) bool {
	return slices.ContainsFunc(containerTable[:], func(row containerRow) bool { return row.codec == t.Media.Codec && row.uses&u != 0 })
}

func needsPrivate(t *timeline.Track) bool { return t.Media.Codec != media.Opus }

// unsupported names the codecs of all tracks, as the service does.
func unsupported(f *timeline.Format) error {
	ids := make([]string, 0, len(f.Tracks))
	for i := range f.Tracks {
		m := &f.Tracks[i].Media
		ids = append(ids, fmt.Sprintf("(track %d: %.60s)", m.Number, m.CodecID))
	}
	return millrace.Errorf(millrace.CodeUnsupportedMedia,
		"The type of the media is not supported or could not be determined from the media codec ids: %s.", strings.Join(ids, ", "))
}

// checkPrivate says what is wrong with the codec private data of a track.
func (r Rules) checkPrivate(t *timeline.Track) error {
	codec, private := codecOf(t), t.Media.Private
	if r.Strict && codec == media.AAC && len(private) != 2 && len(private) != 5 {
		return millrace.Errorf(millrace.CodeInvalidPrivateData, "AAC CPD must be of length 2 or 5, but was %d.", len(private))
	}
	if t.Fault != nil {
		return invalidPrivate(t, t.Fault)
	}
	switch {
	case !r.Strict && codec == t.Media.Codec:
		return nil
	case codec == media.AVC || codec == media.HEVC:
		if private[0] != 1 || media.HasStartCode(private) {
			return invalidPrivate(t, media.ErrInvalid)
		}
	case codec == media.AAC:
		if t.Parameters.Channels == 0 {
			return invalidPrivate(t, media.ErrMissing)
		}
	case codec == media.ALaw || codec == media.MuLaw:
		return checkWave(t)
	}
	return nil
}

func checkWave(t *timeline.Track) error {
	w, err := media.ParseWaveFormat(t.Media.Private)
	if err != nil {
		return invalidPrivate(t, err)
	}
	if c := w.Codec(); c != media.ALaw && c != media.MuLaw || w.BitsPerSample != 8 || w.Channels < 1 || w.Channels > 2 {
		return invalidPrivate(t, media.ErrInvalid)
	}
	return nil
}

func invalidPrivate(t *timeline.Track, err error) error {
	return &millrace.Error{
		Code:    millrace.CodeInvalidPrivateData,
		Message: fmt.Sprintf("Invalid codec private data in fragment for track %d.", t.Media.Number), Err: err,
	}
}
