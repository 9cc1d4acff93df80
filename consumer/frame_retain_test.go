package consumer_test

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/millrace/millrace/consumer"
	"github.com/millrace/millrace/mkv"
)

// bulk is a document of frames that consist of their number, size bytes of it.
func bulk(count, size int) []byte {
	var media []byte
	for i := range count {
		media = append(mkv.AppendSimpleBlockHeader(media, 1, int16(i), mkv.FlagKeyframe, size), bytes.Repeat([]byte{byte(i)}, size)...)
	}
	return slices.Concat(documentHead(1, true, media, "test"), media, documentTail(1))
}

func isOnly(data []byte, value byte) bool {
	return len(data) > 0 && len(bytes.Trim(data, string([]byte{value}))) == 0
}

func TestRetainedFramesStayAsTheyAre(t *testing.T) {
	for name, size := range map[string]int{"small ones, which share memory": 300, "large ones": 300_000} {
		const count = 100
		r := consumer.ReadFrom(bytes.NewReader(bulk(count, size)), consumer.ReadOptions{})
		var kept []consumer.Frame
		var back []func()
		for f, err := range r.Frames(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
			k, release := f.Retain()
			kept, back = append(kept, k), append(back, release)
		}
		if held := r.Stats().Retained; held < int64(count*size) || held > int64(count*size)+1<<20 {
			t.Errorf("%s: %d bytes are retained of %d", name, held, count*size)
		}
		for i, f := range kept {
			if !isOnly(f.Data, byte(i)) || len(f.Data) != size || f.Index != i {
				t.Errorf("%s: frame %d is another one", name, i)
			}
		}
		for _, release := range back {
			release()
			release() // no more than once
		}
		if held := r.Stats().Retained; held != 0 {
			t.Errorf("%s: %d bytes are retained when all was given back", name, held)
		}
	}
}

// Memory that was given back is used again, and not before.
func TestRetainedMemoryIsUsedAgain(t *testing.T) {
	const count, size, pinned = 5000, 1000, 50
	r := consumer.ReadFrom(bytes.NewReader(bulk(count, size)), consumer.ReadOptions{})
	type held struct {
		frame   consumer.Frame
		release func()
	}
	var line []held
	for f, err := range r.Frames(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		kept, release := f.Retain()
		if line = append(line, held{kept, release}); len(line) <= pinned {
			continue
		}
		if oldest := line[0]; !isOnly(oldest.frame.Data, byte(oldest.frame.Index)) {
			t.Fatalf("frame %d is another one", oldest.frame.Index)
		}
		line[0].release()
		line = line[1:]
	}
	if most := r.Stats().Retained; most > 1<<20 || len(line) != pinned {
		t.Errorf("%d bytes are retained for %d frames", most, len(line))
	}
}

func TestAClonedFrameIsForEver(t *testing.T) {
	var all []consumer.Frame
	for f, err := range consumer.ReadFrom(bytes.NewReader(bulk(50, 1000)), consumer.ReadOptions{}).Frames(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, f.Clone())
	}
	for i, f := range all {
		if !isOnly(f.Data, byte(i)) {
			t.Errorf("frame %d is another one", i)
		}
	}
}

func TestAFrameOfNoReaderCanBeRetained(t *testing.T) {
	data := []byte{1, 2, 3}
	f := consumer.Frame{}
	f.Data = data
	kept, release := f.Retain()
	data[0] = 9
	release()
	if !bytes.Equal(kept.Data, []byte{1, 2, 3}) {
		t.Errorf("data %v", kept.Data)
	}
}

// A loop that retains more than it may goes on when enough was given back, by
// whomever.
func TestReadingWaitsForRetainedFrames(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const size, most = 10_000, 100_000
		r := consumer.ReadFrom(bytes.NewReader(bulk(200, size)), consumer.ReadOptions{MaxRetained: most})
		var owner sync.WaitGroup
		begun, n := time.Now(), 0
		for f, err := range r.Frames(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
			kept, release := f.Retain()
			owner.Go(func() {
				time.Sleep(time.Second)
				if !isOnly(kept.Data, byte(kept.Index)) {
					t.Errorf("frame %d is another one", kept.Index)
				}
				release()
			})
			if held := r.Stats().Retained; held > most+most/8+size {
				t.Errorf("%d bytes are retained, of %d", held, most)
			}
			n++
		}
		owner.Wait()
		if took := time.Since(begun); n != 200 || took < 10*time.Second {
			t.Errorf("%d frames in %v", n, took)
		}
	})
}

func TestWaitingForRetainedFramesEndsWithTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		r := consumer.ReadFrom(bytes.NewReader(bulk(200, 10_000)), consumer.ReadOptions{MaxRetained: 100_000})
		var last error
		n := 0
		for f, err := range r.Frames(ctx) {
			if last = err; err == nil {
				f.Retain()
				n++
			}
		}
		if !errors.Is(last, context.DeadlineExceeded) || n < 10 || n > 20 {
			t.Errorf("%d frames, then %v", n, last)
		}
	})
}
