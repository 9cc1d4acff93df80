package consumer_test

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/consumer"
	"github.com/millrace/millrace/consumer/consumertest"
	"github.com/millrace/millrace/mkv"
)

// A way is one of the two ways to read what a stream keeps.
type way struct {
	name string
	op   consumertest.Operation
	open func(c *consumer.Client, s *consumertest.Stream) *consumer.Reader
	ends []consumertest.Action // with which a response may be cut anywhere
	most int                   // cuts that follow each other
}

// A response of a list that is ended in good order inside a document of unknown
// size looks whole: the protocol has no way to tell. So that is left out. A live
// loop never gives up; that of an archive does with a fragment of which eight
// responses in a row bring nothing, and says so.
func ways() []way {
	return []way{
		{
			name: "live", op: consumertest.GetMedia,
			open: func(c *consumer.Client, _ *consumertest.Stream) *consumer.Reader { return c.Live("gate", fromStart()) },
			ends: []consumertest.Action{consumertest.Close, consumertest.Reset, consumertest.Finish},
			most: 1 << 30,
		},
		{
			name: "archive", op: consumertest.GetMediaForFragmentList,
			open: func(c *consumer.Client, s *consumertest.Stream) *consumer.Reader {
				all := s.All()
				span := consumer.Range{From: all[0].ServerTime, To: all[len(all)-1].ServerTime.Add(time.Millisecond)}
				return c.Archive("gate", span, consumer.ArchiveOptions{})
			},
			ends: []consumertest.Action{consumertest.Close, consumertest.Reset},
			most: 7,
		},
	}
}

// length is how many bytes a response has that nothing cuts.
func length(t *testing.T, s *consumertest.Server, c *consumer.Client, w way) int64 {
	t.Helper()
	if err := everything(t, s, w.open(c, s.Stream("gate"))); err != nil {
		t.Fatalf("with no cut: %v", err)
	}
	longest := int64(0)
	for _, call := range s.Calls(w.op) {
		longest = max(longest, call.Bytes)
	}
	if longest == 0 {
		t.Fatal("nothing was sent")
	}
	return longest
}

// shapes are the kinds of documents that are cut: small ones, so that every offset
// of them can be.
func shapes() map[string]consumertest.Fragment {
	tag := []mkv.SimpleTag{{Name: "a", String: "b"}}
	return map[string]consumertest.Fragment{
		"unknown sizes": {Before: tag, Behind: tag},
		"known sizes":   {Known: true, Before: tag, Behind: tag},
		"all there is":  {Extras: consumertest.Void | consumertest.CRC | consumertest.UnknownIDs | consumertest.Cues | consumertest.WideSizes},
	}
}

// A response is cut at every offset; the next one is whole. What is handed out is
// what is stored, each frame once.
func TestACutAtAnyByteLosesAndRepeatsNothing(t *testing.T) {
	for _, w := range ways() {
		for name, shape := range shapes() {
			if name != "unknown sizes" && torture() == 0 {
				continue // see the next test
			}
			t.Run(w.name+"/"+name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					s, c := quiet(t, consumertest.Config{})
					s.Stream("gate").Add(consumertest.Footage{Size: 40, Shape: shape}.Fragments(2)...)
					size := length(t, s, c, w)
					for at := int64(0); at <= size && !t.Failed(); at++ {
						if torture() == 0 {
							cutOnce(t, s, c, w, at, w.ends[int(at)%len(w.ends)])
							continue
						}
						for _, do := range w.ends {
							cutOnce(t, s, c, w, at, do)
						}
					}
				})
			})
		}
	}
}

