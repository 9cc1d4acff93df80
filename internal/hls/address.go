package hls

import "strconv"

// The file names of a session, below its path. Their extensions count: players
// refuse segments without.
const (
	MasterName  = "getHLSMasterPlaylist.m3u8"
	MediaName   = "getHLSMediaPlaylist.m3u8"
	InitName    = "getMP4InitFragment.mp4"
	SegmentName = "getMP4MediaFragment.mp4"
	TSName      = "getTSFragment.ts"
)

// appendMedia appends the address of the playlist of a track.
func appendMedia(dst []byte, token string, track int) []byte {
	dst = append(dst, MediaName+"?SessionToken="...)
	dst = append(dst, token...)
	return appendTrack(dst, track)
}

// appendInit appends the address of a track's initialization segment.
func appendInit(dst []byte, token string, track, generation int) []byte {
	dst = append(dst, InitName+"?SessionToken="...)
	dst = append(dst, token...)
	dst = appendTrack(dst, track)
	dst = append(dst, "&SequenceNumber="...)
	return strconv.AppendInt(dst, int64(generation), 10)
}

// appendSegment appends the address of the segment of an entry.
func appendSegment(dst []byte, e *Entry, r *Rendition) []byte {
	name := SegmentName
	if r.Container == MPEGTS {
		name = TSName
	}
	dst = append(dst, name...)
	dst = append(dst, "?FragmentNumber="...)
	dst = e.Number.Append(dst)
	dst = append(dst, "&SessionToken="...)
	dst = append(dst, r.Token...)
	if r.Container == MPEGTS {
		return dst
	}
	return appendTrack(dst, r.Track)
}

func appendTrack(dst []byte, track int) []byte {
	dst = append(dst, "&TrackNumber="...)
	return strconv.AppendInt(dst, int64(track)+1, 10)
}
