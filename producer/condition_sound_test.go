package producer

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"github.com/millrace/millrace/media"
)

// adts puts a header in front of a raw frame.
func adts(object, rateIndex, channels int, checksum bool, raw []byte) []byte {
	size := 7 + len(raw)
	protected := byte(1)
	if checksum {
		size, protected = size+2, 0
	}
	b := []byte{
		0xff, 0xf0 | protected, byte(object-1)<<6 | byte(rateIndex)<<2 | byte(channels>>2),
		byte(channels)<<6 | byte(size>>11), byte(size >> 3), byte(size)<<5 | 0x1f, 0xfc,
	}
	if checksum {
		b = append(b, 0xab, 0xcd)
	}
	return append(b, raw...)
}

// Sampling rates as ADTS counts them.
const (
	rate48000 = 3
	rate44100 = 4
	rate24000 = 6
)

func TestADTSHeadersAreTakenOff(t *testing.T) {
	t.Parallel()
	raw := unhex(t, "21 00 49 90 02 19 00 23 80")
	for name, track := range map[string]media.Track{
		"nothing declared":           {Codec: media.AAC},
		"the identifier":             {CodecID: "A_AAC/MPEG4/LC"},
		"rate and channels":          {Codec: media.AAC, SampleRate: 48000, Channels: 2},
		"the configuration":          {Codec: media.AAC, Private: unhex(t, "1190")},
		"a rate":                     {Codec: media.AAC, SampleRate: 48000},
		"another rate":               {Codec: media.AAC, SampleRate: 44100},
		"other channels":             {Codec: media.AAC, Channels: 6},
		"a WAVEFORMATEX with it":     {CodecID: "A_MS/ACM", Private: unhex(t, "ff00 0200 80bb0000 00000000 0100 1000 0200 1190")},
		"a WAVEFORMATEX, but not it": {CodecID: "A_MS/ACM", Private: unhex(t, "ff00 0200 80bb0000 00000000 0100 1000 0000")},
	} {
		for _, checksum := range []bool{false, true} {
			c := newTestConditioner(t, track)
			data := adts(2, rate48000, 2, checksum, raw)
			out := take(t, c, data)
			if !bytes.Equal(out.Payload, raw) || out.Copied || !out.Key || out.Changed {
				t.Errorf("%s: %+v", name, out)
			}
			now, known := c.track()
			if !known || now.CodecID != "A_AAC" || !bytes.Equal(now.Private, unhex(t, "1190")) || now.SampleRate != 48000 || now.Channels != 2 {
				t.Errorf("%s: %v %+v", name, known, now)
			}
			if out := take(t, c, raw); !bytes.Equal(out.Payload, raw) || out.Copied {
				t.Errorf("%s: raw: %+v", name, out)
			}
		}
	}
}

// Half of the output rate is what the core of AAC with band replication has.
func TestADTSOfBandReplicationIsTheCores(t *testing.T) {
	t.Parallel()
	raw := unhex(t, "21 00 49 90")
	for name, track := range map[string]media.Track{
		"the output's rate": {Codec: media.AAC, SampleRate: 48000},
		"a configuration":   {Codec: media.AAC, Private: unhex(t, "131056e598")},
		"in front":          {Codec: media.AAC, Private: unhex(t, "2b118800")},
	} {
		c := newTestConditioner(t, track)
		out := take(t, c, adts(2, rate24000, 2, false, raw))
		if now, known := c.track(); !known || out.Changed || now.SampleRate != 48000 && track.Private == nil {
			t.Errorf("%s: %+v, %+v", name, out, now)
		}
	}
}

func TestAChangeOfADTSHeadersChangesTheTrack(t *testing.T) {
	t.Parallel()
	raw := unhex(t, "21 00 49 90")
	c := newTestConditioner(t, media.Track{Codec: media.AAC, Name: "cabin"})
	take(t, c, adts(2, rate48000, 2, false, raw))
	before, _ := c.track()
	out := take(t, c, adts(2, rate44100, 1, false, raw))
	now, _ := c.track()
	if !out.Changed || !out.Key || now.SampleRate != 44100 || now.Channels != 1 || !bytes.Equal(now.Private, unhex(t, "1208")) || now.Name != "cabin" {
		t.Errorf("%+v, %+v", out, now)
	}
	if before.SampleRate != 48000 || !bytes.Equal(before.Private, unhex(t, "1190")) {
		t.Errorf("what was handed out has become %+v", before)
	}
	if out := take(t, c, adts(2, rate44100, 1, false, raw)); out.Changed {
		t.Error("the same header changed the track")
	}
}

