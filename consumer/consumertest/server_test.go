package consumertest_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"io"
	"net"
	"net/http/httptest"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/consumer/consumertest"
	"github.com/millrace/millrace/internal/wire"
	"github.com/millrace/millrace/internal/wire/client"
	"github.com/millrace/millrace/mkv"
)

// The number and times of a fragment that the service itself has sent, and its
// first tags as they came.
func TestTheServicesTagsAreThoseOfTheService(t *testing.T) {
	number, err := millrace.ParseFragmentNumber("91343852333181432392682062607743920146159169392")
	if err != nil {
		t.Fatal(err)
	}
	want := "1254c367100000eb7373100000e567c81000005b45a310000020" + hex.EncodeToString([]byte("AWS_KINESISVIDEO_FRAGMENT_NUMBER")) +
		"44871000002f" + hex.EncodeToString([]byte(number.String())) +
		"67c81000003b45a310000021" + hex.EncodeToString([]byte("AWS_KINESISVIDEO_SERVER_TIMESTAMP")) + "44871000000e" + hex.EncodeToString([]byte("1511852109.126")) +
		"67c81000003d45a310000023" + hex.EncodeToString([]byte("AWS_KINESISVIDEO_PRODUCER_TIMESTAMP")) + "44871000000e" + hex.EncodeToString([]byte("1511852108.513"))
	s := consumertest.Start(t, short)
	s.Stream("gate").Add(consumertest.Fragment{Number: number, ProducerTime: time.UnixMilli(1511852108513)})
	got := s.Stream("gate").All()[0].Document(0)
	if !strings.Contains(hex.EncodeToString(got), want) || len(want) != 2*243 {
		t.Errorf("%x\nhas no\n%s", got, want)
	}
	if !bytes.Contains(got, []byte{0x18, 0x53, 0x80, 0x67, 0x01, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF}) {
		t.Error("the Segment is not of unknown size in 8 bytes")
	}
}

func TestAResponseIsItsDocumentsOneBehindTheOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := consumertest.Start(t, short)
		stream := s.Stream("gate")
		stream.Add(consumertest.Footage{Shape: consumertest.Fragment{Known: true, Before: []mkv.SimpleTag{{Name: "a", String: "b"}}}}.Fragments(3)...)
		got, err := read(t.Context(), dial(t, s), earliest)
		if want := documents(s, stream.All()...); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%d bytes, want %d: %v", len(got), len(want), err)
		}
		calls := s.Calls(consumertest.GetMedia)
		if len(calls) != 1 || len(calls[0].Sent) != 3 || !calls[0].Sent[2].Whole || calls[0].Sent[1].Blocks != 3 || calls[0].Bytes != int64(len(got)) {
			t.Errorf("recorded %+v", calls)
		}
	})
}

// Every shape is what Matroska allows: a parser walks it, and finds every frame.
func TestEveryShapeCanBeRead(t *testing.T) {
	laced := consumertest.Frame{Time: 120, Data: []byte("three"), More: [][]byte{[]byte("more fra"), bytes.Repeat([]byte("m"), 300), []byte("es")}}
	for name, shape := range map[string]consumertest.Fragment{
		"plain":            {},
		"known":            {Known: true},
		"three Clusters":   {Clusters: 3},
		"three known ones": {Clusters: 3, Known: true},
		"everything":       {Extras: consumertest.Void | consumertest.CRC | consumertest.UnknownIDs | consumertest.Cues | consumertest.WideSizes | consumertest.EndTag},
		"everything known": {Known: true, Extras: consumertest.Void | consumertest.CRC | consumertest.UnknownIDs | consumertest.Cues | consumertest.WideSizes},
	} {
		t.Run(name, func(t *testing.T) {
			f := consumertest.Footage{Shape: shape}.Fragment(0)
			f.Frames = append(f.Frames, consumertest.Frame{Time: 110, Group: true, Duration: 7, Data: []byte("in a group")})
			for _, lacing := range []mkv.Lacing{mkv.LacingXiph, mkv.LacingEBML} {
				laced.Lacing = lacing
				f.Frames = append(f.Frames, laced)
			}
			stream := consumertest.Start(t, short).Stream("gate")
			stream.Add(f)
			var got [][]byte
			r := mkv.NewReader(bytes.NewReader(stream.All()[0].Document(0)), mkv.ReaderOptions{})
			for {
				e, err := r.Next()
				if errors.Is(err, io.EOF) {
					break
				}
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, framesOf(t, e)...)
			}
			want := [][]byte{f.Frames[0].Data, f.Frames[1].Data, f.Frames[2].Data, []byte("in a group")}
			for range 2 {
				want = append(append(want, laced.Data), laced.More...)
			}
			if !slices.EqualFunc(got, want, bytes.Equal) {
				t.Errorf("frames\n%q, want\n%q", got, want)
			}
		})
	}
}

