package producer

import (
	"encoding/binary"
	"errors"
	"slices"

	"github.com/millrace/millrace/media"
)

const (
	maxUnits  = 1 << 16  // NAL units of one frame
	keptUnits = 1 << 10  // places for them that are kept from frame to frame
	maxLoose  = 64 << 10 // bytes of units that wait for a picture
	lengths   = 4        // bytes of length before each unit that is sent
	keptBytes = 2 << 20  // of memory for a frame that are kept in any case
)

// declareUnits prepares for H.264 and H.265. Private data that have no sets, as
// of tracks that promise them in band, count as none.
func (c *conditioner) declareUnits() error {
	u := &units{watch: media.NewParameterSetWatch(c.now.Codec)}
	c.shape = u
	private, err := c.unwrapped()
	if err != nil {
		return c.privateError(err)
	}
	c.now.CodecID, c.now.Private = c.now.Codec.CodecID(), nil
	if len(private) == 0 {
		return nil
	}
	u.declared = recordLength(c.now.Codec, private)
	switch err := u.watch.Load(private); {
	case errors.Is(err, media.ErrMissing) && u.declared > 0:
		return nil
	case err != nil:
		return c.privateError(err)
	}
	c.adopt(u.watch.Record())
	u.learn(c.now)
	return nil
}

// unwrapped returns the private data without the structure that they have in
// tracks whose identifier leaves the codec to it.
func (c *conditioner) unwrapped() ([]byte, error) {
	if c.now.CodecID != "V_MS/VFW/FOURCC" {
		return c.now.Private, nil
	}
	m, err := media.ParseBitmapInfo(c.now.Private)
	return m.Extra, err
}

// recordLength is the number of bytes of length that a configuration record
// declares, 0 for sets in Annex B form.
func recordLength(codec media.Codec, private []byte) int {
	at := 4
	if codec == media.HEVC {
		at = 21
	}
	if len(private) <= at || private[0] != 1 {
		return 0
	}
	return int(private[at]&3) + 1
}

// learn takes from the track's first SPS what frames are judged by.
func (u *units) learn(t media.Track) {
	u.fields, u.alone = false, true
	if t.Codec == media.AVC {
		if config, err := media.ParseAVCConfig(t.Private); err == nil {
			sps, err := media.ParseAVCSPS(config.SPS[0])
			u.fields = err == nil && sps.Interlaced
		}
		return
	}
	config, err := media.ParseHEVCConfig(t.Private)
	if err != nil {
		return
	}
	sps, err := media.ParseHEVCSPS(config.SPS[0])
	u.alone = err == nil && sps.TemporalLayers == 1
}

// units makes frames of H.264 and H.265 sequences of NAL units behind lengths of
// four bytes, without filler. Units that come without a picture wait for the
// next one and go in front of it.
type units struct {
	watch    *media.ParameterSetWatch
	declared int    // bytes of length that the private data declare, 0 if they do not
	fields   bool   // pictures of H.264 may be fields, two to a frame
	alone    bool   // what no picture of its temporal layer needs, none needs
	list     []unit // of the frame at hand
	held     []byte // units that wait, as they will be sent
}

// A unit is where a NAL unit stands in a frame.
type unit struct {
	begin, end int
	info       media.UnitInfo
}

func (u *units) shape(c *conditioner, dst []byte, f media.Frame) (conditioned, error) {
	size, err := u.split(c.now.Codec, f)
	if err != nil {
		return conditioned{}, err
	}
	if at, err := u.note(f); err != nil {
		return conditioned{}, refuse(f, at, "parameter set", damaged(err))
	}
	p := u.look(c.now.Codec, f)
	if !p.there {
		return u.hold(c, f), nil
	}
	total := u.total()
	if total > MaxFrameSize {
		return conditioned{}, refuse(f, MaxFrameSize, "size", ErrFrameTooLarge)
	}
	out := conditioned{Payload: f.Data, Key: p.key, Discardable: p.disposable}
	if out.Changed, err = u.settle(c, f, p.key); err != nil {
		return conditioned{}, err
	}
	out.Notice = u.odd(c, f, p)
	if total != len(f.Data) || size != lengths || len(u.held) > 0 {
		out.Payload, out.Copied = u.write(dst, f.Data, total), true
	}
	return out, nil
}

// note notes the parameter sets of the frame at hand. On error it returns where the
// one stands that was not taken.
func (u *units) note(f media.Frame) (at int, err error) {
	for _, n := range u.list {
		if n.info.Kind != media.UnitSet {
			continue
		}
		if err := u.watch.Note(f.Data[n.begin:n.end]); err != nil {
			return n.begin, err
		}
	}
	return 0, nil
}

// A picture is what the units of a frame tell together.
type picture struct {
	there      bool // there is a slice at all
	begins     bool // the first slice is the first of a picture
	pictures   int  // slices that begin one
	key        bool
	disposable bool
}

