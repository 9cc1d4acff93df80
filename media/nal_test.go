package media_test

import (
	"bytes"
	"errors"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/millrace/millrace/media"
)

func TestCleanLengthPrefixed(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, payload string
		size          int
		want          bool
	}{
		{"one unit", "00000002 6588", 4, true},
		{"two units", "00000002 6588 00000001 41", 4, true},
		{"lengths of one byte", "02 6588 01 41", 1, true},
		{"lengths of two bytes", "0002 6588 0001 41", 2, true},
		{"lengths of three bytes", "000002 6588", 3, true},
		{"an empty frame", "", 4, false},
		{"a length alone", "00000000", 4, false},
		{"a length cut short", "000000", 4, false},
		{"an empty unit", "00000000 00000001 41", 4, false},
		{"a unit that reaches past the end", "00000003 6588", 4, false},
		{"bytes after the last unit", "00000002 6588 00", 4, false},
		{"a header with the forbidden bit", "00000002 e588", 4, false},
		{"the largest length", "ffffffff 65", 4, false},
		{"Annex B", "00000001 6588 00000001 41", 4, false},
		{"Annex B with short start codes", "000001 6588 000001 41", 4, false},
		{"a length size of zero", "00000002 6588", 0, false},
		{"a length size of five", "0000000002 6588", 5, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			payload := unhex(t, test.payload)
			if got := media.CleanLengthPrefixed(payload, test.size); got != test.want {
				t.Errorf("got %v, want %v", got, test.want)
			}
			var whole int
			for unit := range media.LengthPrefixedUnits(payload, test.size) {
				whole += test.size + len(unit)
			}
			if clean := whole == len(payload) && whole > 0; clean != test.want {
				t.Errorf("units cover %d of %d bytes", whole, len(payload))
			}
		})
	}
}

func TestIsAnnexB(t *testing.T) {
	t.Parallel()
	long := append([]byte{0, 0, 1, 1, 0x65}, bytes.Repeat([]byte{7}, 256)...)
	tests := []struct {
		name    string
		payload []byte
		want    bool
	}{
		{"a long start code", unhex(t, "00000001 6588 00000001 41"), true},
		{"a short start code", unhex(t, "000001 6588 00"), true},
		{"lengths", unhex(t, "00000002 6588"), false},
		{"a unit of 257 bytes whose length looks like a start code", long, false},
		{"the same bytes and one more", append(bytes.Clone(long), 1), true},
		{"nothing", nil, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if got := media.IsAnnexB(test.payload); got != test.want {
				t.Errorf("got %v, want %v", got, test.want)
			}
		})
	}
}

func TestAnnexBUnits(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, payload string
		want          []string
	}{
		{"one unit", "00000001 6588", []string{"6588"}},
		{"start codes of both lengths", "000001 67 00000001 68 000001 65", []string{"67", "68", "65"}},
		{"zeros after a unit", "000001 67 0000000000 000001 68 0000", []string{"67", "68"}},
		{"bytes before the first start code", "ffff 000001 67", []string{"67"}},
		{"an empty unit between two", "000001 67 000001 000001 68", []string{"67", "68"}},
		{"no start code", "6768", nil},
		{"a start code alone", "000001", nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var want [][]byte
			for _, w := range test.want {
				want = append(want, unhex(t, w))
			}
			got := slices.Collect(media.AnnexBUnits(unhex(t, test.payload)))
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("units (-want +got):\n%s", diff)
			}
		})
	}
}

func TestConversionKeepsUnits(t *testing.T) {
	t.Parallel()
	annexB := unhex(t, "00000001 6742 00000001 68ce 00000001 6588")
	prefixed := unhex(t, "00000002 6742 00000002 68ce 00000002 6588")
	dst := []byte("head")
	got, err := media.AppendLengthPrefixed(dst, annexB)
	if err != nil || !bytes.Equal(got, append([]byte("head"), prefixed...)) {
		t.Errorf("to lengths: %x, %v", got, err)
	}
	got, err = media.AppendAnnexB(dst, prefixed, 4)
	if err != nil || !bytes.Equal(got, append([]byte("head"), annexB...)) {
		t.Errorf("to annex b: %x, %v", got, err)
	}
	got, err = media.AppendAnnexB(dst, unhex(t, "0002 6742 0002 68ce 0002 6588"), 2)
	if err != nil || !bytes.Equal(got, append([]byte("head"), annexB...)) {
		t.Errorf("from short lengths: %x, %v", got, err)
	}
}

func TestConversionRefusesDamage(t *testing.T) {
	t.Parallel()
	dst := []byte("head")
	tests := []struct {
		name    string
		convert func() ([]byte, error)
		want    error
	}{
		{"lengths that do not fit", func() ([]byte, error) { return media.AppendAnnexB(dst, []byte{0, 0, 0, 9, 1}, 4) }, media.ErrInvalid},
		{"no start code", func() ([]byte, error) { return media.AppendLengthPrefixed(dst, []byte{0, 0, 0, 9, 1}) }, media.ErrMissing},
		{"a start code and nothing", func() ([]byte, error) { return media.AppendLengthPrefixed(dst, []byte{0, 0, 1}) }, media.ErrMissing},
		{"a damaged unit after a good one", func() ([]byte, error) {
			return media.AppendLengthPrefixed(dst, []byte{0, 0, 1, 0x65, 0, 0, 1, 0xff})
		}, media.ErrInvalid},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got, err := test.convert()
			if !errors.Is(err, test.want) {
				t.Errorf("got error %v, want %v", err, test.want)
			}
			if string(got) != "head" {
				t.Errorf("dst became %q", got)
			}
		})
	}
}

func TestIterationStopsWhenTold(t *testing.T) {
	t.Parallel()
	for range media.AnnexBUnits(unhex(t, "000001 67 000001 68")) {
		break
	}
	for range media.LengthPrefixedUnits(unhex(t, "00000001 67 00000001 68"), 4) {
		break
	}
}
