package consumertest

import (
	"encoding/binary"
	"math/rand/v2"
	"time"

	"github.com/millrace/millrace/mkv"
)

// Footage is an endless recording of fragments whose frames can be told from each
// other, of which no two tests need have the same.
type Footage struct {
	Seed   uint64
	Began  time.Time     // of fragment 0, on the server's clock, in whole milliseconds; zero is 2026-11-22 12:00 UTC
	Behind time.Duration // by which the producer's clock is behind
	Every  time.Duration // between frames, in whole milliseconds; 0 is 40
	Frames int           // of a fragment; 0 is 3
	Size   int           // of the largest frame in bytes; 0 is 200
	Tracks int           // 0 is 1; their frames take turns
	// Shape is what all fragments have beside frames, number and times.
	Shape Fragment
}

// Fragment is the n-th, from 0. Its number is left to the stream.
func (f Footage) Fragment(n int) Fragment {
	out := f.Shape
	count, every, tracks := max(f.Frames, 0), f.Every, max(f.Tracks, 1)
	if count == 0 {
		count = 3
	}
	if every == 0 {
		every = 40 * time.Millisecond
	}
	began := f.Began
	if began.IsZero() {
		began = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	}
	out.ServerTime = began.Add(time.Duration(n) * time.Duration(count) * every)
	out.ProducerTime = out.ServerTime.Add(-f.Behind)
	if tracks > 1 && len(out.Tracks) == 0 {
		for i := range tracks {
			out.Tracks = append(out.Tracks, mkv.Track{Number: uint64(i + 1), UID: uint64(i + 1), Type: mkv.TrackVideo, CodecID: "V_TEST"})
		}
	}
	out.Frames = make([]Frame, count)
	for i := range out.Frames {
		out.Frames[i] = Frame{
			Track: uint64(i%tracks + 1),
			Time:  int16(time.Duration(i) * every / time.Millisecond),
			Key:   i < tracks,
			Data:  f.data(n, i),
		}
	}
	return out
}

// Fragments are the first so many.
func (f Footage) Fragments(count int) []Fragment {
	all := make([]Fragment, count)
	for n := range all {
		all[n] = f.Fragment(n)
	}
	return all
}

// data are the bytes of a frame: where it belongs, and what only it has.
func (f Footage) data(n, i int) []byte {
	largest := f.Size
	if largest <= 0 {
		largest = 200
	}
	rnd := rand.New(rand.NewPCG(f.Seed, uint64(n)<<32|uint64(i)))
	data := binary.BigEndian.AppendUint32(nil, uint32(n))
	data = binary.BigEndian.AppendUint32(data, uint32(i))
	for size := rnd.IntN(max(largest-len(data), 1)); size > 0; size -= 8 {
		data = binary.BigEndian.AppendUint64(data, rnd.Uint64())
	}
	return data
}
