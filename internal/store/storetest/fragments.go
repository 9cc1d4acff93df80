package storetest

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/millrace/millrace"
)

// Fragments makes fragments whose every field depends on a seed. One goroutine
// uses it at a time.
type Fragments struct {
	rand    *rand.Rand
	next    uint64
	headers []*millrace.Header
}

// NewFragments returns a maker that makes the same for the same seed.
func NewFragments(seed uint64) *Fragments {
	g := &Fragments{rand: rand.New(rand.NewPCG(seed, 1)), next: 1 << 32}
	for range 3 {
		g.headers = append(g.headers, millrace.NewHeader(g.bytes(20+g.rand.IntN(300))))
	}
	return g
}

// Epoch is the server time from which the suites count.
func Epoch() time.Time { return time.UnixMilli(1_700_000_000_000).UTC() }

// Number is the number of a fragment that starts so long after Epoch.
func Number(sequence uint64, after time.Duration) millrace.FragmentNumber {
	return millrace.NewFragmentNumber(sequence, Epoch().Add(after), uint32(sequence))
}

// Make returns the next fragment of a stream, with a cluster of about size
// bytes. Server times go on by a second with each.
func (g *Fragments) Make(key millrace.StreamKey, size int) *millrace.Fragment {
	g.next++
	f := &millrace.Fragment{
		Stream:        key,
		Number:        Number(g.next, time.Duration(g.next-1<<32)*time.Second),
		Timecode:      g.rand.Uint64(),
		TimecodeScale: 1_000_000,
		Duration:      time.Second,
		Sequence:      g.next,
		Header:        g.headers[g.rand.IntN(len(g.headers))],
		Leading:       g.bytes(g.rand.IntN(40)),
		Trailing:      g.bytes(g.rand.IntN(3) * 17),
	}
	f.ProducerTime = f.ServerTime().Add(-time.Duration(g.rand.IntN(5000)) * time.Millisecond)
	copy(f.Session[:], g.bytes(16))
	copy(f.Producer[:], g.bytes(16))
	for size > 0 {
		n := min(size, 1+g.rand.IntN(size))
		f.Cluster = append(f.Cluster, g.bytes(n))
		f.Samples = append(f.Samples, g.sample(f.ClusterSize()-n, n))
		size -= n
	}
	return f
}

func (g *Fragments) sample(offset, size int) millrace.Sample {
	return millrace.Sample{
		Track: g.rand.Uint64N(3), Offset: uint32(offset), Size: uint32(size),
		Time: int32(g.rand.IntN(4000) - 100), Flags: millrace.SampleFlags(g.rand.IntN(64)),
	}
}

func (g *Fragments) bytes(n int) []byte {
	b := make([]byte, 0, n+8)
	for len(b) < n {
		b = binary.LittleEndian.AppendUint64(b, g.rand.Uint64())
	}
	return b[:n:n]
}

// Same reports how got differs from want as a stored fragment, nil if not. The
// pieces in which a cluster lies do not count.
func Same(got, want *millrace.Fragment) error {
	if !bytes.Equal(join(got.Cluster), join(want.Cluster)) {
		return fmt.Errorf("cluster of %v differs", want.Number)
	}
	if !bytes.Equal(got.Leading, want.Leading) || !bytes.Equal(got.Trailing, want.Trailing) {
		return fmt.Errorf("elements around the cluster of %v differ", want.Number)
	}
	if err := sameHeader(got.Header, want.Header); err != nil {
		return err
	}
	if err := sameSamples(got.Samples, want.Samples); err != nil {
		return err
	}
	if factsOf(got) != factsOf(want) {
		return fmt.Errorf("facts are %+v, want %+v", factsOf(got), factsOf(want))
	}
	return nil
}

// SameOutline reports how got differs from the outline of want, nil if not.
func SameOutline(got, want *millrace.Fragment) error {
	if got.Leading != nil || got.Cluster != nil || got.Trailing != nil {
		return fmt.Errorf("outline of %v has a body", want.Number)
	}
	bare := *want
	bare.Leading, bare.Cluster, bare.Trailing = nil, nil, nil
	return Same(got, &bare)
}

func join(pieces [][]byte) []byte { return bytes.Join(pieces, nil) }

func sameHeader(got, want *millrace.Header) error {
	if got == nil || want == nil {
		if got != want {
			return fmt.Errorf("header elements are %v, want %v", got, want)
		}
		return nil
	}
	if got.Hash != want.Hash || !bytes.Equal(got.Bytes, want.Bytes) {
		return fmt.Errorf("header elements differ")
	}
	return nil
}

func sameSamples(got, want []millrace.Sample) error {
	if len(got) != len(want) {
		return fmt.Errorf("%d samples, want %d", len(got), len(want))
	}
	for i := range got {
		if got[i] != want[i] {
			return fmt.Errorf("sample %d is %+v, want %+v", i, got[i], want[i])
		}
	}
	return nil
}

// facts are what a fragment is besides its bytes.
type facts struct {
	stream          millrace.StreamKey
	number          millrace.FragmentNumber
	producerTime    int64
	timecode, scale uint64
	duration        time.Duration
	session         string
	sequence        uint64
	producer        string
	flags           millrace.FragmentFlags
}

func factsOf(f *millrace.Fragment) facts {
	return facts{
		f.Stream, f.Number, f.ProducerTime.UnixNano(), f.Timecode, f.TimecodeScale, f.Duration,
		string(f.Session[:]), f.Sequence, string(f.Producer[:]), f.Flags,
	}
}
