package producertest_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/producer/producertest"
)

const someProducer = "000102030405060708090a0b0c0d0e0f"

// sending makes one call inside a bubble, sends pieces, ends the body and
// returns what was acknowledged.
func sending(t *testing.T, c producertest.Config, pieces ...[]byte) (acks string, s *producertest.Server) {
	t.Helper()
	c.Pipes = true
	synctest.Test(t, func(t *testing.T) {
		s = producertest.Start(t, c)
		d, err := tryCall(t, s, "")
		if err != nil {
			acks = "no answer"
			return
		}
		over := make(chan string, 1)
		go func() { over <- d.acks() }()
		time.Sleep(time.Second)
		for _, p := range append(pieces, nil) {
			if len(over) > 0 {
				break // what is sent to a server that is gone destroys what it said
			}
			if p == nil {
				d.finish()
			} else {
				d.send(p)
			}
			time.Sleep(2 * time.Second)
		}
		acks = <-over
	})
	return acks, s
}

func states(s *producertest.Server) string {
	var words []string
	for _, f := range s.Fragments() {
		words = append(words, f.State.String())
	}
	return strings.Join(words, " ")
}

func TestPlacesAndActions(t *testing.T) {
	type faults = []producertest.Fault
	for name, tc := range map[string]struct {
		faults faults
		acks   string
		states string
	}{
		"nothing": {nil, "B@5 R@5 P@5 B@7 R@7 P@7", "durable durable"},
		"a reset as soon as connected": {
			faults{{At: producertest.AtConnect, Do: producertest.Reset}}, "no answer", "",
		},
		"a reset in the request's head": {
			faults{{At: producertest.AtRequestHead, Do: producertest.Reset}}, "no answer", "",
		},
		"an end in the response's head": {
			faults{{At: producertest.AtResponseHead, Do: producertest.Close}}, "no answer", "",
		},
		"a reset in the EBML header": {
			faults{{At: producertest.AtHeader, Do: producertest.Reset}}, "cut", "",
		},
		"an end in the second Cluster's head": {
			faults{{At: producertest.AtCluster, Fragment: 1, Do: producertest.Close}}, "B@5 R@5 P@5 cut", "durable",
		},
		"an end behind the second Timecode": {
			faults{{At: producertest.AtTimecode, Fragment: 1, Do: producertest.Close}}, "B@5 R@5 P@5 B@7 cut", "durable lost",
		},
		"an end in a block": {
			faults{{At: producertest.AtBlock, Fragment: 0, Block: 1, Do: producertest.Close}}, "B@5 cut", "lost",
		},
		"an end between fragments": {
			faults{{At: producertest.AtFragmentEnd, Do: producertest.Close}}, "B@5 cut", "lost",
		},
		"an end before what is durable is acknowledged": {
			faults{{At: producertest.AtPersisted, Do: producertest.Close}}, "B@5 R@5 cut", "durable",
		},
		"an end behind an acknowledgement": {
			faults{{At: producertest.AtAcknowledged, Do: producertest.Close}}, "B@5 R@5 P@5 cut", "durable",
		},
		"an end in the terminal chunk": {
			faults{{At: producertest.AtTerminalChunk, Do: producertest.Close}}, "B@5 R@5 P@5 B@7 R@7 P@7 cut", "durable durable",
		},
		"the response is ended": {
			faults{{At: producertest.AtTimecode, Fragment: 1, Do: producertest.Finish}}, "B@5 R@5 P@5 B@7", "durable lost",
		},
		"an error at a Timecode": {
			faults{{At: producertest.AtTimecode, Fragment: 1, Do: producertest.Fail, Code: millrace.CodeArchival}},
			"B@5 R@5 P@5 B@7 E5001@7", "durable refused",
		},
		"an error at the end": {
			faults{{At: producertest.AtFragmentEnd, Do: producertest.Fail, Code: millrace.CodeFragmentDuration}}, "B@5 E4002@5", "refused",
		},
		"an error that names no fragment": {
			faults{{At: producertest.AtBlock, Do: producertest.Fail, Code: millrace.CodeConnectionAge, Bare: true}}, "B@5 E4003", "lost",
		},
		"a delay": {
			faults{{At: producertest.AtTimecode, Fragment: 1, Delay: time.Hour}}, "B@5 R@5 P@5 B@7 R@7 P@7", "durable durable",
		},
	} {
		t.Run(name, func(t *testing.T) {
			acks, s := sending(t, producertest.Config{Steps: []producertest.Step{{Faults: tc.faults}}},
				header(1), cluster(5, "one", "two"), cluster(7, "three"))
			if acks != tc.acks {
				t.Errorf("acknowledged %q, want %q", acks, tc.acks)
			}
			if got := states(s); got != tc.states {
				t.Errorf("fragments are %q, want %q", got, tc.states)
			}
		})
	}
}

