package media_test

import (
	"encoding/binary"
	"math/bits"
	"os"
	"path/filepath"
	"testing"
)

// mkvTrack and mkvBlock are what these tests need of a Matroska file.
type mkvTrack struct {
	number        uint64
	codecID       string
	private       []byte
	width, height int
}

type mkvBlock struct {
	track   uint64
	key     bool
	payload []byte
}

type mkvFile struct {
	tracks []mkvTrack
	blocks []mkvBlock
}

// vectorFiles returns the files that match a pattern below the wire vectors,
// and skips the test where they are not present.
func vectorFiles(t testing.TB, pattern string) []string {
	t.Helper()
	root := os.Getenv("MILLRACE_VECTORS")
	if root == "" {
		root = filepath.Join("..", "..", "shared", "vectors")
	}
	names, err := filepath.Glob(filepath.Join(root, pattern))
	if err != nil {
		t.Fatal(err)
	}
	if len(names) == 0 {
		t.Skip("vectors not present")
	}
	return names
}

// readMKV walks a file in the plainest way: it knows the few masters to enter
// and takes an unknown size for the rest of what surrounds it.
func readMKV(t testing.TB, name string) *mkvFile {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	f := &mkvFile{}
	f.walk(data)
	return f
}

func (f *mkvFile) walk(b []byte) {
	for len(b) >= 2 {
		idLen := bits.LeadingZeros8(b[0]) + 1
		sizeLen := bits.LeadingZeros8(b[min(idLen, len(b)-1)]) + 1
		if idLen > 4 || len(b) < idLen+sizeLen {
			return
		}
		id, size := beUint(b[:idLen]), beUint(b[idLen:idLen+sizeLen])&^(1<<(7*sizeLen))
		b = b[idLen+sizeLen:]
		enter := f.element(id, nil)
		if enter {
			continue // children follow; masters are not counted
		}
		if size > uint64(len(b)) {
			return
		}
		f.element(id, b[:size])
		b = b[size:]
	}
}

// element takes an element in. Without a body it only tells whether to enter it.
func (f *mkvFile) element(id uint64, body []byte) (enter bool) {
	var last mkvTrack
	if len(f.tracks) > 0 {
		last = f.tracks[len(f.tracks)-1]
	}
	switch id {
	case 0x18538067, 0x1654ae6b, 0xe0, 0xe1, 0x1f43b675, 0xa0:
		return true
	case 0xae:
		if body == nil {
			f.tracks = append(f.tracks, mkvTrack{})
			return true
		}
	case 0xd7:
		last.number = beUint(body)
	case 0x86:
		last.codecID = string(body)
	case 0x63a2:
		last.private = body
	case 0xb0:
		last.width = int(beUint(body))
	case 0xba:
		last.height = int(beUint(body))
	case 0xa3, 0xa1: // a block in a group has no key flag; here none refers to another
		if len(body) > 4 {
			f.blocks = append(f.blocks, mkvBlock{track: uint64(body[0] & 0x7f), key: id == 0xa1 || body[3]&0x80 != 0, payload: body[4:]})
		}
	}
	if body != nil && len(f.tracks) > 0 {
		f.tracks[len(f.tracks)-1] = last
	}
	return false
}

func beUint(b []byte) uint64 {
	var full [8]byte
	copy(full[8-min(8, len(b)):], b)
	return binary.BigEndian.Uint64(full[:])
}
