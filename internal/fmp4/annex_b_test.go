package fmp4_test

import (
	"bytes"
	"errors"
	"slices"
	"testing"

	"github.com/millrace/millrace/internal/fmp4"
	"github.com/millrace/millrace/internal/timeline"
	"github.com/millrace/millrace/media"
)

// codes puts start codes before units, the first of four bytes.
func codes(list ...[]byte) []byte {
	b := []byte{0}
	for _, u := range list {
		b = append(append(b, 0, 0, 1), u...)
	}
	return b
}

// Some cameras put parameter sets behind start codes into the codec private
// data, and their frames are like that too.
func TestATrackBehindStartCodesIsConverted(t *testing.T) {
	hidr, hdelimiter := []byte{19 << 1, 1, 7}, []byte{35 << 1, 1, 0x50}
	for _, row := range []struct {
		private    string
		idr, extra []byte
	}{
		{"avc-baseline-1080", idr, []byte{9, 0xf0}},
		{"hevc-crop-hrd", hidr, hdelimiter},
	} {
		t.Run(row.private, func(t *testing.T) {
			s := setupOf(t, row.private)
			track := trackOf(s.id, codes(s.sets...))
			whole := slices.Concat([][]byte{row.extra}, s.sets, [][]byte{row.idr})
			sameInit(t, track, s.track())
			for name, data := range map[string][]byte{
				"start codes": codes(whole...), "start codes and zeros": append(codes(whole...), 0, 0, 0), "lengths": units(whole...),
			} {
				segment := segmentOf(t, track, frame{0, data, true})
				if got := firstOf(t, segment); !bytes.Equal(got, units(row.idr)) {
					t.Errorf("%s: %x is left", name, got)
				}
				if segment.Private != nil || segment.Suspect {
					t.Errorf("%s: private data %x, suspect %v", name, segment.Private, segment.Suspect)
				}
			}
			if got := firstOf(t, segmentOf(t, track, frame{0, codes(row.extra), true})); !bytes.Equal(got, units(row.extra)) {
				t.Errorf("of a frame with nothing in it %x is left", got)
			}
			if !segmentOf(t, track, frame{0, codes(row.extra), true}).Suspect {
				t.Error("it is not suspect")
			}
			for _, nothing := range [][]byte{{0, 0, 1}, {0, 0, 0, 1, 0, 0, 1}, {7}} {
				if _, err := packaged(track, frame{0, nothing, true}); !errors.Is(err, fmp4.ErrFraming) {
					t.Errorf("%x: %v", nothing, err)
				}
			}
			if _, err := fmp4.AppendSampleEntry(nil, track); !errors.Is(err, fmp4.ErrAnnexB) {
				t.Errorf("a sample entry for frames as they are: %v", err)
			}
		})
	}
}

// sameInit: but for the record, which is made, the init segment is that of a track
// with the same sets.
func sameInit(t *testing.T, track, want *timeline.Track) {
	t.Helper()
	if _, err := fmp4.AppendInit(nil, track); err != nil {
		t.Fatal(err)
	}
	got, expected := pictureEntry(t, track), pictureEntry(t, want)
	if got.Type() != expected.Type() || got.Width != expected.Width || got.Height != expected.Height {
		t.Errorf("%s of %d by %d, want %s of %d by %d", got.Type(), got.Width, got.Height, expected.Type(), expected.Width, expected.Height)
	}
}

func TestRenewedPrivateDataAreInTheFormOfThoseBefore(t *testing.T) {
	stale, real := setupOf(t, "avc-main-crop"), setupOf(t, "avc-baseline-1080")
	data := codes(append(slices.Clone(real.sets), idr)...)
	s := segmentOf(t, trackOf(stale.id, codes(stale.sets...)), frame{0, data, true})
	if got := firstOf(t, s); !bytes.Equal(got, units(append(slices.Clone(real.sets), idr)...)) {
		t.Errorf("%x is left", got)
	}
	if !media.IsAnnexB(s.Private) {
		t.Fatalf("private data %x", s.Private)
	}
	again := segmentOf(t, trackOf(stale.id, s.Private), frame{0, data, true})
	if got := firstOf(t, again); !bytes.Equal(got, units(idr)) || again.Private != nil {
		t.Errorf("%x is left, %x proposed", got, again.Private)
	}
}