func framesOf(t *testing.T, e mkv.Element) (frames [][]byte) {
	t.Helper()
	var b mkv.Block
	var err error
	switch e.ID {
	case mkv.IDSimpleBlock:
		b, err = mkv.ParseBlock(e.Data())
	case mkv.IDBlockGroup:
		var g mkv.BlockGroup
		g, err = mkv.ParseBlockGroup(e.Data())
		b = g.Block
	default:
		return nil
	}
	if err != nil {
		t.Fatal(err)
	}
	for data, err := range b.Frames() {
		if err != nil {
			t.Fatal(err)
		}
		frames = append(frames, bytes.Clone(data))
	}
	return frames
}

func TestStartSelectors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := consumertest.Start(t, short)
		stream := s.Stream("gate")
		numbers := stream.Add(consumertest.Footage{Behind: time.Hour}.Fragments(4)...) // of 120 ms each
		all := stream.All()
		at := func(start millrace.StartType, t time.Time) millrace.StartSelector {
			return millrace.StartSelector{Type: start, Time: t}
		}
		conn := dial(t, s)
		for name, tc := range map[string]struct {
			start millrace.StartSelector
			first int // of the fragments; 4 is none
		}{
			"earliest":                        {earliest, 0},
			"now, with nothing open":          {millrace.StartSelector{}, 4},
			"behind a fragment":               {behind(numbers[1]), 2},
			"behind a number never given":     {behind(numbers[1].Prev()), 1},
			"behind a token":                  {millrace.StartSelector{Type: millrace.StartContinuationToken, Number: numbers[2]}, 3},
			"at a server time":                {at(millrace.StartServerTime, all[2].ServerTime), 2},
			"inside a fragment":               {at(millrace.StartServerTime, all[2].ServerTime.Add(50*time.Millisecond)), 2},
			"before everything":               {at(millrace.StartServerTime, all[0].ServerTime.Add(-time.Hour)), 0},
			"behind everything":               {at(millrace.StartServerTime, all[3].ServerTime.Add(time.Hour)), 4},
			"at a producer time":              {at(millrace.StartProducerTime, all[1].ProducerTime), 1},
			"inside, on the producer's clock": {at(millrace.StartProducerTime, all[1].ProducerTime.Add(time.Millisecond)), 1},
		} {
			got, err := read(t.Context(), conn, tc.start)
			if want := documents(s, all[tc.first:]...); err != nil || !bytes.Equal(got, want) {
				t.Errorf("%s: %d bytes, want %d: %v", name, len(got), len(want), err)
			}
		}
	})
}

func TestAFragmentIsReadWhileItArrives(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := consumertest.Start(t, consumertest.Config{Pipes: true})
		a := s.Stream("gate").Begin(consumertest.Fragment{})
		body, _, err := dial(t, s).OpenMedia(t.Context(), "gate", millrace.StartSelector{})
		if err != nil {
			t.Fatal(err)
		}
		defer body.Close()
		r := mkv.NewReader(body, mkv.ReaderOptions{})
		var last mkv.Element
		until := func(id mkv.ElementID) {
			t.Helper()
			for last.ID != id {
				if last, err = r.Next(); err != nil {
					t.Fatal(err)
				}
			}
		}
		until(mkv.IDTimecode)
		for i := range 3 {
			began := time.Now()
			go func() {
				time.Sleep(time.Second)
				a.Write(consumertest.Frame{Time: int16(i), Data: []byte{byte(i)}})
			}()
			last = mkv.Element{}
			until(mkv.IDSimpleBlock)
			if waited := time.Since(began); waited != time.Second {
				t.Errorf("frame %d came after %v", i, waited)
			}
		}
		a.End()
		until(mkv.IDTags)
		if all := s.Stream("gate").All(); len(all) != 1 || len(all[0].Frames) != 3 {
			t.Errorf("kept %+v", all)
		}
	})
}

