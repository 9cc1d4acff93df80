package producer

import (
	"errors"
	"slices"
	"testing"

	"github.com/millrace/millrace/media"
)

// What cannot be played is said by the tables of the servers.
func TestWhatCannotBePlayedIsNamed(t *testing.T) {
	t.Parallel()
	const all = "HLS, HLS with transport streams, DASH, clips"
	track := func(number media.TrackNumber, codec media.Codec) media.Track {
		return media.Track{Number: number, Codec: codec, CodecID: codec.CodecID(), Type: codec.Type()}
	}
	wide := track(1, media.AAC)
	wide.Private = []byte{0x13, 0x10, 0x56, 0xe5}
	loud := track(2, media.ALaw)
	loud.Private, loud.Channels = unhex(t, "0600 0300 401f0000 401f0000 0300 0800 0000"), 3
	theora := media.Track{Number: 1, Type: media.Video, CodecID: "V_THEORA"}
	for name, tc := range map[string]struct {
		tracks []media.Track
		want   []string
	}{
		"a camera":           {[]media.Track{track(1, media.AVC)}, nil},
		"a camera and sound": {[]media.Track{track(1, media.AVC), track(2, media.AAC)}, nil},
		"data alone":         {[]media.Track{track(1, media.Data), track(2, media.Data)}, nil},
		"nothing":            {nil, nil},
		"H.265": {[]media.Track{track(1, media.HEVC)}, []string{
			"track 1: not playable from Millrace as HLS with transport streams: codec hevc",
			"tracks: not playable from Amazon Kinesis Video Streams as HLS with transport streams: track 1 hevc",
		}},
		"VP9": {[]media.Track{track(1, media.VP9)}, []string{
			"track 1: not playable from Millrace as " + all + ": codec vp9",
			"tracks: not playable from Amazon Kinesis Video Streams as " + all + ": track 1 vp9",
		}},
		"what has no name here": {[]media.Track{theora}, []string{
			"track 1: not playable from Millrace as " + all + ": codec V_THEORA",
			"tracks: not playable from Amazon Kinesis Video Streams as " + all + ": track 1 V_THEORA",
		}},
		"mu-law": {[]media.Track{track(1, media.AVC), track(2, media.MuLaw)}, []string{
			"track 2: not playable from Millrace as HLS with transport streams: codec mulaw",
			"tracks: not playable from Amazon Kinesis Video Streams as HLS, HLS with transport streams, clips: track 1 avc, track 2 mulaw",
		}},
		"sound before pictures": {[]media.Track{track(2, media.AVC), track(1, media.AAC)}, []string{
			"tracks: not playable from Amazon Kinesis Video Streams as " + all + ": track 2 avc, track 1 aac",
		}},
		"data beside pictures": {[]media.Track{track(1, media.AVC), track(3, media.Data)}, []string{
			"tracks: not playable from Amazon Kinesis Video Streams as " + all + ": track 1 avc, track 3 data",
		}},
		"a configuration of four bytes": {[]media.Track{wide}, []string{
			"track 1: not playable from Amazon Kinesis Video Streams as " + all + ": 4 bytes of AudioSpecificConfig, not 2 or 5",
			"tracks: not playable from Amazon Kinesis Video Streams as clips: track 1 aac",
		}},
		"three channels of G.711": {[]media.Track{track(1, media.AVC), loud}, []string{
			"track 2: not playable from Millrace as HLS with transport streams: codec alaw",
			"track 2: not playable from Amazon Kinesis Video Streams as " + all + ": 3 channels of alaw",
			"tracks: not playable from Amazon Kinesis Video Streams as HLS, HLS with transport streams: track 1 avc, track 2 alaw",
		}},
	} {
		var got []string
		for _, err := range unplayable(tc.tracks) {
			var n *Notice
			var details *UnplayableError
			if !errors.Is(err, ErrUnplayable) || !errors.As(err, &n) || !errors.As(err, &details) || details.Ways == 0 {
				t.Errorf("%s: %v", name, err)
			}
			got = append(got, err.Error())
		}
		if !slices.Equal(got, tc.want) {
			t.Errorf("%s:\n%q, want\n%q", name, got, tc.want)
		}
	}
}
