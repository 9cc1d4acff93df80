package producer

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace/media"
)

// However an encoder frames its units, the same bytes are sent.
func TestUnitsAreFoundInEveryFraming(t *testing.T) {
	t.Parallel()
	eachDialect(t, func(t *testing.T, d *dialect) {
		units := with(d.sets, d.sei, d.key, d.key2)
		zeros := make([]byte, 300)
		long := []byte{}
		for _, u := range units {
			long = append(append(long, 0, 0, 0, 1), u...)
		}
		for name, data := range map[string][]byte{
			"start codes of three bytes behind the first": annexB(units...),
			"start codes of three bytes":                  annexB(units...)[1:],
			"start codes of four bytes":                   long,
			"zeros in front":                              append(bytes.Clone(zeros), annexB(units...)...),
			"zeros behind":                                append(annexB(units...), zeros...),
			"zeros between":                               append(append(annexB(units[:2]...), zeros...), annexB(units[2:]...)...),
			"an empty unit":                               append(annexB(units[:1]...), annexB(units[1:]...)...),
			"a start code at the end":                     append(annexB(units...), 0, 0, 1),
			"lengths of four bytes":                       prefixed(units...),
			"lengths of two bytes":                        shortened(2, units...),
			"lengths of one byte":                         shortened(1, units...),
			"a length of zero":                            append(prefixed(units[:1]...), append(make([]byte, 4), prefixed(units[1:]...)...)...),
		} {
			c := d.new(t, nil)
			if _, known := c.track(); known {
				t.Fatal("the track is known before there was a frame")
			}
			out := take(t, c, data)
			if !out.Key || out.Changed || out.Skip || out.Notice != nil {
				t.Errorf("%s: %+v", name, out)
			}
			wantPayload(t, out, units...)
			declares(t, c, d.private)
			if aliases := name == "lengths of four bytes"; out.Copied == aliases {
				t.Errorf("%s: copied is %v", name, out.Copied)
			}
		}
	})
}

// Lengths of one and two bytes are taken where they are declared. What is sent
// has four, and so has the record.
func TestShortLengthsBecomeLong(t *testing.T) {
	t.Parallel()
	eachDialect(t, func(t *testing.T, d *dialect) {
		for size := 1; size <= 2; size++ {
			c := d.new(t, relengthened(d.codec, d.private, size))
			now := declares(t, c, d.private)
			if p, err := now.Parameters(); err != nil || p.LengthSize != 4 {
				t.Errorf("lengths of %d bytes are declared (%v)", p.LengthSize, err)
			}
			wantPayload(t, take(t, c, shortened(size, d.key, d.key2)), d.key, d.key2)
			wantPayload(t, take(t, c, annexB(d.delta)), d.delta)
			f := media.Frame{Track: 1, Data: append(shortened(size, d.delta), 9)}
			if at := refused(t, c, f, ErrBadFrame).Offset; at != size+len(d.delta) {
				t.Errorf("the fault is at %d", at)
			}
		}
		if _, err := newConditioner(media.Track{Number: 1, Codec: d.codec, Private: relengthened(d.codec, d.private, 3)}); !errors.Is(err, ErrBadTrack) {
			t.Errorf("lengths of three bytes, which there are none of: %v", err)
		}
	})
}

// relengthened returns a record that declares lengths of other sizes.
func relengthened(codec media.Codec, private []byte, size int) []byte {
	b, at := bytes.Clone(private), 4
	if codec == media.HEVC {
		at = 21
	}
	b[at] = b[at]&^3 | byte(size-1)
	return b
}