func TestAFragmentThatFailsIsEndedOrCut(t *testing.T) {
	for name, known := range map[string]bool{"unknown": false, "known": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := consumertest.Start(t, short)
				a := s.Stream("gate").Begin(consumertest.Footage{Shape: consumertest.Fragment{Known: known}}.Fragment(0))
				a.Step()
				go func() {
					time.Sleep(time.Second)
					a.Fail()
				}()
				got, err := read(t.Context(), dial(t, s), millrace.StartSelector{})
				if cut := errors.Is(err, io.ErrUnexpectedEOF); cut != known || bytes.Contains(got, []byte(wire.TagContinuationToken)) == known {
					t.Errorf("%d bytes: %v", len(got), err)
				}
				if len(s.Stream("gate").All()) != 0 {
					t.Error("it is kept")
				}
			})
		})
	}
}

func TestFaults(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := consumertest.Start(t, short)
		stream := s.Stream("gate")
		numbers := stream.Add(consumertest.Footage{}.Fragments(3)...)
		conn := dial(t, s)
		whole := documents(s, stream.All()...)
		one := len(documents(s, stream.All()[0]))
		fault := func(f consumertest.Fault) consumertest.Step {
			return consumertest.Step{Faults: []consumertest.Fault{f}}
		}
		for name, tc := range map[string]struct {
			step consumertest.Step
			want []byte
			err  error
		}{
			"cut with a reset":          {consumertest.Cut(100, consumertest.Reset), whole[:100], syscall.ECONNRESET},
			"cut without an end":        {consumertest.Cut(100, consumertest.Close), whole[:100], io.ErrUnexpectedEOF},
			"cut in good order":         {consumertest.Cut(100, consumertest.Finish), whole[:100], nil},
			"cut at the first byte":     {consumertest.Cut(0, consumertest.Close), nil, io.ErrUnexpectedEOF},
			"byte by byte":              {consumertest.Step{Piece: 1}, whole, nil},
			"an error document":         {fault(consumertest.Fault{At: consumertest.AtDocument, Document: 1, Do: consumertest.Fail, Code: millrace.CodeInternal}), slices.Concat(whole[:one], consumertest.ErrorDocument(numbers[0], millrace.CodeInternal)), nil},
			"bytes of somebody else":    {fault(consumertest.Fault{At: consumertest.AtEnd, Do: consumertest.Insert, Bytes: []byte("garbage")}), slices.Concat(whole[:one], []byte("garbage"), whole[one:]), nil},
			"a document again":          {fault(consumertest.Fault{At: consumertest.AtEnd, Do: consumertest.Repeat}), slices.Concat(whole[:one], whole), nil},
			"a document left out":       {fault(consumertest.Fault{At: consumertest.AtDocument, Do: consumertest.Skip}), whole[one:], nil},
			"a number of documents":     {consumertest.Step{Documents: 1}, whole[:one], nil},
			"nothing but a delay":       {fault(consumertest.Fault{At: consumertest.AtBlock, Block: 1, Delay: time.Hour}), whole, nil},
			"nothing behind the blocks": {fault(consumertest.Fault{At: consumertest.AtTail, Document: 2, Do: consumertest.Close}), whole[:len(whole)-len(tail(t, stream.All()[2]))], io.ErrUnexpectedEOF},
		} {
			s.Next(consumertest.GetMedia, tc.step)
			began := time.Now()
			got, err := read(t.Context(), conn, earliest)
			want := tc.want
			if time.Since(began) > time.Minute { // the ages have changed
				want = got
			}
			lost := errors.Is(tc.err, syscall.ECONNRESET) && bytes.HasPrefix(want, got)
			if !bytes.Equal(got, want) && !lost || !errors.Is(err, tc.err) {
				t.Errorf("%s: %d bytes and %v, want %d and %v", name, len(got), err, len(want), tc.err)
			}
		}
	})
}

// tail is what stands behind the last block of a fragment.
func tail(t *testing.T, f consumertest.Fragment) []byte {
	t.Helper()
	b := f.Document(time.Since(f.ServerTime))
	i := bytes.LastIndex(b, f.Frames[len(f.Frames)-1].Data)
	return b[i+len(f.Frames[len(f.Frames)-1].Data):]
}

func TestAStalledResponseEndsWithItsReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := consumertest.Start(t, consumertest.Config{Pipes: true, Steps: map[consumertest.Operation][]consumertest.Step{
			consumertest.GetMedia: {consumertest.Cut(10, consumertest.Stall)},
		}})
		s.Stream("gate").Add(consumertest.Fragment{})
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		got, err := read(ctx, dial(t, s), earliest)
		if len(got) != 10 || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%d bytes: %v", len(got), err)
		}
		synctest.Wait()
		if s.Reading() != 0 {
			t.Error("the server has not noticed")
		}
	})
}

func TestRefusals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := consumertest.Start(t, short)
		conn := dial(t, s)
		for _, r := range slices.Concat(consumertest.Passing(), consumertest.Lasting()) {
			s.Next(consumertest.GetMedia, consumertest.Step{Refuse: r})
			_, err := read(t.Context(), conn, earliest)
			refused, ok := errors.AsType[*millrace.Error](err)
			if !ok {
				t.Fatalf("%+v: %v", r, err)
			}
			if remote, ok := errors.AsType[*wire.RemoteError](err); !ok || remote.Status != r.Status {
				t.Errorf("%+v: %v", r, refused)
			}
		}
		for _, r := range consumertest.Passing() {
			s.Next(consumertest.GetMedia, consumertest.Step{Refuse: r})
			if _, err := read(t.Context(), conn, earliest); !client.Passing(err) {
				t.Errorf("%+v does not pass: %v", r, err)
			}
		}
	})
}

func TestPositionsExpire(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for name, tc := range map[string]struct {
			config consumertest.Config
			start  int // fragments
			want   bool
		}{
			"lenient, what follows is gone": {consumertest.Config{}, 0, true},
			"strict, what follows is gone":  {consumertest.Config{Expired: true}, 0, false},
			"strict, the last that is gone": {consumertest.Config{Expired: true}, 1, true},
			"exact, the last that is gone":  {consumertest.Config{Exact: true}, 1, true},
			"exact, one that is gone":       {consumertest.Config{Exact: true}, 0, false},
			"exact, one that is kept":       {consumertest.Config{Exact: true}, 2, true},
		} {
			tc.config.Pipes, tc.config.Idle = true, time.Millisecond
			s := consumertest.Start(t, tc.config)
			numbers := s.Stream("gate").Add(consumertest.Footage{}.Fragments(4)...)
			s.Stream("gate").Forget(numbers[1])
			got, err := read(t.Context(), dial(t, s), behind(numbers[tc.start]))
			if err != nil {
				t.Fatal(err)
			}
			if told := bytes.Contains(got, []byte("FRAGMENT_NOT_FOUND")); told == tc.want || bytes.Contains(got, []byte(numbers[3].String())) != tc.want {
				t.Errorf("%s: %d bytes, told %v", name, len(got), told)
			}
		}
	})
}

func TestTokensCanBeRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := consumertest.Start(t, short)
		numbers := s.Stream("gate").Add(consumertest.Footage{}.Fragments(2)...)
		s.RefuseTokens(true)
		conn := dial(t, s)
		if _, err := read(t.Context(), conn, millrace.StartSelector{Type: millrace.StartContinuationToken, Number: numbers[0]}); millrace.CodeOf(err) != millrace.CodeInvalidArgument {
			t.Error(err)
		}
		if _, err := read(t.Context(), conn, behind(numbers[0])); err != nil {
			t.Error(err)
		}
	})
}

func TestListsOfFragments(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := consumertest.Start(t, consumertest.Config{Pipes: true, Page: 2})
		stream := s.Stream("gate")
		footage := consumertest.Footage{}
		var fragments []consumertest.Fragment
		for n := range 7 { // the producer's clock runs backwards
			f := footage.Fragment(n)
			f.ProducerTime = f.ServerTime.Add(-time.Duration(n) * time.Second)
			fragments = append(fragments, f)
		}
		numbers := stream.Add(fragments...)
		stream.Begin(footage.Fragment(7))
		for clock, want := range map[string][]int{"SERVER_TIMESTAMP": {1, 2, 3, 4, 5}, "PRODUCER_TIMESTAMP": {5, 4, 3, 2, 1}} {
			at := func(n int) wire.Timestamp {
				f := stream.All()[n]
				if clock == "SERVER_TIMESTAMP" {
					return wire.Timestamp{Time: f.ServerTime}
				}
				return wire.Timestamp{Time: f.ProducerTime}
			}
			var got []int
			for f, err := range dial(t, s).Fragments(t.Context(), "gate", client.FragmentRange{Clock: clock, Start: at(want[0]), End: at(want[4])}) {
				if err != nil {
					t.Fatal(err)
				}
				n := slices.Index(numbers, f.Number)
				got = append(got, n)
				if f.LengthMilliseconds != 120 || !f.ServerTimestamp.Equal(stream.All()[n].ServerTime) || f.Bytes == 0 {
					t.Errorf("%+v", f)
				}
			}
			if !slices.Equal(got, want) {
				t.Errorf("%s: %v, want %v", clock, got, want)
			}
		}
		if n := len(s.Calls(consumertest.ListFragments)); n != 6 {
			t.Errorf("%d calls", n)
		}
	})
}