func TestADTSFramesThatAreNoneAreRefusedAlone(t *testing.T) {
	t.Parallel()
	raw := unhex(t, "21 00 49 90 02 19 00 23 80")
	good := adts(2, rate48000, 2, false, raw)
	blocks := bytes.Clone(good)
	blocks[6] |= 1
	empty := adts(2, rate48000, 2, false, nil)
	for name, tc := range map[string]struct {
		data   []byte
		offset int
		part   string
	}{
		"a header cut short":    {good[:5], 0, "adts header"},
		"a sync word alone":     {good[:2], 0, "adts header"},
		"a frame cut short":     {good[:12], 12, "end of the adts frame"},
		"two frames":            {append(bytes.Clone(good), good...), len(good), "more than one adts frame"},
		"a byte too many":       {append(bytes.Clone(good), 0), len(good), "more than one adts frame"},
		"two blocks":            {blocks, 6, "more than one block behind an adts header"},
		"a header and no frame": {empty, 0, "adts header"},
		"a rate there is not":   {adts(2, 13, 2, false, raw), 0, "adts header"},
	} {
		for _, track := range []media.Track{{Codec: media.AAC}, {Codec: media.AAC, Private: unhex(t, "1190")}} {
			c := newTestConditioner(t, track)
			details := refused(t, c, media.Frame{Track: 1, PTS: time.Second, Data: tc.data}, ErrBadFrame)
			if details.Offset != tc.offset || details.Part != tc.part {
				t.Errorf("%s: %s at %d", name, details.Part, details.Offset)
			}
			if out := take(t, c, good); out.Changed || !bytes.Equal(out.Payload, raw) {
				t.Errorf("%s: the frame behind it: %+v", name, out)
			}
		}
	}
}

func TestSoundThatCannotBeDecodedNeedsPrivateData(t *testing.T) {
	t.Parallel()
	raw := unhex(t, "21 00 49 90")
	c := newTestConditioner(t, media.Track{Codec: media.AAC})
	if _, known := c.track(); known {
		t.Error("the track is known")
	}
	refused(t, c, media.Frame{Track: 1, Data: raw}, ErrNeedPrivate)
	// Where the frames list their channels, only their decoder knows them.
	listed := adts(2, rate48000, 0, false, raw)
	refused(t, c, media.Frame{Track: 1, Data: listed}, ErrNeedPrivate)
	take(t, c, adts(2, rate48000, 1, false, raw))
	refused(t, c, media.Frame{Track: 1, Data: listed}, ErrNeedPrivate)

	c = newTestConditioner(t, media.Track{Codec: media.AAC, Private: privateOf(t, "aac-pce")})
	if out := take(t, c, adts(2, rate44100, 0, false, raw)); out.Changed || !bytes.Equal(out.Payload, raw) {
		t.Errorf("with private data that list them: %+v", out)
	}
}