func TestParameterSetsMayBeDeclaredRepeatedOrBoth(t *testing.T) {
	t.Parallel()
	eachDialect(t, func(t *testing.T, d *dialect) {
		for name, private := range map[string][]byte{
			"a record":        d.private,
			"sets in Annex B": annexB(d.sets...),
		} {
			c := d.new(t, private)
			declares(t, c, d.private)
			for _, frame := range [][][]byte{{d.key}, {d.delta}, with(d.sets, d.key), with(d.sets, d.delta), with(d.sets, d.key), {d.key}} {
				out := take(t, c, annexB(frame...))
				if out.Changed || out.Notice != nil || out.Key != bytes.Equal(frame[len(frame)-1], d.key) {
					t.Errorf("%s: %+v", name, out)
				}
				wantPayload(t, out, frame...)
				declares(t, c, d.private)
			}
		}
		c := d.new(t, emptyRecord(d))
		if _, known := c.track(); known {
			t.Error("a record without sets is enough")
		}
		take(t, c, annexB(with(d.sets, d.key)...))
		declares(t, c, d.private)
	})
}

// emptyRecord is the record of a track whose sets are in its frames.
func emptyRecord(d *dialect) []byte {
	if d.codec == media.AVC {
		return append(bytes.Clone(d.private[:5]), 0xe0, 0)
	}
	return append(bytes.Clone(d.private[:22]), 0)
}

func TestParameterSetsChangeAtKeyFrames(t *testing.T) {
	t.Parallel()
	eachDialect(t, func(t *testing.T, d *dialect) {
		c := d.new(t, nil)
		take(t, c, annexB(with(d.sets, d.key)...))
		out := take(t, c, annexB(with(d.others, d.delta)...))
		if out.Changed {
			t.Error("a picture that needs others changed the track")
		}
		wantPayload(t, out, with(d.others, d.delta)...)
		declares(t, c, d.private)
		out = take(t, c, annexB(d.key))
		if !out.Changed || !out.Key {
			t.Errorf("the key frame behind new sets: %+v", out)
		}
		declares(t, c, d.otherPrivate)
		out = take(t, c, prefixed(with(d.sets, d.aud, d.key)...))
		if !out.Changed || !out.Key || out.Copied {
			t.Errorf("back again: %+v", out)
		}
		declares(t, c, d.private)
		if out := take(t, c, annexB(with(d.sets, d.key)...)); out.Changed {
			t.Error("the same sets changed the track")
		}
	})
}

// What a track was declared as is not written to when it changes.
func TestADeclarationIsNotWrittenTo(t *testing.T) {
	t.Parallel()
	eachDialect(t, func(t *testing.T, d *dialect) {
		c := d.new(t, d.private)
		before := declares(t, c, d.private)
		kept := bytes.Clone(before.Private)
		data := annexB(with(d.others, d.key)...)
		take(t, c, data)
		now, _ := c.track()
		record := bytes.Clone(now.Private)
		clear(data) // it is the writer's again
		take(t, c, annexB(with(d.sets, d.key)...))
		if !bytes.Equal(before.Private, kept) || !bytes.Equal(now.Private, record) {
			t.Error("private data that were handed out have changed")
		}
	})
}

func TestNothingIsTakenBeforeAKeyFrameWithItsSets(t *testing.T) {
	t.Parallel()
	eachDialect(t, func(t *testing.T, d *dialect) {
		c := d.new(t, nil)
		last := len(d.sets) - 1
		all := "sps, pps"
		if d.codec == media.HEVC {
			all = "vps, sps, pps"
		}
		for _, step := range []struct {
			units [][]byte
			want  string
		}{
			{[][]byte{d.delta}, "key frame, " + all},
			{[][]byte{d.key}, all},
			{with(d.sets[:last], d.key), "pps"}, // which are remembered
			{[][]byte{d.delta}, "key frame, pps"},
			{[][]byte{d.sets[last], d.delta}, "key frame"},
		} {
			f := media.Frame{Track: 1, PTS: time.Second, Data: annexB(step.units...)}
			if part := refused(t, c, f, ErrNeedKeyFrame).Part; part != step.want {
				t.Errorf("needed is %q, want %q", part, step.want)
			}
		}
		if out := take(t, c, annexB(d.key)); !out.Key || out.Changed {
			t.Errorf("a key frame when there is everything: %+v", out)
		}
		declares(t, c, d.private)
	})
}

