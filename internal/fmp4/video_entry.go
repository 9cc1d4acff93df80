package fmp4

import (
	"bytes"

	"github.com/millrace/millrace/internal/timeline"
	"github.com/millrace/millrace/media"
)

// avcEntry has the codec private data verbatim.
func avcEntry(t *timeline.Track) (entry, error) {
	if media.HasStartCode(t.Media.Private) {
		return entry{}, ErrAnnexB
	}
	c, err := media.ParseAVCConfig(t.Media.Private)
	if err != nil {
		return entry{}, err
	}
	s, err := media.ParseAVCSPS(c.SPS[0])
	if err != nil {
		return entry{}, err
	}
	return picture{
		name: "avc1", config: private("avcC", t.Media.Private),
		width: s.Width, height: s.Height, aspect: s.Aspect, color: s.Color,
	}.entry()
}

func hevcEntry(t *timeline.Track) (entry, error) {
	if media.HasStartCode(t.Media.Private) {
		return entry{}, ErrAnnexB
	}
	c, err := media.ParseHEVCConfig(t.Media.Private)
	if err != nil {
		return entry{}, err
	}
	s, err := media.ParseHEVCSPS(c.SPS[0])
	if err != nil {
		return entry{}, err
	}
	record, err := hevcRecord(t.Media.Private, c)
	if err != nil {
		return entry{}, err
	}
	return picture{
		name: "hvc1", config: private("hvcC", record),
		width: s.Width, height: s.Height, aspect: s.Aspect, color: s.Color,
	}.entry()
}

// hevcRecord is the codec private data verbatim if they say of the profile what
// the parameter sets say, and of the sets that they are complete, as hvc1 wants
// it; else they are written anew. Some clients get the first wrong, and
// recorders leave the second open.
func hevcRecord(b []byte, c media.HEVCConfig) ([]byte, error) {
	anew, err := c.Append(nil)
	if err != nil {
		return nil, err
	}
	const profile = 13 // bytes up to the end of the profile
	if bytes.Equal(b[:profile], anew[:profile]) && complete(b) {
		return b, nil
	}
	return anew, nil
}

// complete reports whether every array of a record, which was parsed, says that
// there are no further sets in band.
func complete(record []byte) bool {
	rest := record[23:]
	for range record[22] {
		if rest[0]&0x80 == 0 {
			return false
		}
		count := int(rest[1])<<8 | int(rest[2])
		rest = rest[3:]
		for range count {
			rest = rest[2+(int(rest[0])<<8|int(rest[1])):]
		}
	}
	return true
}

// av1Entry has the codec private data verbatim.
func av1Entry(t *timeline.Track) (entry, error) {
	if _, err := media.ParseAV1Config(t.Media.Private); err != nil {
		return entry{}, err
	}
	if t.Fault != nil {
		return entry{}, t.Fault
	}
	return picture{
		name: "av01", config: private("av1C", t.Media.Private),
		width: t.Parameters.Width, height: t.Parameters.Height,
	}.entry()
}
