package wire_test

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"math"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/wire"
)

const number = "91343852333181432397633822764885441725874549018"

func fragmentNumber(t testing.TB, s string) millrace.FragmentNumber {
	t.Helper()
	n, err := millrace.ParseFragmentNumber(s)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// exactAcks are acknowledgements and their one form.
func exactAcks(t testing.TB) map[string]millrace.Ack {
	n := fragmentNumber(t, number)
	return map[string]millrace.Ack{
		`{"EventType":"IDLE"}`:                      {Type: millrace.AckIdle},
		`{"EventType":"IDLE","FragmentTimecode":7}`: {Type: millrace.AckIdle, HasTimecode: true, Timecode: 7},
		`{"EventType":"BUFFERING","FragmentTimecode":252467,"FragmentNumber":"` + number + `"}`: {
			Type: millrace.AckBuffering, HasTimecode: true, Timecode: 252467, Number: n,
		},
		`{"EventType":"RECEIVED","FragmentTimecode":0,"FragmentNumber":"` + number + `"}`: {
			Type: millrace.AckReceived, HasTimecode: true, Number: n,
		},
		`{"EventType":"PERSISTED","FragmentTimecode":18446744073709551615,"FragmentNumber":"` + number + `"}`: {
			Type: millrace.AckPersisted, HasTimecode: true, Timecode: math.MaxUint64, Number: n,
		},
		`{"EventType":"ERROR","FragmentTimecode":12345,"FragmentNumber":"` + number + `","ErrorId":4006,"ErrorCode":"INVALID_MKV_DATA"}`: {
			Type: millrace.AckError, HasTimecode: true, Timecode: 12345, Number: n, Code: millrace.CodeInvalidMKV,
		},
		`{"EventType":"ERROR","ErrorId":4003,"ErrorCode":"MAX_CONNECTION_DURATION_REACHED"}`: {
			Type: millrace.AckError, Code: millrace.CodeConnectionAge,
		},
	}
}

func TestAcksHaveOneForm(t *testing.T) {
	for want, a := range exactAcks(t) {
		if got := string(wire.AppendAck(nil, a)); got != want+"\n" {
			t.Errorf("got  %q\nwant %q", got, want+"\n")
		}
		decoded, err := wire.NewAckDecoder(strings.NewReader(want)).Decode()
		if err != nil || decoded != a {
			t.Errorf("%s: decoded %+v (%v), want %+v", want, decoded, err, a)
		}
	}
}

func TestTheLongestAckFits(t *testing.T) {
	for code := millrace.CodeInternal; code < 255; code++ {
		a := millrace.Ack{Type: millrace.AckError, HasTimecode: true, Timecode: math.MaxUint64, Number: millrace.MaxFragmentNumber(), Code: code}
		if n := len(wire.AppendAck(nil, a)); n > wire.MaxAckSize {
			t.Errorf("code %d: %d bytes", code, n)
		}
	}
}

func TestAnErrorOfAnotherDoorIsAnInternalError(t *testing.T) {
	got := string(wire.AppendAck(nil, millrace.Ack{Type: millrace.AckError, Code: millrace.CodeUnavailable}))
	if got != `{"EventType":"ERROR","ErrorId":5000,"ErrorCode":"INTERNAL_ERROR"}`+"\n" {
		t.Error(got)
	}
}

func TestAckDecoderTakesWhatServersSend(t *testing.T) {
	buffering := millrace.Ack{Type: millrace.AckBuffering, HasTimecode: true, Timecode: 5, Number: fragmentNumber(t, "12")}
	idle := millrace.Ack{Type: millrace.AckIdle}
	for name, tc := range map[string]struct {
		in   string
		want []millrace.Ack
	}{
		"one after the other without a delimiter":   {`{"EventType":"IDLE"}{"EventType":"BUFFERING","FragmentTimecode":5,"FragmentNumber":"12"}`, []millrace.Ack{idle, buffering}},
		"with newlines, spaces and empty lines":     {"\r\n{ \"EventType\" : \"IDLE\" }\n\n\t{\"EventType\":\"IDLE\"}\n", []millrace.Ack{idle, idle}},
		"members in another order":                  {`{"FragmentNumber":"12","FragmentTimecode":5,"EventType":"BUFFERING"}`, []millrace.Ack{buffering}},
		"numbers as strings and strings as numbers": {`{"EventType":"BUFFERING","FragmentTimecode":"5","FragmentNumber":12}`, []millrace.Ack{buffering}},
		"members of another time":                   {`{"EventType":"IDLE","Else":{"a":["}{",1]},"More":"\"}"}`, []millrace.Ack{idle}},
		"events of another time":                    {`{"EventType":"ARCHIVED"}{"EventType":"IDLE"}{}`, []millrace.Ack{idle}},
		"members that are null":                     {`{"EventType":"IDLE","FragmentTimecode":null,"FragmentNumber":null,"ErrorId":null}`, []millrace.Ack{idle}},
		"an error without an id":                    {`{"EventType":"ERROR"}`, []millrace.Ack{{Type: millrace.AckError, Code: millrace.CodeMediaInternal}}},
		"an error with a huge id":                   {`{"EventType":"ERROR","ErrorId":18446744073709551615}`, []millrace.Ack{{Type: millrace.AckError, Code: millrace.CodeMediaInternal}}},
		"nothing":                                   {"", nil},
	} {
		t.Run(name, func(t *testing.T) {
			for _, r := range []io.Reader{
				strings.NewReader(tc.in), iotest.OneByteReader(strings.NewReader(tc.in)), iotest.DataErrReader(strings.NewReader(tc.in)),
			} {
				got, err := decodeAll(r)
				if !errors.Is(err, io.EOF) {
					t.Errorf("err = %v", err)
				}
				if diff := cmp.Diff(tc.want, got, cmp.AllowUnexported(millrace.FragmentNumber{})); diff != "" {
					t.Error(diff)
				}
			}
		})
	}
}

func decodeAll(r io.Reader) ([]millrace.Ack, error) {
	d := wire.NewAckDecoder(r)
	var all []millrace.Ack
	for {
		a, err := d.Decode()
		if err != nil {
			if _, again := d.Decode(); !errors.Is(again, err) {
				return all, errors.New("error is not final")
			}
			return all, err
		}
		all = append(all, a)
	}
}

func TestAckDecoderRefuses(t *testing.T) {
	for name, tc := range map[string]struct {
		in   string
		want error
	}{
		"an acknowledgement cut off":   {`{"EventType":"IDLE"}{"EventType":"ID`, io.ErrUnexpectedEOF},
		"a list":                       {`[{"EventType":"IDLE"}]`, wire.ErrAckSyntax},
		"text":                         {`<html>`, wire.ErrAckSyntax},
		"an object that is no JSON":    {`{EventType:IDLE}`, wire.ErrAckSyntax},
		"a negative timecode":          {`{"EventType":"BUFFERING","FragmentTimecode":-1}`, wire.ErrAckSyntax},
		"a fraction of a timecode":     {`{"EventType":"BUFFERING","FragmentTimecode":1.5}`, wire.ErrAckSyntax},
		"a timecode of 65 bits":        {`{"EventType":"BUFFERING","FragmentTimecode":18446744073709551616}`, wire.ErrAckSyntax},
		"a number that is none":        {`{"EventType":"BUFFERING","FragmentNumber":"x"}`, wire.ErrAckSyntax},
		"a number of 129 digits":       {`{"EventType":"BUFFERING","FragmentNumber":"` + strings.Repeat("1", 129) + `"}`, wire.ErrAckSyntax},
		"an id that is a word":         {`{"EventType":"ERROR","ErrorId":"x"}`, wire.ErrAckSyntax},
		"an object that does not end":  {`{"a":"` + strings.Repeat("x", 1<<20), wire.ErrAckSyntax},
		"braces that do not end":       {strings.Repeat(`{"a":`, 1<<16), wire.ErrAckSyntax},
		"an event of the wrong type":   {`{"EventType":7}`, wire.ErrAckSyntax},
		"an error of the reader below": {"", iotest.ErrTimeout},
	} {
		var r io.Reader = strings.NewReader(tc.in)
		if errors.Is(tc.want, iotest.ErrTimeout) {
			r = iotest.ErrReader(iotest.ErrTimeout)
		}
		if _, err := decodeAll(r); !errors.Is(err, tc.want) {
			t.Errorf("%s: err = %v", name, err)
		}
	}
}

func TestAckDecoderTellsTheFaultAsItCame(t *testing.T) {
	d := wire.NewAckDecoder(strings.NewReader(`{"EventType":"ERROR","ErrorId":4502,"ErrorCode":"KMS_KEY_VALIDATION_ERROR"}`))
	if a, err := d.Decode(); err != nil || a.Code != millrace.CodeMediaInternal {
		t.Errorf("%+v, %v", a, err)
	}
	if id, name := d.Fault(); id != 4502 || name != "KMS_KEY_VALIDATION_ERROR" {
		t.Errorf("fault %d %s", id, name)
	}
}

func TestAckDecoderReadsCapturedAcks(t *testing.T) {
	for _, path := range glob(t, vectors(t)+"/putmedia/*.acks.jsonl") {
		lines := bufio.NewScanner(strings.NewReader(readFile(t, path)))
		for lines.Scan() {
			var line struct{ Ack json.RawMessage }
			if err := json.Unmarshal(lines.Bytes(), &line); err != nil {
				t.Fatal(err)
			}
			a, err := wire.NewAckDecoder(strings.NewReader(string(line.Ack))).Decode()
			if err != nil {
				t.Errorf("%s: %s: %v", path, line.Ack, err)
			}
			if a.Type != millrace.AckIdle && a.Number.IsZero() {
				t.Errorf("%s: %s has lost its number", path, line.Ack)
			}
		}
	}
}

// FuzzAckDecoder checks that what is decoded can be written and decoded again
// to the same.
func FuzzAckDecoder(f *testing.F) {
	for s := range exactAcks(f) {
		f.Add([]byte(s + "\n"))
	}
	f.Add([]byte(`{"a":"\"}{","EventType":"IDLE"}{}{"EventType":"ERROR","ErrorId":"4000"}`))
	f.Fuzz(func(t *testing.T, in []byte) {
		acks, _ := decodeAll(strings.NewReader(string(in)))
		for _, a := range acks {
			again, err := wire.NewAckDecoder(strings.NewReader(string(wire.AppendAck(nil, a)))).Decode()
			if err != nil || again != a {
				t.Errorf("%+v came back as %+v (%v)", a, again, err)
			}
		}
	})
}

func BenchmarkAppendAck(b *testing.B) {
	a := millrace.Ack{Type: millrace.AckPersisted, HasTimecode: true, Timecode: 252467, Number: fragmentNumber(b, number)}
	buf := make([]byte, 0, wire.MaxAckSize)
	b.ReportAllocs()
	for b.Loop() {
		buf = wire.AppendAck(buf[:0], a)
	}
}
