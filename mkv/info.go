package mkv

import (
	"cmp"
	"time"
)

// DefaultTimecodeScale is a millisecond per tick.
const DefaultTimecodeScale = 1_000_000

// Info is what a Segment says about itself.
type Info struct {
	// TimecodeScale is the length of a tick in nanoseconds. ParseInfo never
	// returns 0; AppendInfo takes 0 as DefaultTimecodeScale.
	TimecodeScale uint64
	// Duration is the Segment's length in ticks, 0 if it is not known.
	Duration float64
	// SegmentUID has 16 bytes, or none if there is none. It is not checked.
	SegmentUID []byte
	// DateUTC is when the Segment was made; zero if that is not said.
	DateUTC    time.Time
	Title      string
	MuxingApp  string
	WritingApp string
}

// ParseInfo reads the payload of an Info element. The result does not alias
// data. Unknown children are passed over; a fault is a *SyntaxError, a
// TimecodeScale of zero is ErrBadValue.
func ParseInfo(data []byte) (Info, error) {
	i := Info{TimecodeScale: DefaultTimecodeScale}
	err := parseChildren(IDInfo, data, i.scan)
	return i, err
}

func (i *Info) scan(e Element) (err error) {
	switch e.ID {
	case IDTimecodeScale:
		return i.scanScale(e)
	case IDDuration:
		return scanQuantity(&i.Duration, e)
	case IDSegmentUID:
		return scanBytes(&i.SegmentUID, e)
	case IDDateUTC:
		i.DateUTC, err = ParseDate(e.Data())
		return err
	case IDTitle:
		return scanString(&i.Title, e)
	case IDMuxingApp:
		return scanString(&i.MuxingApp, e)
	case IDWritingApp:
		return scanString(&i.WritingApp, e)
	}
	return nil
}

func (i *Info) scanScale(e Element) error {
	err := scanUint(&i.TimecodeScale, e)
	if err == nil && i.TimecodeScale == 0 {
		return ErrBadValue
	}
	return err
}

// AppendInfo appends an Info element. Fields with a zero value are left out,
// except MuxingApp and WritingApp, which Matroska demands, and TimecodeScale.
func AppendInfo(b []byte, i Info) []byte {
	var p []byte
	if len(i.SegmentUID) > 0 {
		p = AppendBytes(p, IDSegmentUID, i.SegmentUID)
	}
	p = AppendUint(p, IDTimecodeScale, cmp.Or(i.TimecodeScale, DefaultTimecodeScale))
	if i.Duration != 0 {
		p = AppendFloat(p, IDDuration, i.Duration)
	}
	if !i.DateUTC.IsZero() {
		p = AppendDate(p, IDDateUTC, i.DateUTC)
	}
	if i.Title != "" {
		p = AppendString(p, IDTitle, i.Title)
	}
	p = AppendString(p, IDMuxingApp, i.MuxingApp)
	p = AppendString(p, IDWritingApp, i.WritingApp)
	return AppendBytes(b, IDInfo, p)
}
