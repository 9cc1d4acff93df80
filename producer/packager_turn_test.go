package producer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/millrace/millrace/media"
)

func cameraTracks() []media.Track {
	return []media.Track{
		{Number: 1, Type: media.Video, CodecID: "V_TEST"},
		{Number: 2, Type: media.Audio, CodecID: "A_TEST"},
	}
}

func TestEachTrackMayHaveAGoroutine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := unconnected(t, StreamConfig{Tracks: cameraTracks()})
		defer s.Abort()
		var want [2][]taken
		var group sync.WaitGroup
		for i := range want {
			group.Go(func() {
				for n := range 300 {
					time.Sleep(time.Duration(20+13*i) * time.Millisecond)
					f := media.Frame{Track: media.TrackNumber(i + 1), PTS: epoch + time.Since(time.Unix(946684800, 0)), Key: n%30 == 0}
					f.Data = fmt.Appendf(nil, "%d/%d", i+1, n)
					if err := s.Write(t.Context(), f); err != nil {
						t.Error(err)
					}
					want[i] = append(want[i], taken{uint64(f.Track), f.PTS, string(f.Data)})
				}
			})
		}
		group.Go(func() {
			for n := range 200 {
				time.Sleep(31 * time.Millisecond)
				if err := s.SetTag("n", fmt.Sprint(n), TagScope(n%3)); err != nil {
					t.Error(err)
				}
			}
		})
		group.Wait()
		if err := s.packager.close(t.Context()); err != nil {
			t.Fatal(err)
		}
		compare(t, append(want[0], want[1]...), check(t, s))
	})
}

func TestFramesOfOneTrackAreNeverHeld(t *testing.T) {
	s := unconnected(t, StreamConfig{Tracks: cameraTracks()[:1]})
	defer s.Abort()
	for n := range 100 {
		data := fmt.Appendf(nil, "frame %d", n)
		if err := s.Write(t.Context(), media.Frame{Track: 1, PTS: epoch + time.Duration(n)*40*time.Millisecond, Key: n%10 == 0, Data: data}); err != nil {
			t.Fatal(err)
		}
		if documents, _ := kept(s); !bytes.HasSuffix(documents[len(documents)-1], data) {
			t.Fatalf("frame %d is not in the buffer", n)
		}
	}
}

// Pictures go as they come, and only where a fragment begins they wait for sound
// that is behind, for as long as the rules say.
func TestFollowersAreHeldBriefly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := unconnected(t, StreamConfig{Tracks: cameraTracks(), Fragment: FragmentRules{Interleave: 300 * time.Millisecond}})
		defer s.Abort()
		frame := func(track media.TrackNumber, at time.Duration, data string) {
			if err := s.Write(t.Context(), media.Frame{Track: track, PTS: epoch + at, Key: data == "K", Data: []byte(data)}); err != nil {
				t.Fatal(err)
			}
		}
		has := func(data string) bool {
			documents, _ := kept(s)
			return len(documents) > 0 && bytes.HasSuffix(documents[len(documents)-1], []byte(data))
		}
		frame(1, 0, "K")
		if has("K") {
			t.Error("the first picture went without sound")
		}
		frame(2, 0, "x")
		if !has("x") {
			t.Error("picture and sound are held")
		}
		frame(1, 500*time.Millisecond, "p")
		if !has("p") {
			t.Error("a picture is held within a fragment")
		}
		frame(1, time.Second, "K")
		time.Sleep(299 * time.Millisecond)
		synctest.Wait()
		if has("K") {
			t.Error("a fragment began without sound")
		}
		time.Sleep(time.Millisecond)
		synctest.Wait()
		if !has("K") {
			t.Error("a picture is held for longer than the rules say")
		}
	})
}

// Who waits for the turn of somebody whom a full buffer makes wait can give up,
// and tags need no turn.
func TestAFullBufferHoldsOnlyWritersUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := unconnected(t, StreamConfig{Tracks: cameraTracks()[:1], Buffer: BufferRules{MaxBytes: 200 << 10, OnFull: FullWait}})
		frame := func(ctx context.Context, n int) error {
			return s.Write(ctx, media.Frame{Track: 1, PTS: epoch + time.Duration(n)*time.Second, Key: true, Data: make([]byte, 90<<10)})
		}
		blocked := make(chan error)
		go func() {
			n := 0
			for frame(t.Context(), n) == nil {
				n++
			}
			blocked <- frame(t.Context(), n+1)
		}()
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := frame(ctx, 100); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a second writer: %v", err)
		}
		if err := s.EndFragment(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("the end of the fragment: %v", err)
		}
		if err := s.SetTag("a", "b", EveryFragment); err != nil {
			t.Errorf("a tag: %v", err)
		}
		s.Abort()
		if err := <-blocked; !errors.Is(err, ErrClosed) {
			t.Errorf("the first writer: %v", err)
		}
	})
}

