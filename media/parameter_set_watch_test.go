package media_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"slices"
	"testing"

	"github.com/millrace/millrace/media"
)

// watched returns a watch that has been loaded, and the sets that are in force.
func watched(t *testing.T, name string) (w *media.ParameterSetWatch, sets [][]byte) {
	t.Helper()
	p := privates(t)[name]
	codec := media.DetectCodec(p.codecID, p.data)
	w = media.NewParameterSetWatch(codec)
	if err := w.Load(p.data); err != nil {
		t.Fatal(err)
	}
	return w, setsIn(t, codec, p.data)
}

func setsIn(t *testing.T, codec media.Codec, private []byte) (sets [][]byte) {
	t.Helper()
	if codec == media.AVC {
		c, err := media.ParseAVCConfig(private)
		if err != nil {
			t.Fatal(err)
		}
		return slices.Concat(c.SPS, c.PPS)
	}
	c, err := media.ParseHEVCConfig(private)
	if err != nil {
		t.Fatal(err)
	}
	return slices.Concat(c.VPS, c.SPS, c.PPS)
}

func note(t *testing.T, w *media.ParameterSetWatch, units ...[]byte) {
	t.Helper()
	for _, u := range units {
		if err := w.Note(u); err != nil {
			t.Fatalf("note %x: %v", u[:min(len(u), 16)], err)
		}
	}
}

// settle settles, and checks whether that changed anything, and what is in force.
func settle(t *testing.T, w *media.ParameterSetWatch, codec media.Codec, changes bool, sets ...[]byte) {
	t.Helper()
	changed, err := w.Settle()
	if err != nil || changed != changes {
		t.Errorf("changed is %v, %v, want %v", changed, err, changes)
	}
	if got := setsIn(t, codec, w.Record()); !slices.EqualFunc(got, sets, bytes.Equal) {
		t.Errorf("in force are\n%x, want\n%x", got, sets)
	}
}

// pps makes a picture parameter set of H.264 with a number below 7.
func pps(number byte, rest ...byte) []byte {
	numbers := [...]byte{0x80, 0x40, 0x60, 0x20, 0x28, 0x30, 0x38} // as Exp-Golomb codes
	return append([]byte{0x68, numbers[number] | 1}, rest...)
}

func TestSetsThatAreKnownChangeNothing(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"avc-main-crop", "hevc-crop-hrd"} {
		w, sets := watched(t, name)
		codec := media.DetectCodec(privates(t)[name].codecID, nil)
		record := w.Record()
		if codec == media.AVC && !bytes.Equal(record, privates(t)[name].data) {
			t.Errorf("the record is another one than was loaded")
		}
		settle(t, w, codec, false, sets...)
		note(t, w, sets...)
		note(t, w, sets[len(sets)-1])
		settle(t, w, codec, false, sets...)
		if !bytes.Equal(w.Record(), record) || w.Missing() != "" {
			t.Errorf("%s: missing %q", name, w.Missing())
		}
	}
}

// The rule of Settle.
func TestNewSetsTakeThePlaceOfOldOnes(t *testing.T) {
	t.Parallel()
	other := setsIn(t, media.AVC, privates(t)["avc-baseline-1080"].data)
	w, sets := watched(t, "avc-main-crop")
	sps := sets[0]

	first, second := pps(1, 0xc0), pps(2, 0xc1)
	note(t, w, first)
	settle(t, w, media.AVC, true, sps, sets[1], first) // joins the others
	again := pps(1, 0xff)
	note(t, w, again, second)
	settle(t, w, media.AVC, true, sps, sets[1], again, second) // takes the place of its number
	note(t, w, first, again)
	settle(t, w, media.AVC, false, sps, sets[1], again, second) // came again before the key frame

	note(t, w, other[0])
	settle(t, w, media.AVC, true, other[0], sets[1], again, second) // of the kind that did not come, all stay
	note(t, w, sps, sets[1])
	settle(t, w, media.AVC, true, sps, sets[1]) // of the kinds that came, these
	note(t, w, sps)
	note(t, w, other...)
	w.Forget()
	settle(t, w, media.AVC, false, sps, sets[1])
}

func TestSetsThatCannotBeUsedLeaveTheOldOnes(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"avc-main-crop", "hevc-crop-hrd"} {
		w, sets := watched(t, name)
		codec := media.DetectCodec(privates(t)[name].codecID, nil)
		record := bytes.Clone(w.Record())
		sps := sets[len(sets)-2]
		note(t, w, sps[:len(sps)/3])
		if changed, err := w.Settle(); changed || err == nil {
			t.Errorf("%s: changed is %v, %v", name, changed, err)
		}
		settle(t, w, codec, false, sets...) // it is forgotten
		if !bytes.Equal(w.Record(), record) {
			t.Error("the record has changed")
		}
	}
}