// Encoders hand parameter sets and supplemental units over as frames of their own:
// they go out with the next picture.
func TestUnitsWithoutAPictureWaitForOne(t *testing.T) {
	t.Parallel()
	eachDialect(t, func(t *testing.T, d *dialect) {
		c := d.new(t, nil)
		for _, set := range d.sets {
			if out := take(t, c, annexB(d.aud, set)); !out.Skip || len(out.Payload) > 0 {
				t.Errorf("a set alone: %+v", out)
			}
		}
		if out := take(t, c, prefixed(d.sei, d.filler)); !out.Skip {
			t.Errorf("supplemental units alone: %+v", out)
		}
		out := take(t, c, prefixed(d.aud, d.key))
		wantPayload(t, out, with(d.sets, d.sei, d.key)...) // a delimiter has to be first
		declares(t, c, d.private)
		wantPayload(t, take(t, c, prefixed(d.aud, d.delta)), d.aud, d.delta)
	})
}

// They do not wait for ever.
func TestUnitsThatWaitAreBounded(t *testing.T) {
	t.Parallel()
	eachDialect(t, func(t *testing.T, d *dialect) {
		c := d.new(t, d.private)
		sei := append(bytes.Clone(d.sei), bytes.Repeat([]byte{0x55}, 1000)...)
		notices := 0
		for range 1000 {
			out := take(t, c, annexB(sei))
			if !out.Skip {
				t.Fatalf("%+v", out)
			}
			if out.Notice != nil {
				notices++
				if !errors.Is(out.Notice, ErrUnitsDropped) {
					t.Error(out.Notice)
				}
			}
		}
		out := take(t, c, annexB(d.key))
		if len(out.Payload) > maxLoose+100 || notices != 1 {
			t.Errorf("%d bytes wait, %d notices", len(out.Payload), notices)
		}
	})
}

// Delimiters and supplemental units are kept, filler is not.
func TestOnlyFillerIsLeftOut(t *testing.T) {
	t.Parallel()
	eachDialect(t, func(t *testing.T, d *dialect) {
		c := d.new(t, d.private)
		out := take(t, c, annexB(d.aud, d.sei, d.key, d.filler, d.end))
		wantPayload(t, out, d.aud, d.sei, d.key, d.end)
		out = take(t, c, prefixed(d.aud, d.filler, d.delta, d.sei))
		wantPayload(t, out, d.aud, d.delta, d.sei)
	})
}

func TestDamagedFramesAreRefusedAlone(t *testing.T) {
	t.Parallel()
	eachDialect(t, func(t *testing.T, d *dialect) {
		whole := prefixed(d.aud, d.key)
		bad := bytes.Clone(d.delta)
		bad[0] |= 0x80
		broken := bytes.Clone(d.others[len(d.others)-2]) // an SPS
		broken = broken[:len(broken)/3]
		for name, tc := range map[string]struct {
			data   []byte
			offset int
			part   string
		}{
			"a length that reaches past the end":   {append(bytes.Clone(whole), 0, 0, 0, 9, 1), len(whole), "nal unit length"},
			"a length cut short":                   {append(bytes.Clone(whole), 0, 0, 0), len(whole), "nal unit length"},
			"a frame cut short":                    {whole[:len(whole)-1], 4 + len(d.aud), "nal unit length"},
			"bytes that are no units":              {[]byte("hello, world"), 0, "nal unit length"},
			"the forbidden bit behind a length":    {prefixed(d.key, bad), len(prefixed(d.key)) + 4, "nal unit header"},
			"the forbidden bit behind start codes": {annexB(d.key, bad), len(annexB(d.key)) + 3, "nal unit header"},
			"a slice of one byte":                  {annexB(d.key[:1]), 4, "nal unit header"},
			"start codes and nothing":              {[]byte{0, 0, 0, 1, 0, 0, 1, 0}, 0, "nal units"},
			"lengths of zero":                      {make([]byte, 8), 0, "nal units"},
			"a sequence that cannot be read": {
				annexB(with(with(d.others[:len(d.others)-2], broken, d.others[len(d.others)-1]), d.key)...), 4, "parameter sets",
			},
		} {
			for _, private := range [][]byte{nil, d.private} {
				c := d.new(t, private)
				if private == nil {
					take(t, c, annexB(with(d.sets, d.key)...))
				}
				details := refused(t, c, media.Frame{Track: 1, PTS: time.Minute, Data: tc.data}, ErrBadFrame)
				if details.Offset != tc.offset || details.Part != tc.part {
					t.Errorf("%s: %s at %d, want %s at %d", name, details.Part, details.Offset, tc.part, tc.offset)
				}
				for _, unit := range [][]byte{d.delta, d.key} {
					out := take(t, c, annexB(unit))
					if out.Changed {
						t.Errorf("%s: the frame behind it: %+v", name, out)
					}
					wantPayload(t, out, unit)
				}
				declares(t, c, d.private)
			}
		}
	})
}