func TestNothingIsHeldWithoutABound(t *testing.T) {
	s := unconnected(t, StreamConfig{Tracks: cameraTracks(), Mode: Offline, Fragment: FragmentRules{Idle: -1}})
	defer s.Abort()
	for n := range 3000 { // all at one time, so that time does not bound them
		if err := s.Write(t.Context(), media.Frame{Track: 2, PTS: epoch + time.Duration(n)*50*time.Microsecond, Data: make([]byte, 10<<10)}); err != nil {
			t.Fatal(err)
		}
		if p := s.packager; p.held > maxHeld+1 || p.stored > maxHeldBytes+10<<10 {
			t.Fatalf("%d frames are held, of %d bytes", p.held, p.stored)
		}
	}
}

// A buffer that refuses frames leaves no fragment without frames behind, and
// nothing that cannot be decoded.
func TestWhatAFullBufferRefusesIsMissedByNobody(t *testing.T) {
	for size := 3 << 10; size < 40<<10; size += 1 << 10 {
		s := unconnected(t, StreamConfig{Tracks: cameraTracks()[:1], Buffer: BufferRules{MaxBytes: 200 << 10, OnFull: FullFail}})
		needsKey, refused := true, 0
		var want []taken
		for n := range 1000 {
			f := media.Frame{Track: 1, PTS: epoch + time.Duration(n)*100*time.Millisecond, Key: n%10 == 0}
			f.Data = append(fmt.Appendf(nil, "%d/", n), make([]byte, size)...)
			switch err := s.Write(t.Context(), f); {
			case err == nil:
				if needsKey && !f.Key {
					t.Fatalf("frame %d was taken without a key frame", n)
				}
				needsKey = false
				want = append(want, taken{1, f.PTS, string(f.Data)})
			case errors.Is(err, ErrBufferFull):
				refused++
				needsKey = needsKey || f.Key
			case !errors.Is(err, ErrNeedKeyFrame) || !needsKey:
				t.Fatalf("frame %d: %v", n, err)
			}
			if n%97 == 0 {
				compare(t, want, check(t, s))
				drained(s)
				s.mu.Lock()
				kept := s.queue.count
				s.mu.Unlock()
				if want = nil; kept > 0 {
					want = check(t, s)
				}
			}
		}
		if refused == 0 {
			t.Error("nothing was refused")
		}
		s.Abort()
	}
}

// What was written is sent when that is asked for, and makes no call of its own.
func TestWhatIsHeldGoesIntoTheOpenFragmentWhenItIsFlushed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := unconnected(t, StreamConfig{Tracks: cameraTracks()})
		defer s.Abort()
		var want []taken
		frame := func(track media.TrackNumber, at time.Duration, data string) {
			t.Helper()
			if err := s.Write(t.Context(), media.Frame{Track: track, PTS: epoch + at, Key: data[0] == 'K', Data: []byte(data)}); err != nil {
				t.Fatal(err)
			}
			want = append(want, taken{uint64(track), epoch + at, data})
		}
		frame(1, 0, "K0")
		frame(2, 0, "a0")
		frame(1, time.Second, "K1") // waits for sound
		if p := s.packager; p.held != 1 {
			t.Fatalf("%d frames are held", p.held)
		}
		if err := s.packager.sendHeld(t.Context()); err != nil {
			t.Fatal(err)
		}
		if p := s.packager; p.held != 0 {
			t.Errorf("%d frames are held", p.held)
		}
		compare(t, want, check(t, s))
		frame(2, time.Second, "a1")
		frame(1, 2*time.Second, "K2")
		frame(2, 2*time.Second, "a2")
		compare(t, want, check(t, s))
		if documents, headers := kept(s); len(documents) != 2 || headers[0] != headers[1] {
			t.Errorf("%d fragments", len(documents))
		}
		s.Abort()
		if err := s.packager.sendHeld(t.Context()); !errors.Is(err, ErrClosed) {
			t.Errorf("of a closed stream: %v", err)
		}
	})
}

// Where the disk has no room for a fragment's last tags, the fragment ends without
// them, and that is an error.
func TestAFragmentEndsThoughThereIsNoRoomForItsTags(t *testing.T) {
	c := &Client{
		Endpoint: "http://nowhere.test", Region: "test", Spool: t.TempDir(),
		HTTPClient: &http.Client{Transport: nowhere{}},
		Dial:       func(context.Context, string, string) (net.Conn, error) { return nil, errNoServer },
	}
	s, err := c.Open(t.Context(), "gate", StreamConfig{
		Tracks: cameraTracks()[:1],
		Buffer: BufferRules{Spool: true, SpoolBytes: 512 << 10, OnFull: FullFail},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Abort()
	n := 0
	for _, size := range []int{20_000, 1} { // until not even the least has room
		for err = nil; err == nil; n++ {
			err = s.Write(t.Context(), media.Frame{
				Track: 1, PTS: epoch + time.Duration(n)*100*time.Millisecond, Key: n < 20 && n%10 == 0, Data: make([]byte, size),
			})
		}
		if !errors.Is(err, ErrBufferFull) {
			t.Fatal(err)
		}
	}
	if err := s.EndFragment(t.Context()); !errors.Is(err, ErrBufferFull) {
		t.Errorf("end: %v", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open != nil || s.queue.last.open() {
		t.Error("the fragment is still open")
	}
}
