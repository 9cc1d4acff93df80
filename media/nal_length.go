package media

// LengthSize returns how many bytes of length stand in front of each NAL unit of
// AVC or HEVC frames with these codec private data: 1 to 4. It is 0 for other
// codecs, and where private data in Annex B form, or none, do not tell. It looks
// at no more than that: [Track.Parameters] checks the whole record.
func LengthSize(codec Codec, private []byte) int {
	const avcRecordHead = 7
	switch {
	case codec == AVC && len(private) >= avcRecordHead && private[0] == 1:
		return int(private[4]&3) + 1
	case codec == HEVC && len(private) >= hevcRecordHead && private[0] == 1:
		return int(private[21]&3) + 1
	}
	return 0
}
