package media_test

import (
	"bytes"
	"slices"
	"testing"

	"github.com/millrace/millrace/media"
)

func TestInspectUnit(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		codec media.Codec
		unit  string
		want  media.UnitInfo
		fails bool
	}{
		"an IDR slice":                 {media.AVC, "65 88", media.UnitInfo{Kind: media.UnitSlice, First: true, Key: true}, false},
		"a later one":                  {media.AVC, "65 48", media.UnitInfo{Kind: media.UnitSlice, Key: true}, false},
		"a slice":                      {media.AVC, "41 9a", media.UnitInfo{Kind: media.UnitSlice, First: true}, false},
		"one that nobody needs":        {media.AVC, "01 9e", media.UnitInfo{Kind: media.UnitSlice, First: true, Disposable: true}, false},
		"a slice without a byte":       {media.AVC, "41", media.UnitInfo{}, true},
		"data partition A":             {media.AVC, "42 80", media.UnitInfo{Kind: media.UnitSlice, First: true}, false},
		"data partition B":             {media.AVC, "43", media.UnitInfo{Kind: media.UnitSlice}, false},
		"data partition C":             {media.AVC, "04 80", media.UnitInfo{Kind: media.UnitSlice, Disposable: true}, false},
		"SEI":                          {media.AVC, "06", media.UnitInfo{}, false},
		"SPS":                          {media.AVC, "67 42", media.UnitInfo{Kind: media.UnitSet}, false},
		"PPS":                          {media.AVC, "68 ce", media.UnitInfo{Kind: media.UnitSet}, false},
		"a set without a byte":         {media.AVC, "68", media.UnitInfo{Kind: media.UnitSet}, true},
		"a set of an extension":        {media.AVC, "6f 42", media.UnitInfo{}, false},
		"a delimiter":                  {media.AVC, "09 f0", media.UnitInfo{Kind: media.UnitDelimiter}, false},
		"filler":                       {media.AVC, "0c ff", media.UnitInfo{Kind: media.UnitFiller}, false},
		"the end of a sequence":        {media.AVC, "0a", media.UnitInfo{}, false},
		"a slice of another view":      {media.AVC, "74 00", media.UnitInfo{}, false},
		"the forbidden bit":            {media.AVC, "e5 88", media.UnitInfo{}, true},
		"nothing":                      {media.AVC, "", media.UnitInfo{}, true},
		"an IDR slice of H.265":        {media.HEVC, "2601 af", media.UnitInfo{Kind: media.UnitSlice, First: true, Key: true}, false},
		"a clean random access slice":  {media.HEVC, "2a01 af", media.UnitInfo{Kind: media.UnitSlice, First: true, Key: true}, false},
		"a broken link":                {media.HEVC, "2001 20", media.UnitInfo{Kind: media.UnitSlice, Key: true}, false},
		"a trailing picture":           {media.HEVC, "0201 d0", media.UnitInfo{Kind: media.UnitSlice, First: true}, false},
		"one without reference":        {media.HEVC, "0001 d0", media.UnitInfo{Kind: media.UnitSlice, First: true, Disposable: true}, false},
		"a leading one without":        {media.HEVC, "1001 d0", media.UnitInfo{Kind: media.UnitSlice, First: true, Disposable: true}, false},
		"a slice of another layer":     {media.HEVC, "2609", media.UnitInfo{Kind: media.UnitSlice}, false},
		"a slice of H.265 of no bytes": {media.HEVC, "2601", media.UnitInfo{}, true},
		"VPS":                          {media.HEVC, "4001 0c", media.UnitInfo{Kind: media.UnitSet}, false},
		"SPS of H.265":                 {media.HEVC, "4201 01", media.UnitInfo{Kind: media.UnitSet}, false},
		"PPS of H.265":                 {media.HEVC, "4401 c1", media.UnitInfo{Kind: media.UnitSet}, false},
		"PPS of another layer":         {media.HEVC, "4409 c1", media.UnitInfo{}, false},
		"a set of H.265 of no bytes":   {media.HEVC, "4401", media.UnitInfo{Kind: media.UnitSet}, true},
		"a delimiter of H.265":         {media.HEVC, "4601 50", media.UnitInfo{Kind: media.UnitDelimiter}, false},
		"filler of H.265":              {media.HEVC, "4c01 ff", media.UnitInfo{Kind: media.UnitFiller}, false},
		"SEI of H.265":                 {media.HEVC, "4e01 05", media.UnitInfo{}, false},
		"the end of the bitstream":     {media.HEVC, "4a01", media.UnitInfo{}, false},
		"one byte of H.265":            {media.HEVC, "26", media.UnitInfo{}, true},
		"the forbidden bit of H.265":   {media.HEVC, "a601 af", media.UnitInfo{}, true},
	} {
		got, ok := media.InspectUnit(tc.codec, unhex(t, tc.unit))
		if ok == tc.fails || ok && got != tc.want {
			t.Errorf("%s: %+v, %v", name, got, ok)
		}
	}
}

