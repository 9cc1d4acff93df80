package producer

import (
	"fmt"
	"strings"

	"github.com/millrace/millrace/media"
)

// A Playback is a set of ways to watch a stream, other than reading its media
// as they were sent, which is always possible.
type Playback uint8

// The ways.
const (
	PlayHLS   Playback = 1 << iota // HLS with fragmented MP4
	PlayHLSTS                      // HLS with MPEG transport streams
	PlayDASH                       // DASH
	PlayClip                       // MP4 files

	playAll = PlayHLS | PlayHLSTS | PlayDASH | PlayClip
)

// String lists the ways, such as "HLS, DASH".
func (p Playback) String() string {
	var names []string
	for i, name := range [...]string{"HLS", "HLS with transport streams", "DASH", "clips"} {
		if p&(1<<i) != 0 {
			names = append(names, name)
		}
	}
	return strings.Join(names, ", ")
}

// UnplayableError says which ways of watching a stream there will not be. It is
// an [ErrUnplayable].
type UnplayableError struct {
	// AWS says that the table is that of Amazon Kinesis Video Streams, and of a
	// server with strict playback; else it is Millrace's.
	AWS bool
	// Ways are those that there will not be.
	Ways Playback
	// Part names what is in their way, such as "codec vp9".
	Part string
}

// Error reports server, ways and reason.
func (e *UnplayableError) Error() string {
	server := "Millrace"
	if e.AWS {
		server = "Amazon Kinesis Video Streams"
	}
	return fmt.Sprintf("not playable from %s as %v: %s", server, e.Ways, e.Part)
}

// Unwrap returns ErrUnplayable.
func (e *UnplayableError) Unwrap() error { return ErrUnplayable }

// unplayable lists what nobody will be able to play of a stream with those
// tracks: one notice at most for each kind of server and each track. It looks at
// codec private data where there are any, so it may be asked when a stream is
// opened and again when all tracks are known. Streams of data alone are not
// meant to be played.
func unplayable(tracks []media.Track) []error {
	var notices []error
	add := func(track media.TrackNumber, aws bool, ways Playback, part string) {
		if ways != 0 {
			notices = append(notices, &Notice{Track: track, Err: &UnplayableError{AWS: aws, Ways: ways, Part: part}})
		}
	}
	if onlyData(tracks) {
		return nil
	}
	for i := range tracks {
		t := &tracks[i]
		if t.Type == media.Video || t.Type == media.Audio {
			add(t.Number, false, playAll&^played(t.Codec), "codec "+codecName(t))
		}
		if part := privateFault(t); part != "" {
			add(t.Number, true, playAll, part)
		}
	}
	add(0, true, playAll&^playedByAWS(tracks), combination(tracks))
	return notices
}

func onlyData(tracks []media.Track) bool {
	for i := range tracks {
		if tracks[i].Type == media.Video || tracks[i].Type == media.Audio {
			return false
		}
	}
	return true
}

func codecName(t *media.Track) string {
	if t.Codec == media.Unknown {
		return t.CodecID
	}
	return t.Codec.String()
}

// played is how Millrace plays a codec.
func played(codec media.Codec) Playback {
	switch codec {
	case media.AVC, media.AAC:
		return playAll
	case media.HEVC, media.AV1, media.Opus, media.ALaw, media.MuLaw:
		return PlayHLS | PlayDASH | PlayClip
	default:
		return 0
	}
}

// playedByAWS is how the service plays tracks together: the picture is number 1,
// the sound number 2, or 1 alone.
func playedByAWS(tracks []media.Track) Playback {
	var codecs [2]media.Codec
	for i := range tracks {
		n := tracks[i].Number
		if n < 1 || n > 2 || codecs[n-1] != media.Unknown || tracks[i].Codec == media.Unknown {
			return 0
		}
		codecs[n-1] = tracks[i].Codec
	}
	switch codecs {
	case [2]media.Codec{media.AVC}, [2]media.Codec{media.AVC, media.AAC}:
		return playAll
	case [2]media.Codec{media.HEVC}, [2]media.Codec{media.HEVC, media.AAC}:
		return PlayHLS | PlayDASH | PlayClip
	case [2]media.Codec{media.AVC, media.ALaw}:
		return PlayDASH | PlayClip
	case [2]media.Codec{media.AVC, media.MuLaw}:
		return PlayDASH
	case [2]media.Codec{media.AAC}:
		return PlayHLS | PlayHLSTS | PlayDASH
	default:
		return 0
	}
}

// combination describes tracks, such as "track 1 avc, track 2 opus".
func combination(tracks []media.Track) string {
	parts := make([]string, len(tracks))
	for i := range tracks {
		parts[i] = fmt.Sprintf("track %d %s", tracks[i].Number, codecName(&tracks[i]))
	}
	return strings.Join(parts, ", ")
}

// privateFault names what the service has against codec private data that can
// be read.
func privateFault(t *media.Track) string {
	switch n := len(t.Private); {
	case n == 0:
		return ""
	case t.Codec == media.AAC && n != 2 && n != 5:
		return fmt.Sprintf("%d bytes of AudioSpecificConfig, not 2 or 5", n)
	case (t.Codec == media.ALaw || t.Codec == media.MuLaw) && t.Channels > 2:
		return fmt.Sprintf("%d channels of %v", t.Channels, t.Codec)
	default:
		return ""
	}
}

// declared lists the tracks as far as they are known.
func (p *packager) declared() []media.Track {
	list := make([]media.Track, len(p.tracks))
	for i, t := range p.tracks {
		list[i], _ = t.shape.track()
	}
	return list
}