func TestAFrameMayNotHaveAnyNumberOfUnits(t *testing.T) {
	t.Parallel()
	eachDialect(t, func(t *testing.T, d *dialect) {
		c := d.new(t, d.private)
		all := make([][]byte, maxUnits)
		for i := range all {
			all[i] = d.key2
		}
		all[0] = d.key
		if out := take(t, c, prefixed(all...)); out.Copied || out.Notice != nil {
			t.Errorf("%d slices: copied is %v, %v", len(all), out.Copied, out.Notice)
		}
		if part := refused(t, c, media.Frame{Track: 1, Data: annexB(append(all, d.key2)...)}, ErrBadFrame).Part; part != "number of nal units" {
			t.Errorf("one more: %s", part)
		}
		take(t, c, annexB(d.delta))
		if n := cap(c.shape.(*units).list); n > keptUnits {
			t.Errorf("%d places are kept", n)
		}
	})
}

// A large frame does not leave its memory with every track for ever.
func TestMemoryForLargeFramesIsLetGo(t *testing.T) {
	t.Parallel()
	eachDialect(t, func(t *testing.T, d *dialect) {
		c := d.new(t, d.private)
		large := append(bytes.Clone(d.key), bytes.Repeat([]byte{0x55}, 20<<20)...)
		var dst []byte
		for i, frame := range [][]byte{annexB(large), annexB(d.delta), annexB(large[:1<<20]), annexB(d.delta)} {
			out, err := c.condition(dst, media.Frame{Track: 1, Data: frame})
			if err != nil || !out.Copied {
				t.Fatal(err)
			}
			if dst = out.Payload; i > 0 && cap(dst) > 2<<20 {
				t.Errorf("%d bytes are kept behind frame %d", cap(dst), i)
			}
		}
	})
}

// A frame with short start codes may be within the bound, and beyond it with
// lengths in their place.
func TestWhatIsSentForAFrameIsBounded(t *testing.T) {
	t.Parallel()
	d := dialects(t)["H.264"]
	c := d.new(t, d.private)
	data := annexB(d.key, d.key2)
	data = append(data, bytes.Repeat([]byte{0x55}, MaxFrameSize-len(data))...)
	refused(t, c, media.Frame{Track: 1, Data: data}, ErrFrameTooLarge)
	if out := take(t, c, data[:len(data)-1]); len(out.Payload) != MaxFrameSize {
		t.Errorf("%d bytes of %d", len(out.Payload), MaxFrameSize)
	}
}

func TestASequenceThatIsTooLargeIsRefused(t *testing.T) {
	t.Parallel()
	eachDialect(t, func(t *testing.T, d *dialect) {
		c := d.new(t, d.private)
		set := append(bytes.Clone(d.others[0]), []byte(strings.Repeat("U", 1<<16))...)
		data := annexB(d.aud, set, d.key)
		if at := refused(t, c, media.Frame{Track: 1, Data: data}, ErrBadFrame).Offset; at != len(annexB(d.aud))+3 {
			t.Errorf("the fault is at %d", at)
		}
		take(t, c, annexB(d.key))
	})
}