// One loop whose responses are cut at every offset, one after the other.
func TestCutsAtEveryByteInTurn(t *testing.T) {
	for _, w := range ways() {
		for name, shape := range shapes() {
			t.Run(w.name+"/"+name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					s, c := quiet(t, consumertest.Config{})
					s.Stream("gate").Add(consumertest.Footage{Size: 40, Frames: 6, Shape: shape}.Fragment(0))
					var steps []consumertest.Step
					for at := range length(t, s, c, w) {
						steps = append(steps, consumertest.Cut(at, w.ends[int(at)%len(w.ends)]))
					}
					cutInTurn(t, s, c, w, steps)
				})
			})
		}
	}
}

// cutInTurn reads with as many cuts in a loop as there may be.
func cutInTurn(t *testing.T, s *consumertest.Server, c *consumer.Client, w way, steps []consumertest.Step) {
	t.Helper()
	for n := range slices.Chunk(steps, w.most) {
		s.Next(w.op, n...)
		if err := everything(t, s, w.open(c, s.Stream("gate"))); err != nil {
			t.Fatalf("between %+v and %+v: %v", n[0], n[len(n)-1], err)
		}
		if left := s.StepsLeft(w.op); left != 0 {
			t.Fatalf("%d steps of %d were not used", left, len(n))
		}
	}
}

func cutOnce(t *testing.T, s *consumertest.Server, c *consumer.Client, w way, at int64, do consumertest.Action) {
	t.Helper()
	s.Next(w.op, consumertest.Cut(at, do))
	if err := everything(t, s, w.open(c, s.Stream("gate"))); err != nil {
		t.Errorf("%s, cut at byte %d with %v: %v", w.name, at, do, err)
	}
	if n := s.StepsLeft(w.op); n != 0 {
		t.Fatalf("cut at byte %d: %d steps were not used", at, n)
	}
}

// growing is a fragment of about 64 KiB, of frames that grow.
func growing() consumertest.Fragment {
	f := consumertest.Fragment{ServerTime: time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)}
	for i := range 12 {
		data := make([]byte, 16<<min(i, 11))
		for j := range data {
			data[j] = byte(i*31 + j*7)
		}
		f.Frames = append(f.Frames, consumertest.Frame{Time: int16(i * 40), Key: i == 0, Data: data})
	}
	return f
}

// One loop whose responses are cut at one offset after the other: all of them in a
// campaign, else those around the ends of elements and some more.
func TestCutsThatFollowEachOther(t *testing.T) {
	for _, w := range ways() {
		t.Run(w.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, c := quiet(t, consumertest.Config{})
				s.Stream("gate").Add(growing(), consumertest.Footage{}.Fragment(1))
				size := length(t, s, c, w)
				if size < 60<<10 {
					t.Fatalf("%d bytes", size)
				}
				offsets := offsetsOf(s.Stream("gate").All()[0])
				for _, do := range w.ends {
					var steps []consumertest.Step
					for _, at := range offsets {
						steps = append(steps, consumertest.Cut(at, do))
					}
					cutInTurn(t, s, c, w, steps)
				}
			})
		})
	}
}

// offsetsOf are those at which a document is cut, up to the end of its last frame:
// behind it the next response would not have as many bytes.
func offsetsOf(f consumertest.Fragment) []int64 {
	var offsets []int64
	document := f.Document(0)
	end := int64(0)
	for _, frame := range f.Frames {
		if i := indexFrom(document, frame.Data, end); i >= 0 {
			end = i + int64(len(frame.Data))
			offsets = append(offsets, i-1, i, i+1, end-1, end)
		}
	}
	step := int64(1511)
	if torture() > 0 {
		step = 1
	}
	for at := int64(0); at < end; at += step {
		offsets = append(offsets, at)
	}
	slices.Sort(offsets)
	return slices.Compact(offsets)
}

func indexFrom(b, part []byte, from int64) int64 {
	for i := from; i+int64(len(part)) <= int64(len(b)); i++ {
		if slices.Equal(b[i:i+int64(len(part))], part) {
			return i
		}
	}
	return -1
}

