package media

import (
	"bytes"
	"slices"
	"strings"
)

// maxNoted bounds the parameter sets that a ParameterSetWatch keeps before they
// are in force, in bytes. Of each kind it keeps maxParameterSets.
const maxNoted = 1 << 20

// A ParameterSetWatch follows the parameter sets in the frames of one H.264 or
// H.265 track, and makes codec private data of them. Sets that say what is known
// cost a comparison and no memory. It is for one goroutine.
//
//	for each set in a frame: Note
//	at a key frame:          Settle
//
// The rule of Settle: where a VPS or an SPS is new, the sets of each kind are
// those that were noted, old and new, or all that were in force if none was;
// where only a PPS is new, it takes the place of the one with its number, or
// joins the others.
type ParameterSetWatch struct {
	codec  Codec
	lists  [setKinds][][]byte // in force
	noted  [setKinds][]uint64 // a bit for each set in force that was noted
	fresh  [setKinds][][]byte // noted and not in force
	record []byte             // configuration record of lists
}

// NewParameterSetWatch returns a watch without any sets. Codec must be AVC or HEVC.
func NewParameterSetWatch(codec Codec) *ParameterSetWatch {
	return &ParameterSetWatch{codec: codec}
}

// Load takes codec private data, a configuration record or bare sets in Annex B
// form, for what is in force. The record that Record returns from then on has
// lengths of four bytes; it is the given one, byte for byte, where that has them
// and is right in what H.265 records repeat.
func (w *ParameterSetWatch) Load(private []byte) error {
	private = bytes.Clone(private)
	if w.codec == AVC {
		c, size, err := avcConfig(private)
		if err != nil {
			return err
		}
		return w.load(private, size, [setKinds][][]byte{kindSPS: c.SPS, kindPPS: c.PPS}, func() ([]byte, error) {
			c.LengthSize = usualLengthSize
			return c.Append(nil)
		})
	}
	c, size, err := hevcConfig(private)
	if err != nil {
		return err
	}
	return w.load(private, size, [setKinds][][]byte{c.VPS, c.SPS, c.PPS}, func() ([]byte, error) {
		c.LengthSize = usualLengthSize
		return c.Append(nil)
	})
}

func (w *ParameterSetWatch) load(private []byte, size int, lists [setKinds][][]byte, write func() ([]byte, error)) error {
	record, err := write()
	if err != nil {
		return err
	}
	const profile = 13 // bytes of an hvcC up to the end of the profile
	if size == usualLengthSize && (w.codec == AVC || bytes.Equal(private[:profile], record[:profile])) {
		record = private
	}
	w.Forget()
	w.lists, w.record = lists, record
	return nil
}

// Record returns the configuration record of the sets in force, nil if there
// are none. It is not written to afterwards.
func (w *ParameterSetWatch) Record() []byte { return w.record }

// Note takes a parameter set, which it copies where it is new. Units that are no
// sets are passed over. The error is one of [ErrLimit]; then the set is not taken.
func (w *ParameterSetWatch) Note(unit []byte) error {
	kind, ok := setKind(w.codec, unit)
	if !ok {
		return nil
	}
	for i, known := range w.lists[kind] {
		if bytes.Equal(known, unit) {
			w.mark(kind, i)
			w.restore(kind, unit)
			return nil
		}
	}
	same := func(other []byte) bool { return bytes.Equal(other, unit) }
	if slices.ContainsFunc(w.fresh[kind], same) {
		return nil
	}
	if len(unit) > maxParameterSet || len(w.fresh[kind]) == maxParameterSets || w.size()+len(unit) > maxNoted {
		return syntax(w.codec, "parameter set", ErrLimit)
	}
	w.fresh[kind] = replaceSet(w.codec, kind, w.fresh[kind], bytes.Clone(unit))
	return nil
}

// size is the number of bytes that wait to be in force. Sets that took each
// other's place count once, however many there were.
func (w *ParameterSetWatch) size() (n int) {
	for _, list := range w.fresh {
		for _, unit := range list {
			n += len(unit)
		}
	}
	return n
}