func TestDeclarationsOfAAC(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		track   media.Track
		private string // empty is an error
	}{
		"rate and channels":                {media.Track{SampleRate: 44100, Channels: 1}, "1208"},
		"a rate of no table":               {media.Track{SampleRate: 44099.4, Channels: 2}, "17 80 56 21 90"},
		"a rate that is not whole":         {media.Track{SampleRate: 44099.7, Channels: 2}, "1210"},
		"eight channels":                   {media.Track{SampleRate: 48000, Channels: 8}, "11b8"},
		"seven channels":                   {media.Track{SampleRate: 48000, Channels: 7}, ""},
		"a configuration":                  {media.Track{Private: unhex(t, "1190")}, "1190"},
		"one with its rate":                {media.Track{Private: unhex(t, "1190"), SampleRate: 48000, Channels: 2}, "1190"},
		"one with twice its rate":          {media.Track{Private: unhex(t, "1310"), SampleRate: 48000}, "1310"},
		"one with another rate":            {media.Track{Private: unhex(t, "1190"), SampleRate: 44100}, ""},
		"one with other channels":          {media.Track{Private: unhex(t, "1190"), Channels: 6}, ""},
		"mono that becomes stereo":         {media.Track{Private: unhex(t, "1308"), Channels: 2}, "1308"},
		"mono, and not more":               {media.Track{Private: unhex(t, "130856e500"), Channels: 2}, ""},
		"mono with parametric stereo":      {media.Track{Private: unhex(t, "eb098800"), Channels: 2}, "eb098800"},
		"a configuration cut short":        {media.Track{Private: unhex(t, "11")}, ""},
		"six channels listed by the track": {media.Track{Private: privateOf(t, "aac-51"), Channels: 6}, "11b056e500"},
	} {
		tc.track.Number, tc.track.Codec = 1, media.AAC
		c, err := newConditioner(tc.track)
		if tc.private == "" {
			if !errors.Is(err, ErrBadTrack) {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		now, known := c.track()
		if !known || !bytes.Equal(now.Private, unhex(t, tc.private)) || now.SampleRate == 0 || now.Channels == 0 {
			t.Errorf("%s: %v, %x, %+v", name, known, now.Private, now)
		}
	}
}

func TestDeclarationsOfOpus(t *testing.T) {
	t.Parallel()
	surround := privateOf(t, "opus-51")
	short := surround[:len(surround)-1]
	for name, tc := range map[string]struct {
		track    media.Track
		private  []byte // nil is an error
		channels int
	}{
		"nothing":              {media.Track{}, unhex(t, "4f70757348656164 01 01 0000 00000000 0000 00"), 1},
		"stereo of 16 kHz":     {media.Track{Channels: 2, SampleRate: 16000}, unhex(t, "4f70757348656164 01 02 0000 803e0000 0000 00"), 2},
		"another identifier":   {media.Track{CodecID: "A_OPUS", Channels: 2}, unhex(t, "4f70757348656164 01 02 0000 00000000 0000 00"), 2},
		"six without a table":  {media.Track{Channels: 6}, nil, 0},
		"six with a table":     {media.Track{Private: surround}, surround, 6},
		"and declared":         {media.Track{Private: surround, Channels: 6}, surround, 6},
		"declared otherwise":   {media.Track{Private: surround, Channels: 2}, nil, 0},
		"a table cut short":    {media.Track{Private: short}, nil, 0},
		"no identification":    {media.Track{Private: []byte("OpusTags, and more of it")}, nil, 0},
		"a later version":      {media.Track{Private: append([]byte("OpusHead\x1f"), surround[9:]...)}, nil, 0},
		"more streams coupled": {media.Track{Private: append(append([]byte(nil), surround[:20]...), append([]byte{9}, surround[21:]...)...)}, nil, 0},
	} {
		tc.track.Number, tc.track.Codec = 1, media.Opus
		c, err := newConditioner(tc.track)
		if tc.private == nil {
			if !errors.Is(err, ErrBadTrack) {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		now, known := c.track()
		if !known || !bytes.Equal(now.Private, tc.private) || now.Channels != tc.channels || now.SampleRate != 48000 || now.CodecID != "A_OPUS" {
			t.Errorf("%s: %v, %x, %+v", name, known, now.Private, now)
		}
	}
}

func TestOpusPacketsAreChecked(t *testing.T) {
	t.Parallel()
	c := newTestConditioner(t, media.Track{Codec: media.Opus})
	for name, packet := range map[string][]byte{
		"a frame of 20 ms":    unhex(t, "f8 ff fe"),
		"a frame of no bytes": unhex(t, "78"), // as in silence
		"two of one size":     unhex(t, "f9 11 22"),
		"two of two":          unhex(t, "fa 01 11 22"),
		"three":               unhex(t, "fb 03 11 22 33"),
		"120 ms":              unhex(t, "fb 06 112233445566"),
	} {
		if out := take(t, c, packet); !bytes.Equal(out.Payload, packet) || out.Copied || !out.Key {
			t.Errorf("%s: %+v", name, out)
		}
	}
	for name, packet := range map[string][]byte{
		"two that cannot be of one size": unhex(t, "f9 11 22 33"),
		"two of two, cut short":          unhex(t, "fa"),
		"a count cut short":              unhex(t, "fb"),
		"no frames":                      unhex(t, "fb 00"),
		"more than 120 ms":               unhex(t, "fb 07 11223344556677"),
		"the identification":             []byte("OpusHead\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00"),
		"comments":                       []byte("OpusTags\x00\x00\x00\x00\x00\x00\x00\x00"),
	} {
		t.Run(name, func(t *testing.T) {
			refused(t, c, media.Frame{Track: 1, PTS: time.Second, Data: packet}, ErrBadFrame)
		})
	}
}

func TestDeclarationsOfSamples(t *testing.T) {
	t.Parallel()
	const acm = "A_MS/ACM"
	alaw := unhex(t, "0600 0100 401f0000 401f0000 0100 0800 0000")
	for name, tc := range map[string]struct {
		track   media.Track
		private []byte
		fails   bool
	}{
		"a-law":                    {media.Track{Codec: media.ALaw}, alaw, false},
		"mu-law of two channels":   {media.Track{Codec: media.MuLaw, SampleRate: 16000, Channels: 2}, unhex(t, "0700 0200 803e0000 007d0000 0200 0800 0000"), false},
		"a format":                 {media.Track{CodecID: acm, Private: alaw}, alaw, false},
		"a format without bits":    {media.Track{CodecID: acm, Private: unhex(t, "0600 0100 401f0000 401f0000 0100 0000 0000")}, alaw, false},
		"a format that is short":   {media.Track{CodecID: acm, Private: alaw[:16]}, alaw[:16], false},
		"a format and other rate":  {media.Track{CodecID: acm, Private: alaw, SampleRate: 16000}, nil, true},
		"a format, other channels": {media.Track{CodecID: acm, Private: alaw, Channels: 2}, nil, true},
		"a format of no channels":  {media.Track{CodecID: acm, Private: unhex(t, "0600 0000 401f0000 401f0000 0100 0800 0000")}, nil, true},
		"a format of 16 bits":      {media.Track{CodecID: acm, Private: unhex(t, "0600 0100 401f0000 401f0000 0100 1000 0000")}, nil, true},
		"a format of nothing":      {media.Track{CodecID: acm}, nil, true},
		"half a format":            {media.Track{Codec: media.ALaw, CodecID: acm, Private: alaw[:9]}, nil, true},
		"PCM":                      {media.Track{Codec: media.PCMLittle, SampleRate: 48000, Channels: 2, BitDepth: 16}, nil, false},
		"PCM without a rate":       {media.Track{Codec: media.PCMLittle, Channels: 2, BitDepth: 16}, nil, true},
		"PCM without bits":         {media.Track{Codec: media.PCMBig, SampleRate: 48000, Channels: 2}, nil, true},
		"PCM of twelve bits":       {media.Track{Codec: media.PCMBig, SampleRate: 48000, Channels: 2, BitDepth: 12}, nil, true},
	} {
		tc.track.Number = 1
		c, err := newConditioner(tc.track)
		if tc.fails || err != nil {
			if !tc.fails || !errors.Is(err, ErrBadTrack) {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		if now, known := c.track(); !known || !bytes.Equal(now.Private, tc.private) || now.SampleRate == 0 || now.Channels == 0 || now.BitDepth == 0 {
			t.Errorf("%s: %v, %x, %+v", name, known, now.Private, now)
		}
	}
}

func TestSamplesAreWhole(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		track media.Track
		align int
	}{
		"a-law":                    {media.Track{Codec: media.ALaw}, 1},
		"mu-law of two channels":   {media.Track{Codec: media.MuLaw, Channels: 2}, 2},
		"16 bits, two channels":    {media.Track{Codec: media.PCMLittle, SampleRate: 48000, Channels: 2, BitDepth: 16}, 4},
		"24 bits, three channels":  {media.Track{Codec: media.PCMBig, SampleRate: 48000, Channels: 3, BitDepth: 24}, 9},
		"floating point, a format": {media.Track{CodecID: "A_MS/ACM", Private: unhex(t, "0300 0100 80bb0000 00ee0200 0400 2000 0000")}, 4},
	} {
		c := newTestConditioner(t, tc.track)
		data := make([]byte, 10*tc.align)
		if out := take(t, c, data); !bytes.Equal(out.Payload, data) || out.Copied || !out.Key {
			t.Errorf("%s: %+v", name, out)
		}
		for n := 1; n < tc.align; n++ {
			if at := refused(t, c, media.Frame{Track: 1, Data: data[:n+tc.align]}, ErrBadFrame).Offset; at != tc.align {
				t.Errorf("%s: the fault is at %d", name, at)
			}
		}
		take(t, c, data[:tc.align])
	}
}