func TestAcknowledgements(t *testing.T) {
	for name, tc := range map[string]struct {
		acks   producertest.Acks
		want   string
		states string
	}{
		"never":     {producertest.Acks{Never: true}, "", "received received"},
		"no type":   {producertest.Acks{Omit: []millrace.AckType{millrace.AckBuffering}}, "R@5 P@5 R@7 P@7", "durable durable"},
		"every two": {producertest.Acks{OmitEvery: 2}, "B@5 R@5 P@5 B@7 R@7", "durable durable"},
		"late":      {producertest.Acks{Delay: time.Hour}, "B@5 R@5 B@7 R@7 P@5 P@7", "durable durable"},
		"twice":     {producertest.Acks{Repeat: 1}, "B@5 B@5 R@5 R@5 P@5 P@5 B@7 B@7 R@7 R@7 P@7 P@7", "durable durable"},
		"strangers": {
			producertest.Acks{Strangers: true, Omit: []millrace.AckType{millrace.AckBuffering, millrace.AckReceived}},
			"P@86400005 P@5 P@86400007 P@7", "durable durable",
		},
		"in reverse":     {producertest.Acks{Group: 6, Reverse: true}, "P@5 R@5 B@5 P@7 R@7 B@7", "durable durable"},
		"in one chunk":   {producertest.Acks{Group: 3, OneChunk: true}, "B@5 R@5 P@5 B@7 R@7 P@7", "durable durable"},
		"byte for byte":  {producertest.Acks{Split: 1}, "B@5 R@5 P@5 B@7 R@7 P@7", "durable durable"},
		"the same group": {producertest.Acks{Group: 100}, "B@5 R@5 P@5 B@7 R@7 P@7", "durable durable"},
	} {
		t.Run(name, func(t *testing.T) {
			acks, s := sending(t, producertest.Config{Steps: []producertest.Step{{Acks: tc.acks}}},
				header(1), cluster(5, "one", "two"), cluster(7, "three"))
			if acks != tc.want {
				t.Errorf("acknowledged %q, want %q", acks, tc.want)
			}
			if got := states(s); got != tc.states {
				t.Errorf("fragments are %q, want %q", got, tc.states)
			}
		})
	}
}

func TestMediaThatIsNotAsItShouldBe(t *testing.T) {
	long := sized(append(children(5, "one"), 0xa3, 0x85, 0x81, 0x7f, 0xff, 0x80, 'x')) // 32.767 s later
	strange := sized(append(children(5, "one"), 0xa3, 0x85, 0x82, 0, 1, 0x80, 'x'))
	for name, tc := range map[string]struct {
		pieces [][]byte
		want   string
	}{
		"a time that goes back":      {[][]byte{header(1), cluster(5, "one"), cluster(4, "two")}, "B@5 R@5 P@5 E4004@4"},
		"a fragment that is long":    {[][]byte{header(1), long}, "B@5 E4002@5"},
		"a track that is not there":  {[][]byte{header(1), strange}, "B@5 E4010@5"},
		"a track without frames":     {[][]byte{header(2), cluster(5, "one")}, "B@5 E4011@5"},
		"four tracks":                {[][]byte{header(4)}, "E4012"},
		"no Matroska":                {[][]byte{[]byte("GET / HTTP/1.1\r\n")}, "E4006"},
		"no Tracks":                  {[][]byte{header(1)[:40], cluster(5, "one")}, "E4006"},
		"nothing behind the header":  {[][]byte{header(1)}, "E4006"},
		"two headers":                {[][]byte{header(1), cluster(5, "one"), header(1)}, "B@5 R@5 P@5 E4006@5"},
		"a tag with a long name":     {[][]byte{header(1), cluster(5, "one"), tag(strings.Repeat("n", 129), "v")}, "B@5 R@5 P@5 E4009@5"},
		"eleven tags":                {[][]byte{header(1), cluster(5, "one"), tag(strings.Split(strings.Repeat("n v ", 11), " ")[:22]...)}, "B@5 R@5 P@5 E4009@5"},
		"a call with nothing at all": {nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			if acks, _ := sending(t, producertest.Config{}, tc.pieces...); acks != tc.want {
				t.Errorf("acknowledged %q, want %q", acks, tc.want)
			}
		})
	}
}

