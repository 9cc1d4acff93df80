package wire_test

import (
	"bufio"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/wire"
)

const arn = "arn:aws:kinesisvideo:us-west-2:111122223333:stream/door/1705489836421"

func header(pairs ...string) http.Header {
	h := http.Header{}
	for i := 0; i < len(pairs); i += 2 {
		h.Set(pairs[i], pairs[i+1])
	}
	return h
}

func TestPutMediaHeaders(t *testing.T) {
	parsedARN, err := millrace.ParseStreamARN(arn)
	if err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		in   http.Header
		want wire.PutMediaHeaders
	}{
		"a C client's": {
			header("x-amzn-stream-name", "door", "x-amzn-fragment-timecode-type", "ABSOLUTE",
				"x-amzn-producer-start-timestamp", "1795365052.52", "x-amzn-fragment-acknowledgment-required", "1"),
			wire.PutMediaHeaders{Name: "door", Start: time.UnixMilli(1795365052520).UTC()},
		},
		"acknowledgements are the default": {
			header("x-amzn-stream-name", "door", "x-amzn-fragment-timecode-type", "RELATIVE", "x-amzn-producer-start-timestamp", "0"),
			wire.PutMediaHeaders{Name: "door", Timecode: wire.TimecodeRelative, Start: time.UnixMilli(0).UTC()},
		},
		"no acknowledgements": {
			header("x-amzn-stream-name", "door", "x-amzn-fragment-timecode-type", "ABSOLUTE", "x-amzn-fragment-acknowledgment-required", "0"),
			wire.PutMediaHeaders{Name: "door", NoAcks: true},
		},
		"by ARN": {
			header("x-amzn-stream-arn", arn, "x-amzn-fragment-timecode-type", "ABSOLUTE"),
			wire.PutMediaHeaders{ARN: parsedARN},
		},
		"with an identity": {
			header("x-amzn-stream-name", "door", "x-amzn-fragment-timecode-type", "ABSOLUTE",
				"x-millrace-producer", "f0000102030405060708090a0b0c0d0e"),
			wire.PutMediaHeaders{
				Name: "door", Producer: millrace.ProducerID{0xf0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14},
			},
		},
	} {
		got, err := wire.ParsePutMediaHeaders(tc.in)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if diff := cmp.Diff(tc.want, got); diff != "" {
			t.Errorf("%s:\n%s", name, diff)
		}
		again := http.Header{}
		got.Set(again)
		second, err := wire.ParsePutMediaHeaders(again)
		if got.Start.IsZero() {
			got.Start = time.UnixMilli(0).UTC()
		}
		if diff := cmp.Diff(got, second); diff != "" || err != nil {
			t.Errorf("%s, written and read again: %v\n%s", name, err, diff)
		}
	}
}

// announced is the header of a call by a producer with an identity.
func announced(producer ...string) http.Header {
	h := header("x-amzn-stream-name", "door", "x-amzn-fragment-timecode-type", "ABSOLUTE")
	h[wire.HeaderProducer] = producer
	return h
}

func TestPutMediaHeadersRefuse(t *testing.T) {
	for name, in := range map[string]http.Header{
		"no stream":              header("x-amzn-fragment-timecode-type", "ABSOLUTE"),
		"name and ARN":           header("x-amzn-stream-name", "door", "x-amzn-stream-arn", arn, "x-amzn-fragment-timecode-type", "ABSOLUTE"),
		"a name with a slash":    header("x-amzn-stream-name", "a/b", "x-amzn-fragment-timecode-type", "ABSOLUTE"),
		"an ARN of a channel":    header("x-amzn-stream-arn", strings.Replace(arn, "stream/", "channel/", 1), "x-amzn-fragment-timecode-type", "ABSOLUTE"),
		"no timecode type":       header("x-amzn-stream-name", "door"),
		"another timecode type":  header("x-amzn-stream-name", "door", "x-amzn-fragment-timecode-type", "absolute"),
		"relative without start": header("x-amzn-stream-name", "door", "x-amzn-fragment-timecode-type", "RELATIVE"),
		"a start that is none":   header("x-amzn-stream-name", "door", "x-amzn-fragment-timecode-type", "ABSOLUTE", "x-amzn-producer-start-timestamp", "x"),
		"a start before 1970":    header("x-amzn-stream-name", "door", "x-amzn-fragment-timecode-type", "RELATIVE", "x-amzn-producer-start-timestamp", "-5"),
		"acks of another kind":   header("x-amzn-stream-name", "door", "x-amzn-fragment-timecode-type", "ABSOLUTE", "x-amzn-fragment-acknowledgment-required", "2"),
		"no producer":            announced(""),
		"a short producer":       announced("1"),
		"a producer of zeros":    announced(strings.Repeat("0", 32)),
		"a producer of no digit": announced(strings.Repeat("g", 32)),
		"a producer in capitals": announced(strings.Repeat("F", 32)),
		"two producers":          announced(strings.Repeat("1", 32), strings.Repeat("2", 32)),
	} {
		if got, err := wire.ParsePutMediaHeaders(in); millrace.CodeOf(err) != millrace.CodeInvalidArgument || err == nil {
			t.Errorf("%s: %+v, err = %v", name, got, err)
		}
	}
}

func TestPutMediaHeadersOfCapturedCalls(t *testing.T) {
	for _, path := range glob(t, vectors(t)+"/putmedia/*.head.txt") {
		r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(readFile(t, path))))
		if err != nil {
			t.Fatal(err)
		}
		p, err := wire.ParsePutMediaHeaders(r.Header)
		if err != nil {
			t.Errorf("%s: %v", path, err)
		}
		if p.Start.Year() != 2026 || p.NoAcks != strings.Contains(path, "noacks") ||
			(p.Timecode == wire.TimecodeRelative) != strings.Contains(path, "relative") {
			t.Errorf("%s: %+v", path, p)
		}
	}
}
