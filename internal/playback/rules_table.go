package playback

import "github.com/millrace/millrace/media"

// A serviceRow is a combination of tracks that the service plays.
type serviceRow struct {
	tracks [2]media.Codec // by track number; Unknown: there is none
	uses   Use
}

// serviceTable is all that the service plays.
var serviceTable = [...]serviceRow{
	{[2]media.Codec{media.AVC}, UseFMP4 | UseTS | UseDASH | UseClip},
	{[2]media.Codec{media.AVC, media.AAC}, UseFMP4 | UseTS | UseDASH | UseClip},
	{[2]media.Codec{media.AVC, media.ALaw}, UseDASH | UseClip},
	{[2]media.Codec{media.AVC, media.MuLaw}, UseDASH},
	{[2]media.Codec{media.HEVC}, UseFMP4 | UseDASH | UseClip},
	{[2]media.Codec{media.HEVC, media.AAC}, UseFMP4 | UseDASH | UseClip},
	{[2]media.Codec{media.AAC}, UseFMP4 | UseTS | UseDASH},
}

// A containerRow is a codec and what it has a place in.
type containerRow struct {
	codec media.Codec
	uses  Use
}

// containerTable is all that can be played.
var containerTable = [...]containerRow{
	{media.AVC, UseFMP4 | UseTS | UseDASH | UseClip},
	{media.HEVC, UseFMP4 | UseDASH | UseClip},
	{media.AV1, UseFMP4 | UseDASH | UseClip},
	{media.AAC, UseFMP4 | UseTS | UseDASH | UseClip},
	{media.Opus, UseFMP4 | UseDASH | UseClip},
	{media.ALaw, UseFMP4 | UseDASH | UseClip},
	{media.MuLaw, UseFMP4 | UseDASH | UseClip},
}