func TestAVCIntra(t *testing.T) {
	t.Parallel()
	for unit, want := range map[string]bool{
		"41 88": true,  // slice type 7, I
		"41 b8": false, // first_mb 0, type 2 in "011", I
		"41 98": false, // type 5, P
		"41 e0": false, // type 0, P
		"41":    false, "": false, "06 88": false, "c1 88": false,
		"41 00 00 00 00 00": false, // a number that is too long
	} {
		if unit == "41 b8" {
			want = true // 1 011 1…: the first macroblock, type 2
		}
		if got := media.AVCIntra(unhex(t, unit)); got != want {
			t.Errorf("%s: %v", unit, got)
		}
	}
}

func TestAVCRecoveryPoint(t *testing.T) {
	t.Parallel()
	for unit, want := range map[string]bool{
		"06 06 01 84 80":             true,
		"06 05 02 ffff 06 01 84 80":  true,
		"06 ff 00 01 aa 06 01 84 80": true,  // a type of two bytes in front
		"06 05 04 01020304 80":       false, // something else
		"06 05 ff":                   false, // cut short
		"06 05 ff ff ff ff ff ff 10": false, // a size beyond the end
		"06":                         false, "": false, "86 06 01 84 80": false, "41 06 01 84 80": false,
	} {
		if got := media.AVCRecoveryPoint(unhex(t, unit)); got != want {
			t.Errorf("%s: %v", unit, got)
		}
	}
}

// NextAnnexB finds the units that AnnexBUnits yields.
func TestNextAnnexBFindsWhatAnnexBUnitsYields(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"", "00", "000001", "00000001", "000001 67", "000001 67 00000001 68 000001 65",
		"000001 67 0000000000 000001 68 0000", "ffff 000001 67", "000001 67 000001 000001 68", "6768",
		"000001 000001", "01 000001 67 0001 67 00000002 000003 000001 01", "00000000000000000001 65 01 01 00 01 0000 01 01",
	} {
		payload := unhex(t, text)
		if got, want := cutAnnexB(t, payload), slices.Collect(media.AnnexBUnits(payload)); !slices.EqualFunc(got, want, bytes.Equal) {
			t.Errorf("%s: %x, want %x", text, got, want)
		}
	}
}

func cutAnnexB(t *testing.T, payload []byte) (units [][]byte) {
	t.Helper()
	for at := 0; ; {
		begin, end, next, ok := media.NextAnnexB(payload, at)
		if !ok {
			return units
		}
		if begin < at || end <= begin || next < end || next > len(payload) {
			t.Fatalf("%x: a unit from %d to %d, next %d", payload, begin, end, next)
		}
		units = append(units, payload[begin:end])
		at = next
	}
}

func FuzzNextAnnexB(f *testing.F) {
	f.Add(unhex(f, "000001 67 0000000000 000001 68 0000"))
	f.Add(unhex(f, "00000001 000001 000001 01"))
	f.Fuzz(func(t *testing.T, payload []byte) {
		if got, want := cutAnnexB(t, payload), slices.Collect(media.AnnexBUnits(payload)); !slices.EqualFunc(got, want, bytes.Equal) {
			t.Errorf("%x: %x, want %x", payload, got, want)
		}
		for _, unit := range cutAnnexB(t, payload) {
			for _, codec := range []media.Codec{media.AVC, media.HEVC} {
				media.InspectUnit(codec, unit)
			}
			media.AVCIntra(unit)
			media.AVCRecoveryPoint(unit)
		}
	})
}
