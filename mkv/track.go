package mkv

import "strconv"

// TrackType is what a track carries.
type TrackType uint8

// The track types of Matroska.
const (
	TrackVideo    TrackType = 0x01
	TrackAudio    TrackType = 0x02
	TrackComplex  TrackType = 0x03
	TrackLogo     TrackType = 0x10
	TrackSubtitle TrackType = 0x11
	TrackButtons  TrackType = 0x12
	TrackControl  TrackType = 0x20
	TrackMetadata TrackType = 0x21
)

// String returns the type's name in lower case, or its number.
func (t TrackType) String() string {
	switch t {
	case TrackVideo:
		return "video"
	case TrackAudio:
		return "audio"
	case TrackComplex:
		return "complex"
	case TrackLogo:
		return "logo"
	case TrackSubtitle:
		return "subtitle"
	case TrackButtons:
		return "buttons"
	case TrackControl:
		return "control"
	case TrackMetadata:
		return "metadata"
	}
	return strconv.Itoa(int(t))
}

// Track is a TrackEntry.
type Track struct {
	Number       uint64 // what blocks refer to; never 0 in good input, but not checked
	UID          uint64
	Type         TrackType
	CodecID      string // without the NULs some writers pad it with
	Name         string // likewise
	CodecName    string // likewise; for people, and often empty
	Language     string // empty means "eng"
	CodecPrivate []byte // nil if there is none
	// DefaultDuration is the time of one frame in nanoseconds, 0 if unknown.
	DefaultDuration uint64
	CodecDelay      uint64 // nanoseconds to subtract from the track's times
	SeekPreRoll     uint64 // nanoseconds to decode ahead of a seek's target
	Video           Video
	Audio           Audio
}

// Video is the Video element of a track, all zero if it has none. Lengths are
// in pixels; 0 means not said.
type Video struct {
	PixelWidth, PixelHeight     uint64
	DisplayWidth, DisplayHeight uint64
}

// Audio is the Audio element of a track, all zero if it has none. Frequencies
// are in Hz.
type Audio struct {
	SamplingFrequency       float64
	OutputSamplingFrequency float64 // 0 means the same as SamplingFrequency
	Channels                uint64
	BitDepth                uint64 // 0 means not said
}

// maxTracks bounds what ParseTracks takes, lest many small elements become
// much memory.
const maxTracks = 256

// ParseTracks reads the payload of a Tracks element. The result does not alias
// data. Unknown children are passed over. A fault is a *SyntaxError, more than
// 256 tracks are ErrTooMany.
func ParseTracks(data []byte) ([]Track, error) {
	var tracks []Track
	err := parseChildren(IDTracks, data, func(e Element) error {
		if e.ID != IDTrackEntry {
			return nil
		}
		if len(tracks) == maxTracks {
			return ErrTooMany
		}
		t, err := parseTrack(e.Data())
		tracks = append(tracks, t)
		return err
	})
	return tracks, err
}

func parseTrack(data []byte) (Track, error) {
	var t Track
	err := parseChildren(IDTrackEntry, data, t.scan)
	return t, err
}

func (t *Track) scan(e Element) error {
	switch e.ID {
	case IDTrackNumber:
		return scanUint(&t.Number, e)
	case IDTrackUID:
		return scanUint(&t.UID, e)
	case IDTrackType:
		return t.scanType(e)
	case IDCodecID:
		return scanString(&t.CodecID, e)
	case IDName:
		return scanString(&t.Name, e)
	case IDCodecName:
		return scanString(&t.CodecName, e)
	case IDLanguage:
		return scanString(&t.Language, e)
	case IDCodecPrivate:
		return scanBytes(&t.CodecPrivate, e)
	case IDDefaultDuration:
		return scanUint(&t.DefaultDuration, e)
	case IDCodecDelay:
		return scanUint(&t.CodecDelay, e)
	case IDSeekPreRoll:
		return scanUint(&t.SeekPreRoll, e)
	case IDVideo:
		return parseChildren(IDVideo, e.Data(), t.Video.scan)
	case IDAudio:
		t.Audio = Audio{SamplingFrequency: 8000, Channels: 1} // Matroska's defaults
		return parseChildren(IDAudio, e.Data(), t.Audio.scan)
	}
	return nil
}