func (u *units) look(codec media.Codec, f media.Frame) (p picture) {
	p.disposable = true
	for _, n := range u.list {
		if n.info.Kind != media.UnitSlice {
			continue
		}
		if !p.there {
			p.there, p.begins, p.key = true, n.info.First, n.info.Key
		}
		if n.info.First {
			p.pictures++
		}
		p.disposable = p.disposable && n.info.Disposable
	}
	if f.Key && !p.key && codec == media.AVC {
		p.key = u.opens(f)
	}
	if !u.alone {
		p.disposable = f.Discardable
	}
	return p
}

// opens reports whether decoding may start with an H.264 picture that is no
// IDR picture: streams with open groups of pictures have a recovery point
// there, or at least a picture that needs no other.
func (u *units) opens(f media.Frame) bool {
	intra := true
	for _, n := range u.list {
		data := f.Data[n.begin:n.end]
		if n.info.Kind == media.UnitOther && media.AVCRecoveryPoint(data) {
			return true
		}
		intra = intra && (n.info.Kind != media.UnitSlice || media.AVCIntra(data))
	}
	return intra
}

// odd notices what does not keep a frame from being sent. A frame of two fields
// is two pictures to the bitstream.
func (u *units) odd(c *conditioner, f media.Frame, p picture) error {
	switch {
	case !p.begins:
		return c.notice(oddPartial, ErrPartialPicture)
	case f.Key && !p.key:
		return c.notice(oddKey, ErrNotKey)
	case p.pictures > 2, p.pictures == 2 && !u.fields:
		return c.notice(oddPictures, ErrManyPictures)
	default:
		return nil
	}
}

// settle puts the parameter sets that were noted in force where a key frame
// allows it.
func (u *units) settle(c *conditioner, f media.Frame, key bool) (changed bool, err error) {
	if !key {
		if c.known {
			return false, nil
		}
		return false, refuse(f, 0, needed(u.watch.Missing()), ErrNeedKeyFrame)
	}
	if missing := u.watch.Missing(); missing != "" {
		return false, refuse(f, 0, missing, ErrNeedKeyFrame)
	}
	changed, err = u.watch.Settle()
	if err != nil {
		return false, refuse(f, u.firstSet(), "parameter sets", damaged(err))
	}
	if !changed && c.known {
		return false, nil
	}
	before := c.known
	c.adopt(u.watch.Record())
	u.learn(c.now)
	return before, nil
}

func needed(missing string) string {
	if missing == "" {
		return "key frame"
	}
	return "key frame, " + missing
}

// firstSet is where the first parameter set of the frame stands.
func (u *units) firstSet() int {
	for _, n := range u.list {
		if n.info.Kind == media.UnitSet {
			return n.begin
		}
	}
	return 0
}

// hold keeps the units of a frame without a picture.
func (u *units) hold(c *conditioner, f media.Frame) conditioned {
	out := conditioned{Skip: true}
	for _, n := range u.list {
		if n.info.Kind == media.UnitFiller || n.info.Kind == media.UnitDelimiter {
			continue
		}
		if len(u.held)+lengths+n.end-n.begin > maxLoose {
			u.held = u.held[:0]
			out.Notice = c.notice(oddUnits, ErrUnitsDropped)
			return out
		}
		u.held = appendUnit(u.held, f.Data[n.begin:n.end])
	}
	return out
}

// sends reports whether a unit goes on. A delimiter has to be the first of its
// frame, so it gives way to units that waited.
func (u *units) sends(n unit) bool {
	return n.info.Kind != media.UnitFiller && (n.info.Kind != media.UnitDelimiter || len(u.held) == 0)
}

// roomFor returns memory for n bytes, which is dst unless that is out of all
// proportion: a frame that is larger than others should not cost its size for ever.
func roomFor(dst []byte, n int) []byte {
	if cap(dst) > keptBytes && n < cap(dst)/8 {
		dst = nil
	}
	return slices.Grow(dst[:0], n)
}

func appendUnit(dst, data []byte) []byte {
	dst = binary.BigEndian.AppendUint32(dst, uint32(len(data)))
	return append(dst, data...)
}

// inherit takes over what waits for a picture from who conditioned the track before.
func (u *units) inherit(before *units) {
	u.held = before.held
	for unit := range media.LengthPrefixedUnits(u.held, lengths) {
		_ = u.watch.Note(unit) // it was noted before, and so is not too much
	}
}

// total is the size of what is sent for the frame at hand.
func (u *units) total() int {
	total := len(u.held)
	for _, n := range u.list {
		if u.sends(n) {
			total += lengths + n.end - n.begin
		}
	}
	return total
}

// write writes the units that waited, and then those of the frame.
func (u *units) write(dst, data []byte, total int) []byte {
	dst = append(roomFor(dst, total), u.held...)
	for _, n := range u.list {
		if u.sends(n) {
			dst = appendUnit(dst, data[n.begin:n.end])
		}
	}
	u.held = u.held[:0]
	return dst
}
