package producer

import (
	"bytes"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/millrace/millrace/media"
)

// obu makes a unit with its size, which has to be below 128.
func obu(kind byte, payload ...byte) []byte {
	return append([]byte{kind<<3 | 2, byte(len(payload))}, payload...)
}

// unsized makes a unit without its size, which reaches to the end of the frame.
func unsized(kind byte, payload ...byte) []byte { return append([]byte{kind << 3}, payload...) }

// A unitKit is a unit of AV1 of each kind. Those of pictures have the right first
// byte and nothing of worth behind it.
type unitKit struct {
	private, otherPrivate []byte
	sequence, other       []byte
	delimiter             []byte
	key, delta            []byte
	metadata, padding     []byte
}

func av1Kit(t testing.TB) unitKit {
	k := unitKit{
		private: privateOf(t, "av1-10"), otherPrivate: privateOf(t, "av1-444"),
		delimiter: obu(2), key: obu(6, 0x10, 1, 2, 3), delta: obu(6, 0x30, 4, 5, 6),
		metadata: obu(5, 4, 0x80), padding: obu(15, 1, 2, 3),
	}
	k.sequence, k.other = k.private[4:], k.otherPrivate[4:]
	return k
}

func newAV1(t testing.TB, private []byte) *conditioner {
	return newTestConditioner(t, media.Track{Codec: media.AV1, Private: private})
}

func TestTemporalUnitsBecomeBlocks(t *testing.T) {
	t.Parallel()
	k := av1Kit(t)
	for name, tc := range map[string]struct {
		units, want [][]byte
		copied      bool
	}{
		"as it should be":            {[][]byte{k.sequence, k.key}, [][]byte{k.sequence, k.key}, false},
		"with a delimiter":           {[][]byte{k.delimiter, k.sequence, k.key}, [][]byte{k.sequence, k.key}, false},
		"with delimiter and padding": {[][]byte{k.delimiter, k.padding, k.sequence, k.key}, [][]byte{k.sequence, k.key}, false},
		"with padding within":        {[][]byte{k.delimiter, k.sequence, k.padding, k.key}, [][]byte{k.sequence, k.key}, true},
		"with padding at the end":    {[][]byte{k.sequence, k.key, k.padding}, [][]byte{k.sequence, k.key}, true},
		"with metadata":              {[][]byte{k.sequence, k.metadata, k.key}, [][]byte{k.sequence, k.metadata, k.key}, false},
		"a unit without size":        {[][]byte{k.delimiter, k.sequence, unsized(6, k.key[2:]...)}, [][]byte{k.sequence, k.key}, true},
		"a unit with layers": {
			[][]byte{k.sequence, {6<<3 | 4, 0x08, 0x10, 1, 2, 3}}, [][]byte{k.sequence, {6<<3 | 4 | 2, 0x08, 4, 0x10, 1, 2, 3}}, true,
		},
	} {
		c := newAV1(t, nil)
		out := take(t, c, slices.Concat(tc.units...))
		if want := slices.Concat(tc.want...); !bytes.Equal(out.Payload, want) || out.Copied != tc.copied {
			t.Errorf("%s: %x, copied is %v, want %x", name, out.Payload, out.Copied, want)
		}
		if !out.Key || out.Changed || out.Skip || out.Notice != nil {
			t.Errorf("%s: %+v", name, out)
		}
		declares(t, c, k.private)
	}
}

func TestSequenceHeadersMayBeDeclaredRepeatedOrBoth(t *testing.T) {
	t.Parallel()
	k := av1Kit(t)
	c := newAV1(t, k.private)
	declares(t, c, k.private)
	for _, units := range [][][]byte{{k.key}, {k.delta}, {k.sequence, k.key}, {k.sequence, k.delta}} {
		if out := take(t, c, slices.Concat(units...)); out.Changed || out.Copied {
			t.Errorf("%+v", out)
		}
	}
	declares(t, c, k.private)
	c = newAV1(t, k.private[:4]) // a record without a header does not say enough
	if _, known := c.track(); known {
		t.Error("the track is known")
	}
	refused(t, c, media.Frame{Track: 1, Data: k.key}, ErrNeedKeyFrame)
	take(t, c, slices.Concat(k.sequence, k.key))
	declares(t, c, k.private)
}