// The writer of a frame has its memory again when the frame was looked at.
func TestSetsThatWaitAreTheWatchs(t *testing.T) {
	t.Parallel()
	w, sets := watched(t, "avc-main-crop")
	mine := pps(3, 0xc0, 0xc1)
	kept := bytes.Clone(mine)
	note(t, w, mine)
	clear(mine)
	settle(t, w, media.AVC, true, sets[0], sets[1], kept)
}

// A video parameter set takes the place of the one with its number as well.
func TestVideoParameterSetsHaveNumbers(t *testing.T) {
	t.Parallel()
	w, sets := watched(t, "hevc-crop-hrd")
	other := setsIn(t, media.HEVC, privates(t)["hevc-main10-scaling"].data)
	note(t, w, other[0], sets[0])            // number 0 both: the first is taken back
	settle(t, w, media.HEVC, false, sets...) // so that nothing has changed
	note(t, w, other[0])
	settle(t, w, media.HEVC, true, other[0], sets[1], sets[2])
}

func TestMissingNamesTheKinds(t *testing.T) {
	t.Parallel()
	for name, all := range map[string]string{"avc-main-crop": "sps, pps", "hevc-crop-hrd": "vps, sps, pps"} {
		p := privates(t)[name]
		codec := media.DetectCodec(p.codecID, nil)
		w := media.NewParameterSetWatch(codec)
		missing := all
		for _, set := range setsIn(t, codec, p.data) {
			if w.Missing() != missing || w.Record() != nil {
				t.Errorf("missing is %q, want %q", w.Missing(), missing)
			}
			note(t, w, set)
			missing = missing[min(len(missing), 5):]
		}
		settle(t, w, codec, true, setsIn(t, codec, p.data)...)
	}
}

// Some encoders change a picture parameter set with every frame, and have one key
// frame in an hour: that takes no more and no more memory, and is never too much.
func TestSetsThatComeAndGoForHoursAreNotTooMany(t *testing.T) {
	t.Parallel()
	w, sets := watched(t, "avc-main-crop")
	long := make([]byte, 4000)
	for i := range 2000 {
		unit := append(pps(0), long...)
		binary.BigEndian.PutUint32(unit[10:], uint32(i)|1<<31)
		note(t, w, unit)    // in place of the one in force
		note(t, w, sets[1]) // which comes again
		note(t, w, unit)
		unit = append(pps(1), long...)
		binary.BigEndian.PutUint32(unit[10:], uint32(i)|1<<31)
		note(t, w, unit) // in place of one that waits
	}
	if changed, err := w.Settle(); !changed || err != nil {
		t.Errorf("%v, %v", changed, err)
	}
}

func TestSetsThatWaitAreBounded(t *testing.T) {
	t.Parallel()
	for name, bound := range map[string]struct {
		next func(i int) []byte // of which no number can be read
		most int
	}{
		"by bytes": {func(i int) []byte {
			unit := append([]byte{0x67, 1, 2, 3}, make([]byte, 60_000)...)
			binary.BigEndian.PutUint32(unit[20:], uint32(i))
			return unit
		}, 1 << 20 / 60_004},
		"by number": {func(i int) []byte {
			return binary.BigEndian.AppendUint32([]byte{0x67, 1, 2, 3, 0, 0, 0, 0, 0, 0}, uint32(i))
		}, 255},
	} {
		w, sets := watched(t, "avc-main-crop")
		n := 0
		for ; n < 5000; n++ {
			if err := w.Note(bound.next(n)); err != nil {
				if !errors.Is(err, media.ErrLimit) {
					t.Errorf("%s: %v", name, err)
				}
				break
			}
		}
		if n != bound.most {
			t.Errorf("%s: %d sets wait, want %d", name, n, bound.most)
		}
		note(t, w, sets...) // what is known is never too much
		w.Forget()
		settle(t, w, media.AVC, false, sets...)
	}
	w := media.NewParameterSetWatch(media.AVC)
	if err := w.Note(append([]byte{0x68, 0x80}, make([]byte, 1<<16)...)); !errors.Is(err, media.ErrLimit) {
		t.Errorf("a set that no record can hold: %v", err)
	}
	note(t, w, []byte{0x65, 0x88}, []byte{}, nil, []byte{0x06}, []byte{0x67}) // no sets
	if got := w.Missing(); got != "sps, pps" {
		t.Errorf("missing is %q", got)
	}
}

// Sets that say what is known cost nothing: they come with every key frame.
func TestKnownSetsTakeNoMemory(t *testing.T) {
	w, sets := watched(t, "hevc-crop-hrd")
	note(t, w, sets...)
	if n := testing.AllocsPerRun(100, func() {
		for _, set := range sets {
			if w.Note(set) != nil {
				t.Error("not taken")
			}
		}
		if changed, err := w.Settle(); changed || err != nil {
			t.Error(changed, err)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