func TestMediaOfAList(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := consumertest.Start(t, short)
		numbers := s.Stream("gate").Add(consumertest.Footage{}.Fragments(3)...)
		conn := dial(t, s)
		got, err := list(t, conn, s, numbers[2].String(), numbers[0].String(), numbers[0].String())
		if err != nil || bytes.Count(got, []byte(wire.TagFragmentNumber)) != 3 || bytes.Contains(got, []byte(wire.TagContinuationToken)) {
			t.Errorf("%d bytes: %v", len(got), err)
		}
		if bytes.Index(got, []byte(numbers[2].String())) > bytes.Index(got, []byte(numbers[0].String())) {
			t.Error("not in the order of the request")
		}
		got, err = list(t, conn, s, numbers[0].String(), "12345", numbers[1].String())
		if err != nil || !bytes.Contains(got, []byte("FRAGMENT_NOT_FOUND")) || bytes.Contains(got, []byte(numbers[1].String())) {
			t.Errorf("%d bytes: %v", len(got), err)
		}
		if _, err := list(t, conn, s, "not digits"); err == nil {
			t.Error("words are numbers")
		}
	})
}

func TestDescriptions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := consumertest.Start(t, consumertest.Config{Pipes: true, Page: 2, Streams: []millrace.StreamName{"a", "b1", "b2", "b3", "c"}})
		s.Stream("a").SetTags(map[string]string{"kind": "door"})
		s.Stream("b2").SetRetention(48 * time.Hour)
		s.Stream("b3").Delete()
		conn := dial(t, s)
		var names []string
		for stream, err := range conn.Streams(t.Context(), "b") {
			if err != nil {
				t.Fatal(err)
			}
			names = append(names, string(stream.Name))
		}
		if !slices.Equal(names, []string{"b1", "b2"}) {
			t.Error(names)
		}
		if stream, err := conn.DescribeStream(t.Context(), "b2"); err != nil || stream.Retention != 48*time.Hour {
			t.Errorf("%+v %v", stream, err)
		}
		for _, name := range []millrace.StreamName{"b3", "d"} {
			if _, err := conn.DescribeStream(t.Context(), name); millrace.CodeOf(err) != millrace.CodeNotFound {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}

func TestSignatures(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		key := millrace.Credentials{AccessKeyID: "AKIDTEST", SecretAccessKey: "secret"}
		s := consumertest.Start(t, consumertest.Config{Pipes: true, Keys: []consumertest.Key{{Credentials: key}}})
		if _, err := dial(t, s).DescribeStream(t.Context(), "gate"); err != nil {
			t.Error(err)
		}
		key.SecretAccessKey = "another"
		if _, err := dialAs(t, s, key).DescribeStream(t.Context(), "gate"); millrace.CodeOf(err) != millrace.CodeInvalidSignature {
			t.Error(err)
		}
		s.ForgetKey("AKIDTEST")
		if _, err := dial(t, s).DescribeStream(t.Context(), "gate"); millrace.CodeOf(err) != millrace.CodeExpiredToken {
			t.Error(err)
		}
		resp, err := s.HTTPClient().Post(s.Endpoint()+"/describeStream", "application/json", strings.NewReader(`{"StreamName":"gate"}`))
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		if resp.StatusCode != 403 {
			t.Errorf("unsigned: %s", resp.Status)
		}
	})
}