// A fragment that arrives frame by frame while responses break.
func TestCutsWhileAFragmentArrives(t *testing.T) {
	for name, known := range map[string]bool{"unknown sizes": false, "known sizes": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, c := quiet(t, consumertest.Config{})
				stream := s.Stream("gate")
				footage := consumertest.Footage{Frames: 10, Shape: consumertest.Fragment{Known: known}}
				stream.Add(footage.Fragment(0))
				go func() {
					for n := 1; n < 8; n++ {
						a := stream.Begin(footage.Fragment(n))
						for a.Step() {
							time.Sleep(40 * time.Millisecond)
						}
						a.End()
					}
				}()
				s.Next(consumertest.GetMedia, consumertest.Chaos{Seed: 3, Steps: 40, Bytes: 4000, Pause: 30 * time.Millisecond}.Draw()...)
				if err := everything(t, s, c.Live("gate", consumer.LiveOptions{
					Start: millrace.StartSelector{Type: millrace.StartEarliest},
					Until: consumer.Until{Idle: time.Minute},
				})); err != nil {
					t.Error(err)
				}
				if n := len(stream.All()); n != 8 {
					t.Errorf("%d fragments", n)
				}
			})
		})
	}
}

// A loop is left behind every frame, its position goes through text, and another
// loop takes it up, on servers that know every number and on those that do not.
func TestAPositionAfterAnyFrameGoesOnWithTheNext(t *testing.T) {
	for name, config := range map[string]consumertest.Config{"any number": {}, "numbers that are": {Exact: true}, "none that is gone": {Expired: true}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, c := quiet(t, config)
				stream := s.Stream("gate")
				stream.Add(consumertest.Footage{Frames: 4, Tracks: 2}.Fragments(4)...)
				for stop := range 16 {
					var l consumertest.Ledger
					at := leaveBehind(t, c.Live("gate", fromStart()), &l, stop)
					o := fromStart()
					o.At = through(t, at)
					for f, err := range c.Live("gate", o).Frames(t.Context()) {
						if err != nil {
							t.Fatal(err)
						}
						take(&l, f)
					}
					if err := l.Compare(stream.All(), consumertest.Comparison{}); err != nil {
						t.Errorf("left behind frame %d at %v: %v", stop, at, err)
					}
				}
			})
		})
	}
}

// leaveBehind leaves a loop with its n-th frame in hand, and returns the position.
func leaveBehind(t *testing.T, r *consumer.Reader, l *consumertest.Ledger, n int) consumer.Position {
	t.Helper()
	for f, err := range r.Frames(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		take(l, f)
		if l.Len() > n {
			return r.Position()
		}
	}
	t.Fatalf("%d frames", l.Len())
	return consumer.Position{}
}

// through is a position as it comes out of its text form.
func through(t *testing.T, p consumer.Position) consumer.Position {
	t.Helper()
	text, err := p.MarshalText()
	if err != nil {
		t.Fatal(err)
	}
	var back consumer.Position
	if err := back.UnmarshalText(text); err != nil {
		t.Fatal(err)
	}
	if back != p {
		t.Errorf("%v came back as %v", p, back)
	}
	return back
}

// What a server says of a fragment is part of a position: a hostile one must not
// make it unreadable.
func TestAHostileTokenDoesNotSpoilAPosition(t *testing.T) {
	good := consumer.Position{Stream: "gate", Fragment: millrace.NewFragmentNumber(1, time.UnixMilli(1_700_000_000_000), 0), Done: consumer.Whole}
	for _, token := range []string{"two words", "a line\n1 gate", "\x00", "é", string(make([]byte, 5000)), strings.Repeat("9", 5000)} {
		hostile := good
		hostile.Token = token
		text, err := hostile.MarshalText()
		if err != nil {
			t.Fatal(err)
		}
		var back consumer.Position
		if err := back.UnmarshalText(text); err != nil || back != good {
			t.Errorf("token %.20q: %v: %v", token, back, err)
		}
	}
}
