package consumer_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"runtime"
	"slices"
	"testing"

	"github.com/millrace/millrace/consumer"
	"github.com/millrace/millrace/mkv"
)

// endless gives a beginning and then the same bytes again and again, and looks at
// the memory in use from time to time.
type endless struct {
	rest  []byte // of what is given now
	again []byte
	left  int // bytes
	look  int // bytes until the next look
	most  uint64
}

const lookEvery = 1 << 20

func newEndless(begin, again []byte, size int) *endless {
	return &endless{rest: begin, again: bytes.Repeat(again, max(1, (64<<10)/len(again))), left: size, look: lookEvery}
}

func (e *endless) Read(p []byte) (int, error) {
	if e.left <= 0 {
		return 0, io.EOF
	}
	if len(e.rest) == 0 {
		e.rest = e.again
	}
	n := copy(p, e.rest)
	e.rest = e.rest[n:]
	e.left -= n
	if e.look -= n; e.look <= 0 {
		e.look = lookEvery
		e.most = max(e.most, inUse())
	}
	return n, nil
}

func inUse() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// Whatever comes without an end, what a reader holds has one: some for a head, and
// little for anything else.
func TestMemoryDoesNotGrowWithTheInput(t *testing.T) {
	all, documents := keeping(t, shapes()["unknown sizes"], 1)
	head := documents[0][:bytes.Index(documents[0], []byte{0x1F, 0x43, 0xB6, 0x75})]
	cluster := documents[0][:bytes.Index(documents[0], all[0].Frames[0].Data)-6]
	tag := mkv.SimpleTag{Name: "name", String: "value"}
	tags := mkv.AppendTags(nil, []mkv.Tag{{Simple: []mkv.SimpleTag{tag}}}, 0)
	long := mkv.AppendTags(nil, []mkv.Tag{{Simple: []mkv.SimpleTag{{Name: "name", String: string(make([]byte, 1000))}}}}, 0)
	block := append(mkv.AppendSimpleBlockHeader(nil, 1, 0, mkv.FlagKeyframe, 1000), make([]byte, 1000)...)
	void := mkv.AppendBytes(nil, mkv.IDVoid, make([]byte, 1000))
	const little, some = 2 << 20, 64 << 20
	for name, tc := range map[string]struct {
		begin, again []byte
		most         uint64
	}{
		"documents":                 {nil, documents[0], little},
		"documents without media":   {nil, head, little},
		"headers":                   {nil, mkv.AppendEBML(nil, mkv.EBML{}), little},
		"blocks":                    {cluster, block, little},
		"tags in a head":            {head, long, some},
		"voids in a head":           {head, void, some},
		"voids in a Cluster":        {cluster, void, little},
		"tags behind a Cluster":     {slices.Concat(cluster, block), tags, little},
		"Clusters":                  {head, slices.Concat([]byte{0x1F, 0x43, 0xB6, 0x75, 0xFF, 0xE7, 0x81, 0x01}, block), little},
		"Clusters with little":      {head, slices.Concat([]byte{0x1F, 0x43, 0xB6, 0x75, 0xFF}, void), little},
		"bytes that are nothing":    {nil, []byte{0x00, 0x01, 0x02}, little},
		"half of a mark":            {nil, []byte{0x1A, 0x45, 0xDF}, some}, // which are heads of elements
		"marks with nothing behind": {nil, []byte{0x1A, 0x45, 0xDF, 0xA3, 0x00}, little},
	} {
		t.Run(name, func(t *testing.T) {
			size := 3 << 20
			if tc.most > little {
				size = 18 << 20 // a head may have 16 MiB
			}
			input := newEndless(tc.begin, tc.again, size)
			before := inUse()
			r := consumer.ReadFrom(input, consumer.ReadOptions{})
			for _, err := range r.Frames(context.Background()) {
				if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
					t.Error(err)
				}
			}
			if input.left > 0 {
				t.Errorf("ended with %d bytes left", input.left)
			}
			if used := int64(input.most) - int64(before); used > int64(tc.most) {
				t.Errorf("%d bytes in use", used)
			}
		})
	}
}