func TestSequenceHeadersChangeAtKeyFrames(t *testing.T) {
	t.Parallel()
	k := av1Kit(t)
	c := newAV1(t, k.private)
	if out := take(t, c, slices.Concat(k.other, k.delta)); out.Changed {
		t.Error("a picture that needs others changed the track")
	}
	data := slices.Concat(k.delimiter, k.other, k.key)
	if out := take(t, c, data); !out.Changed || !out.Key {
		t.Errorf("%+v", out)
	}
	declares(t, c, k.otherPrivate)
	clear(data)
	declares(t, c, k.otherPrivate)
	if out := take(t, c, slices.Concat(k.delimiter, k.other, k.key)); out.Changed {
		t.Error("the same header changed the track")
	}
}

// Encoders hand the header over before the first frame.
func TestASequenceHeaderAloneIsRemembered(t *testing.T) {
	t.Parallel()
	k := av1Kit(t)
	for _, private := range [][]byte{nil, k.otherPrivate} {
		c := newAV1(t, private)
		if out := take(t, c, slices.Concat(k.delimiter, k.sequence, k.metadata)); !out.Skip || len(out.Payload) > 0 {
			t.Errorf("%+v", out)
		}
		if out := take(t, c, k.delimiter); !out.Skip {
			t.Errorf("a delimiter: %+v", out)
		}
		if private == nil {
			refused(t, c, media.Frame{Track: 1, Data: k.delta}, ErrNeedKeyFrame)
		}
		out := take(t, c, slices.Concat(k.delimiter, k.key))
		if !out.Key || out.Changed != (private != nil) {
			t.Errorf("%+v", out)
		}
		if want := slices.Concat(k.sequence, k.metadata, k.key); !bytes.Equal(out.Payload, want) {
			t.Errorf("%x, want %x", out.Payload, want)
		}
		declares(t, c, k.private)
		if out := take(t, c, k.key); out.Changed || !bytes.Equal(out.Payload, k.key) {
			t.Errorf("the next one: %+v", out)
		}
	}
}

func TestNothingOfAV1IsTakenBeforeAKeyFrame(t *testing.T) {
	t.Parallel()
	k := av1Kit(t)
	c := newAV1(t, nil)
	for part, data := range map[string][]byte{
		"key frame, sequence header": slices.Concat(k.delimiter, k.delta),
		"sequence header":            slices.Concat(k.delimiter, k.key),
	} {
		if got := refused(t, c, media.Frame{Track: 1, PTS: time.Second, Data: data}, ErrNeedKeyFrame).Part; got != part {
			t.Errorf("needed is %q, want %q", got, part)
		}
	}
	take(t, c, slices.Concat(k.sequence, k.key))
}

// What waits for a picture does not wait for ever.
func TestUnitsOfAV1ThatWaitAreBounded(t *testing.T) {
	t.Parallel()
	k := av1Kit(t)
	c := newAV1(t, k.private)
	notices := 0
	for range 2000 {
		out := take(t, c, obu(5, make([]byte, 100)...))
		if out.Notice != nil {
			notices++
			if !errors.Is(out.Notice, ErrUnitsDropped) {
				t.Error(out.Notice)
			}
		}
	}
	if out := take(t, c, k.key); len(out.Payload) > maxLoose+len(k.key) || notices != 1 {
		t.Errorf("%d bytes wait, %d notices", len(out.Payload), notices)
	}
	take(t, c, k.metadata)
	f := media.Frame{Track: 1, Data: slices.Concat(k.key[:2], make([]byte, MaxFrameSize-2))}
	f.Data[0] &^= 2 // without its size
	f.Data[1] = 0x10
	refused(t, c, f, ErrFrameTooLarge)
	if out := take(t, c, k.key); len(out.Payload) != len(k.metadata)+len(k.key) {
		t.Errorf("the frame behind it: %x", out.Payload)
	}
}