func TestAnIdentifiedFragmentIsKeptOnce(t *testing.T) {
	id := millrace.Identity{Session: millrace.SessionID{1}, Sequence: 9}
	for name, tc := range map[string]struct {
		config producertest.Config
		want   string
	}{
		"as Millrace does": {producertest.Millrace(), "durable repeated"},
		"as AWS does":      {producertest.AWS(), "durable durable"},
	} {
		t.Run(name, func(t *testing.T) {
			s := producertest.Start(t, tc.config)
			for range 2 {
				d := call(t, s, someProducer)
				if echo := d.head.Get("x-millrace-producer"); (echo == someProducer) != tc.config.Identity {
					t.Errorf("the answer has %q", echo)
				}
				d.send(append(header(1), identified(5, id, "one")...))
				if acks := d.end(); acks != "B@5 R@5 P@5" {
					t.Errorf("acknowledged %q", acks)
				}
			}
			if got := states(s); got != tc.want {
				t.Errorf("fragments are %q", got)
			}
			all := s.Fragments()
			if same := all[0].Number == all[1].Number; same != tc.config.Identity {
				t.Errorf("numbers %s and %s", all[0].Number, all[1].Number)
			}
			if !all[0].Identified || all[0].Sequence != 9 || !bytes.Equal(all[0].Bytes, identified(5, id, "one")) {
				t.Errorf("recorded %+v", all[0])
			}
		})
	}
}

func TestADamagedFragmentIsAskedForAgain(t *testing.T) {
	s := producertest.Start(t, producertest.Millrace())
	bad := identified(5, millrace.Identity{Session: millrace.SessionID{1}}, "one")
	bad[bytes.Index(bad, []byte("one"))] ^= 1
	d := call(t, s, someProducer)
	d.send(append(header(1), bad...))
	if acks := d.end(); acks != "B@5 E5000@5" {
		t.Errorf("acknowledged %q", acks)
	}
	if len(s.Persisted("gate")) > 0 {
		t.Error("it was kept")
	}
}

func TestANewerSessionSupersedesAnOpenFragment(t *testing.T) {
	s := producertest.Start(t, producertest.Millrace())
	whole := identified(5, millrace.Identity{Session: millrace.SessionID{1}}, "one", "two")
	first := call(t, s, someProducer)
	first.send(append(header(1), whole[:60]...))
	for len(s.Fragments()) == 0 { // the server reads on its own
		time.Sleep(time.Millisecond)
	}
	second := call(t, s, someProducer)
	second.send(append(header(1), whole...))
	if acks := second.end(); acks != "B@5 R@5 P@5" {
		t.Errorf("the second was acknowledged %q", acks)
	}
	if acks := first.acks(); !strings.HasSuffix(acks, "cut") {
		t.Errorf("the first was acknowledged %q", acks)
	}
	if got := states(s); got != "lost durable" {
		t.Errorf("fragments are %q", got)
	}
}

func TestTheNewestCallWinsOnAWS(t *testing.T) {
	s := producertest.Start(t, producertest.AWS())
	first := call(t, s, "")
	first.send(append(header(1), cluster(5, "one")...))
	second := call(t, s, "")
	if acks := first.acks(); !strings.HasSuffix(acks, "E4003") {
		t.Errorf("the first was acknowledged %q", acks)
	}
	second.send(append(header(1), cluster(7, "two")...))
	if acks := second.end(); acks != "B@7 R@7 P@7" {
		t.Errorf("the second was acknowledged %q", acks)
	}
}

func TestCallsEndByAgeAndSilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := producertest.AWS()
		c.Pipes = true
		s := producertest.Start(t, c)
		began := time.Now()
		if acks := call(t, s, "").acks(); acks != "I I I I I" || time.Since(began) < 30*time.Second {
			t.Errorf("after %v of silence: %q", time.Since(began), acks)
		}
		began = time.Now()
		d := call(t, s, "")
		d.send(header(1))
		done := make(chan string)
		go func() { done <- d.acks() }()
		for timecode := uint64(0); time.Since(began) < 46*time.Minute; timecode++ {
			if !d.send(cluster(timecode, "frame")) {
				break
			}
			time.Sleep(10 * time.Second)
		}
		if acks := <-done; !strings.HasSuffix(acks, "E4003") || time.Since(began) < 45*time.Minute {
			t.Errorf("after %v: %q", time.Since(began), acks)
		}
	})
}

func TestANetworkThatIsGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := producertest.Start(t, producertest.Config{Pipes: true})
		d := call(t, s, "")
		s.SetNetwork(producertest.Down)
		if acks := d.acks(); acks != "cut" {
			t.Errorf("a call that was there: %q", acks)
		}
		if _, err := tryCall(t, s, ""); !errors.Is(err, syscall.ECONNREFUSED) {
			t.Errorf("down: %v", err)
		}
		s.SetNetwork(producertest.Silent)
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		if _, err := s.Dial(ctx, "tcp", s.Address(producertest.Data)); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("silent: %v", err)
		}
		s.SetNetwork(producertest.Up)
		if acks := call(t, s, "").end(); acks != "" {
			t.Errorf("up: %q", acks)
		}
		refused := 0
		for _, a := range s.Attempts() {
			if a.Host == producertest.Data && a.Refused {
				refused++
			}
		}
		if len(s.Attempts()) != 4 || refused != 1 {
			t.Errorf("attempts %+v", s.Attempts())
		}
	})
}

func TestADownServerOnLoopbackCountsAttempts(t *testing.T) {
	s := producertest.Start(t, producertest.Config{})
	s.SetNetwork(producertest.Down)
	for range 3 {
		if _, err := tryCall(t, s, ""); err == nil {
			t.Error("there was an answer")
		}
	}
	if n := len(s.Attempts()); n != 3 {
		t.Errorf("%d attempts", n)
	}
}

func TestRefusalsOfMedia(t *testing.T) {
	s := producertest.Start(t, producertest.Config{Steps: []producertest.Step{
		{Refuse: producertest.Refusal{Status: 429, Exception: "ClientLimitExceededException", RetryAfter: 3 * time.Second}},
	}})
	if d := call(t, s, ""); d.code != 429 || d.head.Get("Retry-After") != "3" {
		t.Errorf("answered %d %v", d.code, d.head)
	}
	if d := call(t, s, ""); d.code != 200 {
		t.Errorf("then %d", d.code)
	}
}

func TestControlCallsFailAsTold(t *testing.T) {
	s := producertest.Start(t, producertest.Config{
		ClockOffset: -time.Hour,
		Streams:     []producertest.Stream{{Name: "gate", Retention: time.Hour}},
		Answers: map[producertest.Operation][]producertest.Answer{
			producertest.DescribeStream: {
				{Refusal: producertest.Refusal{Status: 503, Exception: "ServiceUnavailable"}},
				{Do: producertest.Reset},
				{Do: producertest.Close, Late: true},
			},
		},
	})
	var got []string
	var date string
	for range 4 {
		resp, err := s.HTTPClient().Post(s.Endpoint()+"/describeStream", "application/json", strings.NewReader(`{"StreamName":"gate"}`))
		if err != nil {
			got = append(got, "broken")
			continue
		}
		got = append(got, resp.Status)
		date = resp.Header.Get("Date")
		resp.Body.Close()
	}
	if want := "503 Service Unavailable, broken, broken, 200 OK"; strings.Join(got, ", ") != want {
		t.Errorf("answered %q, want %q", strings.Join(got, ", "), want)
	}
	if at, err := http.ParseTime(date); err != nil || time.Since(at) < 50*time.Minute {
		t.Errorf("the date is %q, %v", date, err)
	}
}

func TestASlowServerTakesItsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := producertest.Start(t, producertest.Config{Pipes: true, Steps: []producertest.Step{{ReadRate: 1000}}})
		began := time.Now()
		d := call(t, s, "")
		d.send(append(header(1), cluster(5, strings.Repeat("x", 60_000))...))
		if acks := d.end(); acks != "B@5 R@5 P@5" {
			t.Errorf("acknowledged %q", acks)
		}
		if took := time.Since(began); took < time.Minute || took > 70*time.Second {
			t.Errorf("60 kB at 1 kB/s took %v", took)
		}
	})
}

func TestAServerThatIsStalledOrDeaf(t *testing.T) {
	for do, want := range map[producertest.Action]string{
		producertest.Stall:  "B@5 R@5 B@7 cut",
		producertest.Deafen: "B@5 R@5 B@7 P@5 cut",
	} {
		synctest.Test(t, func(t *testing.T) {
			s := producertest.Start(t, producertest.Config{Pipes: true, Steps: []producertest.Step{{
				Acks:   producertest.Acks{Delay: time.Minute},
				Faults: []producertest.Fault{{At: producertest.AtTimecode, Fragment: 1, Do: do}},
			}}})
			d := call(t, s, "")
			d.send(append(header(1), cluster(5, "one")...))
			d.send(cluster(7, "two"))
			over := make(chan string)
			go func() { over <- d.acks() }()
			time.Sleep(time.Hour)
			s.Close()
			if acks := <-over; acks != want {
				t.Errorf("%v: %q", do, acks)
			}
		})
	}
}

func TestAFaultInABlockIsInThatBlock(t *testing.T) {
	for block := range 3 {
		_, s := sending(t, producertest.Config{Steps: []producertest.Step{
			{Faults: []producertest.Fault{{At: producertest.AtBlock, Block: block, Do: producertest.Close}}},
		}}, header(1), cluster(5, "one", "two", "three"))
		if n := len(s.Fragments()[0].Frames); n != block {
			t.Errorf("block %d: %d blocks came before", block, n)
		}
	}
}

func TestConnectionsInMemoryEndAsThoseOfTCP(t *testing.T) {
	for name, tc := range map[string]struct {
		end  func(near, far net.Conn)
		want string
	}{
		"closed behind what was said": {func(_, far net.Conn) { far.Close() }, "said"},
		"closed with something unread": {func(near, far net.Conn) {
			_, _ = io.WriteString(near, "unread")
			far.Close()
		}, "reset"},
		"written to behind the end": {func(near, far net.Conn) {
			far.Close()
			_, _ = io.WriteString(near, "late")
		}, "reset"},
		"not at all": {func(near, far net.Conn) { _ = near.SetReadDeadline(time.Now().Add(time.Hour)) }, "timeout"},
	} {
		synctest.Test(t, func(t *testing.T) {
			l := producertest.NewListener("server.test:80")
			near, err := l.Dial(t.Context(), "tcp", "any")
			if err != nil {
				t.Fatal(err)
			}
			far, err := l.Accept()
			if err != nil {
				t.Fatal(err)
			}
			if _, err := io.WriteString(far, "said"); err != nil {
				t.Fatal(err)
			}
			tc.end(near, far)
			got, err := io.ReadAll(near)
			end := string(got)
			switch {
			case errors.Is(err, syscall.ECONNRESET):
				end = "reset"
			case errors.Is(err, os.ErrDeadlineExceeded):
				end = "timeout"
			}
			if end != tc.want {
				t.Errorf("%s: %q, %v", name, got, err)
			}
		})
	}
}

func TestAListenerThatIsClosedRefuses(t *testing.T) {
	l := producertest.NewListener("server.test:80")
	l.Close()
	if _, err := l.Dial(t.Context(), "tcp", "any"); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("dial: %v", err)
	}
	if _, err := l.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("accept: %v", err)
	}
}

func TestTagsBelongToTheFragmentInFrontOfThem(t *testing.T) {
	_, s := sending(t, producertest.Config{}, header(1), tag("first", "1"), cluster(5, "one"), tag("second", "2"), cluster(7, "two"),
		tag("AWS_KINESISVIDEO_END_OF_FRAGMENT", ""), tag("third", "3"), cluster(9, "three"))
	var got []string
	for _, f := range s.Fragments() {
		got = append(got, "|")
		for _, tag := range f.Tags {
			got = append(got, tag.Name)
		}
	}
	if want := "| first second | | third"; strings.Join(got, " ") != want {
		t.Errorf("%q, want %q", got, want)
	}
}
