package producer

import (
	"slices"

	"github.com/millrace/millrace/media"
)

// split finds the units of a frame, and how they are framed: the number of bytes
// of length in front of each, or 0 for start codes. It looks for lengths of the
// declared size, which is four if nothing is declared, then for start codes, and
// for shorter lengths if nothing is declared. Lengths come first because a length
// of some 300 bytes looks like a start code, and a frame in Annex B form is
// hardly ever a whole sequence of lengths; shorter lengths come last because a
// start code may look like several of them.
func (u *units) split(codec media.Codec, f media.Frame) (size int, err error) {
	if cap(u.list) > keptUnits {
		u.list = nil
	}
	offset, part := 0, ""
	if u.declared == 0 || u.declared == lengths {
		if offset, part = u.splitLengths(codec, f.Data, lengths); part == "" {
			return u.choose(codec, f.Data), nil
		}
	}
	if beginsAnnexB(f.Data) {
		offset, part = u.splitStartCodes(codec, f.Data)
		return 0, faulty(f, offset, part)
	}
	if u.declared == 1 || u.declared == 2 {
		offset, part = u.splitLengths(codec, f.Data, u.declared)
		return u.declared, faulty(f, offset, part)
	}
	for size := 2; u.declared == 0 && size > 0; size-- {
		if _, fault := u.splitLengths(codec, f.Data, size); fault == "" {
			return size, nil
		}
	}
	return 0, faulty(f, offset, part)
}

// choose keeps the lengths that were found, but where they look like start codes,
// and only as start codes make the beginning of a picture.
func (u *units) choose(codec media.Codec, data []byte) (size int) {
	if u.begins() || !media.HasStartCode(data) {
		return lengths
	}
	if _, fault := u.splitStartCodes(codec, data); fault == "" && u.begins() {
		return 0
	}
	u.splitLengths(codec, data, lengths)
	return lengths
}

// begins reports whether a picture begins among the units.
func (u *units) begins() bool {
	return slices.ContainsFunc(u.list, func(n unit) bool { return n.info.First })
}

func faulty(f media.Frame, offset int, part string) error {
	if part == "" {
		return nil
	}
	return refuse(f, offset, part, ErrBadFrame)
}

// beginsAnnexB reports whether data begin with a start code, however many zero
// bytes are in front of it.
func beginsAnnexB(data []byte) bool {
	for i, b := range data {
		if b != 0 {
			return b == 1 && i >= 2
		}
	}
	return false
}

// splitLengths finds units behind lengths. Empty units are left out; shorter
// lengths than four bytes must not have any, or too much would look like them.
func (u *units) splitLengths(codec media.Codec, data []byte, size int) (offset int, fault string) {
	u.list = u.list[:0]
	for at := 0; at < len(data); {
		if len(data)-at < size {
			return at, "nal unit length"
		}
		n := uint64(0)
		for _, b := range data[at : at+size] {
			n = n<<8 | uint64(b)
		}
		begin := at + size
		if n > uint64(len(data)-begin) || n == 0 && size < lengths {
			return at, "nal unit length"
		}
		at = begin + int(n)
		if n == 0 {
			continue
		}
		if fault := u.add(codec, data, begin, at); fault != "" {
			return begin, fault
		}
	}
	return 0, u.none()
}

func (u *units) splitStartCodes(codec media.Codec, data []byte) (offset int, fault string) {
	u.list = u.list[:0]
	for next := 0; ; {
		begin, end, after, ok := media.NextAnnexB(data, next)
		if !ok {
			return 0, u.none()
		}
		if fault := u.add(codec, data, begin, end); fault != "" {
			return begin, fault
		}
		next = after
	}
}

func (u *units) none() string {
	if len(u.list) == 0 {
		return "nal units"
	}
	return ""
}

func (u *units) add(codec media.Codec, data []byte, begin, end int) (fault string) {
	info, ok := media.InspectUnit(codec, data[begin:end])
	switch {
	case !ok:
		return "nal unit header"
	case len(u.list) == maxUnits:
		return "number of nal units"
	}
	u.list = append(u.list, unit{begin, end, info})
	return ""
}