func TestTheDataEndpointMoves(t *testing.T) {
	for name, pipes := range map[string]bool{"in memory": true, "on loopback": false} {
		t.Run(name, func(t *testing.T) {
			s := consumertest.Start(t, consumertest.Config{Pipes: pipes, Idle: time.Millisecond})
			s.Stream("gate").Add(consumertest.Fragment{})
			conn := dial(t, s)
			if _, err := read(t.Context(), conn, earliest); err != nil {
				t.Fatal(err)
			}
			old := s.DataEndpoint()
			if err := s.Move(); err != nil || s.DataEndpoint() == old {
				t.Fatal(err)
			}
			if _, err := read(t.Context(), conn, earliest); !errors.Is(err, syscall.ECONNREFUSED) {
				t.Errorf("at the old one: %v", err)
			}
			if _, err := read(t.Context(), conn, earliest); err != nil {
				t.Errorf("at the new one: %v", err)
			}
		})
	}
}

func TestTheNetwork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := consumertest.Start(t, short)
		conn := dial(t, s)
		s.SetNetwork(consumertest.Down)
		if _, err := conn.DescribeStream(t.Context(), "gate"); !errors.Is(err, syscall.ECONNREFUSED) {
			t.Error(err)
		}
		s.SetNetwork(consumertest.Silent)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := conn.DescribeStream(ctx, "gate"); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
		s.SetNetwork(consumertest.Up)
		if _, err := conn.DescribeStream(t.Context(), "gate"); err != nil {
			t.Error(err)
		}
	})
}

func TestAnswersOfAScript(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := consumertest.Start(t, short)
		conn := dial(t, s)
		for name, tc := range map[string]struct {
			answer consumertest.Answer
			err    error
		}{
			"a reset":   {consumertest.Answer{Do: consumertest.Reset}, syscall.ECONNRESET},
			"a close":   {consumertest.Answer{Do: consumertest.Close}, io.EOF},
			"a refusal": {consumertest.Answer{Refusal: consumertest.Refusal{Status: 404}}, &millrace.Error{Code: millrace.CodeNotFound}},
			"a delay":   {consumertest.Answer{Delay: time.Second}, nil},
		} {
			s.Answer(consumertest.DescribeStream, tc.answer)
			began := time.Now()
			if _, err := conn.DescribeStream(t.Context(), "gate"); !errors.Is(err, tc.err) && (tc.err == nil || millrace.CodeOf(err) != millrace.CodeOf(tc.err)) {
				t.Errorf("%s: %v", name, err)
			}
			if time.Since(began) < tc.answer.Delay {
				t.Errorf("%s: no delay", name)
			}
		}
		s.Answer(consumertest.GetDataEndpoint, consumertest.Answer{Endpoint: "http://elsewhere.test"})
		_, err := read(t.Context(), conn, earliest)
		if _, ok := errors.AsType[*net.DNSError](err); !ok {
			t.Errorf("a wrong endpoint: %v", err)
		}
	})
}

func TestAServerIsAHandler(t *testing.T) {
	s := consumertest.Start(t, consumertest.Config{Idle: time.Millisecond})
	s.Stream("gate").Add(consumertest.Footage{}.Fragments(2)...)
	other := httptest.NewServer(s)
	defer other.Close()
	conn := client.New(client.Settings{Endpoint: other.URL, Region: "us-east-1", Tries: 1, Credentials: millrace.StaticCredentials(millrace.Credentials{AccessKeyID: "AKID", SecretAccessKey: "secret"})})
	defer conn.Close()
	got, err := read(t.Context(), conn, earliest)
	if err != nil || bytes.Count(got, []byte(wire.TagContinuationToken)) != 2 {
		t.Errorf("%d bytes: %v", len(got), err)
	}
}

func TestTheSameSeedDrawsTheSame(t *testing.T) {
	chaos := consumertest.Chaos{Seed: 7, Steps: 200, Pause: time.Second, Stalls: true, Repeats: true, Errors: true, Garbage: true}
	a, b := chaos.Draw(), chaos.Draw()
	seen := map[consumertest.Action]bool{}
	for i := range a {
		if len(a[i].Faults) != len(b[i].Faults) || a[i].Refuse != b[i].Refuse {
			t.Fatalf("step %d differs", i)
		}
		for _, f := range a[i].Faults {
			seen[f.Do] = true
		}
	}
	for _, do := range []consumertest.Action{consumertest.Reset, consumertest.Close, consumertest.Finish, consumertest.Stall, consumertest.Fail, consumertest.Insert, consumertest.Repeat} {
		if !seen[do] {
			t.Errorf("%v was never drawn", do)
		}
	}
}