func TestDamagedTemporalUnitsAreRefusedAlone(t *testing.T) {
	t.Parallel()
	k := av1Kit(t)
	good := slices.Concat(k.delimiter, k.sequence, k.key)
	for name, tc := range map[string]struct {
		data   []byte
		offset int
		part   string
	}{
		"the forbidden bit":      {slices.Concat(k.delimiter, []byte{0x80 | 6<<3 | 2, 1, 0x10}), 2, "obu"},
		"a unit cut short":       {good[:len(good)-1], len(good) - len(k.key), "obu"},
		"a size cut short":       {slices.Concat(k.delimiter, []byte{6<<3 | 2, 0xff}), 2, "obu"},
		"a size of eight bytes":  {slices.Concat(k.delimiter, []byte{6<<3 | 2}, bytes.Repeat([]byte{0xff}, 9)), 2, "obu"},
		"an extension cut short": {slices.Concat(k.delimiter, []byte{6<<3 | 4}), 2, "obu"},
		"a header of nothing":    {slices.Concat(k.delimiter, obu(1), k.key), 2, "sequence header"},
		"a header cut short":     {slices.Concat(k.delimiter, obu(1, k.other[2:6]...), k.key), 2, "sequence header"},
	} {
		for _, private := range [][]byte{nil, k.private} {
			c := newAV1(t, private)
			details := refused(t, c, media.Frame{Track: 1, PTS: time.Second, Data: tc.data}, ErrBadFrame)
			if details.Offset != tc.offset || details.Part != tc.part {
				t.Errorf("%s: %s at %d, want %s at %d", name, details.Part, details.Offset, tc.part, tc.offset)
			}
			if out := take(t, c, good); out.Changed {
				t.Errorf("%s: the frame behind it: %+v", name, out)
			}
			declares(t, c, k.private)
		}
	}
}

func TestOddTemporalUnitsAreSentWithANotice(t *testing.T) {
	t.Parallel()
	k := av1Kit(t)
	c := newAV1(t, k.private)
	for want, f := range map[error]media.Frame{
		ErrNotKey:       {Track: 1, Key: true, Data: k.delta},
		ErrManyPictures: {Track: 1, Data: slices.Concat(k.delimiter, k.key, k.delimiter, k.delta)},
	} {
		if out := takeFrame(t, c, f); !errors.Is(out.Notice, want) || len(out.Payload) == 0 {
			t.Errorf("%+v, want %v", out, want)
		}
		if out := takeFrame(t, c, f); out.Notice != nil {
			t.Errorf("again: %v", out.Notice)
		}
	}
}

// Tiles without the header of their frame belong to the one before, and must not wait
// for the next.
func TestAPieceOfATemporalUnitDoesNotWait(t *testing.T) {
	t.Parallel()
	k := av1Kit(t)
	tiles := obu(4, 1, 2, 3)
	c := newAV1(t, nil)
	refused(t, c, media.Frame{Track: 1, Key: true, Data: slices.Concat(k.sequence, tiles)}, ErrNeedKeyFrame)
	take(t, c, slices.Concat(k.sequence, obu(3, 0x10), tiles))
	out := takeFrame(t, c, media.Frame{Track: 1, Key: true, Data: tiles})
	if out.Key || out.Skip || !bytes.Equal(out.Payload, tiles) || !errors.Is(out.Notice, ErrPartialPicture) {
		t.Errorf("%+v", out)
	}
}

// Of two headers in one frame the first holds, as for who decodes the frame.
func TestOfTwoSequenceHeadersTheFirstHolds(t *testing.T) {
	t.Parallel()
	k := av1Kit(t)
	c := newAV1(t, nil)
	twice := slices.Concat(k.delimiter, k.sequence, k.key, k.delimiter, k.other, k.key)
	take(t, c, twice)
	declares(t, c, k.private)
	if out := take(t, c, slices.Concat(k.sequence, k.key)); out.Changed {
		t.Error("the header that holds changed the track")
	}
	if out := take(t, c, slices.Concat(k.other, k.key)); !out.Changed {
		t.Error("the other one did not")
	}
}

func TestPrivateDataOfAV1ThatCannotBeRead(t *testing.T) {
	t.Parallel()
	k := av1Kit(t)
	for name, private := range map[string][]byte{
		"cut short":           k.private[:3],
		"a header cut short":  k.private[:len(k.private)-1],
		"a header of nothing": append(bytes.Clone(k.private[:4]), obu(1, 0, 0)...),
		"another version":     append([]byte{0x82}, k.private[1:]...),
	} {
		if _, err := newConditioner(media.Track{Number: 1, Codec: media.AV1, Private: private}); !errors.Is(err, ErrBadTrack) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