func (t *Track) scanType(e Element) error {
	var v uint64
	if err := scanUint(&v, e); err != nil {
		return err
	}
	if v > 0xFF {
		return ErrBadValue
	}
	t.Type = TrackType(v)
	return nil
}

func (v *Video) scan(e Element) error {
	switch e.ID {
	case IDPixelWidth:
		return scanUint(&v.PixelWidth, e)
	case IDPixelHeight:
		return scanUint(&v.PixelHeight, e)
	case IDDisplayWidth:
		return scanUint(&v.DisplayWidth, e)
	case IDDisplayHeight:
		return scanUint(&v.DisplayHeight, e)
	}
	return nil
}

func (a *Audio) scan(e Element) error {
	switch e.ID {
	case IDSamplingFrequency:
		return scanQuantity(&a.SamplingFrequency, e)
	case IDOutputSamplingFrequency:
		return scanQuantity(&a.OutputSamplingFrequency, e)
	case IDChannels:
		return scanUint(&a.Channels, e)
	case IDBitDepth:
		return scanUint(&a.BitDepth, e)
	}
	return nil
}

// AppendTracks appends a Tracks element.
func AppendTracks(b []byte, tracks []Track) []byte {
	var p []byte
	for _, t := range tracks {
		p = AppendTrack(p, t)
	}
	return AppendBytes(b, IDTracks, p)
}

// AppendTrack appends a TrackEntry. Optional fields with a zero value are left
// out.
func AppendTrack(b []byte, t Track) []byte {
	var p []byte
	p = AppendUint(p, IDTrackNumber, t.Number)
	p = AppendUint(p, IDTrackUID, t.UID)
	p = AppendUint(p, IDTrackType, uint64(t.Type))
	p = appendNonZero(p, IDDefaultDuration, t.DefaultDuration)
	p = appendNonEmpty(p, IDName, t.Name)
	p = appendNonEmpty(p, IDLanguage, t.Language)
	p = AppendString(p, IDCodecID, t.CodecID)
	p = appendNonEmpty(p, IDCodecName, t.CodecName)
	if t.CodecPrivate != nil {
		p = AppendBytes(p, IDCodecPrivate, t.CodecPrivate)
	}
	p = appendNonZero(p, IDCodecDelay, t.CodecDelay)
	p = appendNonZero(p, IDSeekPreRoll, t.SeekPreRoll)
	if t.Video != (Video{}) {
		p = AppendBytes(p, IDVideo, t.Video.append(nil))
	}
	if t.Audio != (Audio{}) {
		p = AppendBytes(p, IDAudio, t.Audio.append(nil))
	}
	return AppendBytes(b, IDTrackEntry, p)
}

func (v Video) append(p []byte) []byte {
	p = AppendUint(p, IDPixelWidth, v.PixelWidth)
	p = AppendUint(p, IDPixelHeight, v.PixelHeight)
	p = appendNonZero(p, IDDisplayWidth, v.DisplayWidth)
	return appendNonZero(p, IDDisplayHeight, v.DisplayHeight)
}

func (a Audio) append(p []byte) []byte {
	p = AppendFloat(p, IDSamplingFrequency, a.SamplingFrequency)
	if a.OutputSamplingFrequency != 0 {
		p = AppendFloat(p, IDOutputSamplingFrequency, a.OutputSamplingFrequency)
	}
	p = AppendUint(p, IDChannels, a.Channels)
	return appendNonZero(p, IDBitDepth, a.BitDepth)
}

func appendNonZero(p []byte, id ElementID, v uint64) []byte {
	if v == 0 {
		return p
	}
	return AppendUint(p, id, v)
}

func appendNonEmpty(p []byte, id ElementID, s string) []byte {
	if s == "" {
		return p
	}
	return AppendString(p, id, s)
}