func (w *ParameterSetWatch) mark(kind, i int) {
	for len(w.noted[kind]) <= i/64 {
		w.noted[kind] = append(w.noted[kind], 0)
	}
	w.noted[kind][i/64] |= 1 << (i % 64)
}

// restore drops what was to take the place of a set that came again.
func (w *ParameterSetWatch) restore(kind int, unit []byte) {
	if len(w.fresh[kind]) == 0 {
		return
	}
	number, ok := setNumber(w.codec, kind, unit)
	if !ok {
		return
	}
	w.fresh[kind] = slices.DeleteFunc(w.fresh[kind], func(other []byte) bool {
		n, readable := setNumber(w.codec, kind, other)
		return readable && n == number
	})
}

// replaceSet puts unit in place of the set with its number, or behind the others.
func replaceSet(codec Codec, kind int, list [][]byte, unit []byte) [][]byte {
	number, ok := setNumber(codec, kind, unit)
	i := slices.IndexFunc(list, func(other []byte) bool {
		n, readable := setNumber(codec, kind, other)
		return ok && readable && n == number
	})
	if i < 0 {
		return append(list, unit)
	}
	list[i] = unit
	return list
}

// Missing names the kinds of sets that have neither been noted nor are in force,
// such as "sps, pps"; it is empty if there are all that a decoder needs.
func (w *ParameterSetWatch) Missing() string {
	var names []string
	for kind, name := range [setKinds]string{"vps", "sps", "pps"} {
		if kind == kindVPS && w.codec == AVC {
			continue
		}
		if len(w.lists[kind]) == 0 && len(w.fresh[kind]) == 0 {
			names = append(names, name)
		}
	}
	return strings.Join(names, ", ")
}

// Settle puts the sets that were noted in force and reports whether anything has
// changed by that; then Record is another one. On error, which says what is wrong
// with the sets together, the old ones stay in force. Either way nothing is noted
// afterwards.
func (w *ParameterSetWatch) Settle() (changed bool, err error) {
	defer w.Forget()
	if len(w.fresh[kindVPS])+len(w.fresh[kindSPS])+len(w.fresh[kindPPS]) == 0 {
		return false, nil
	}
	lists := w.settled()
	record, err := w.write(lists)
	if err != nil {
		return false, err
	}
	w.lists, w.record = lists, record
	return true, nil
}

// settled applies the rule.
func (w *ParameterSetWatch) settled() (lists [setKinds][][]byte) {
	anew := len(w.fresh[kindVPS])+len(w.fresh[kindSPS]) > 0
	for kind := range lists {
		list := slices.Clone(w.lists[kind])
		if anew && len(w.fresh[kind])+len(w.noted[kind]) > 0 {
			list = w.notedSets(kind)
		}
		for _, unit := range w.fresh[kind] {
			list = replaceSet(w.codec, kind, list, unit)
		}
		lists[kind] = list
	}
	return lists
}

func (w *ParameterSetWatch) notedSets(kind int) (list [][]byte) {
	for i, unit := range w.lists[kind] {
		if i/64 < len(w.noted[kind]) && w.noted[kind][i/64]>>(i%64)&1 == 1 {
			list = append(list, unit)
		}
	}
	return list
}

func (w *ParameterSetWatch) write(lists [setKinds][][]byte) ([]byte, error) {
	if w.codec == AVC {
		c, err := NewAVCConfig(lists[kindSPS], lists[kindPPS])
		if err != nil {
			return nil, err
		}
		return c.Append(nil)
	}
	c, err := NewHEVCConfig(lists[kindVPS], lists[kindSPS], lists[kindPPS])
	if err != nil {
		return nil, err
	}
	return c.Append(nil)
}

// Forget drops what was noted.
func (w *ParameterSetWatch) Forget() {
	for kind := range w.fresh {
		clear(w.noted[kind])
		w.noted[kind] = w.noted[kind][:0]
		w.fresh[kind] = nil
	}
}
