package wire_test

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/wire"
)

// rawAnswer returns a handler's answer byte for byte, less the Date.
func rawAnswer(t *testing.T, request string, h http.HandlerFunc) string {
	t.Helper()
	conn, err := net.Dial("tcp", serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Connection", "close")
		h(w, r)
	}))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, request); err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(bufio.NewReader(conn))
	if err != nil {
		t.Fatal(err)
	}
	date := regexp.MustCompile(`Date: [^\r]*GMT\r\n`)
	if !date.Match(b) {
		t.Errorf("no Date in %s", b)
	}
	return strings.ReplaceAll(string(date.ReplaceAll(b, nil)), "\r\n", "\n")
}

const getRequest = "POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n"

func TestAnErrorOnTheWire(t *testing.T) {
	got := rawAnswer(t, getRequest, func(w http.ResponseWriter, _ *http.Request) {
		err := &millrace.Error{Code: millrace.CodeNotFound, Message: "The <requested> stream is not found or not active.", Err: errors.New("secret cause")}
		wire.WriteError(w, "2591194d-f8ef-44d7-921f-6fe3d6464ffb", fmt.Errorf("describe stream: %w", err))
	})
	want := `HTTP/1.1 404 Not Found
Access-Control-Allow-Origin: *
Access-Control-Expose-Headers: x-amzn-RequestId, x-amzn-ErrorType, x-amzn-ErrorMessage, x-amz-RequestId, x-amz-ErrorType, Content-Length, Content-Range, Accept-Ranges, ETag, Date
Connection: close
Content-Length: 180
Content-Type: application/json
x-amz-ErrorType: ResourceNotFoundException
x-amz-RequestId: 2591194d-f8ef-44d7-921f-6fe3d6464ffb
x-amzn-ErrorType: ResourceNotFoundException
x-amzn-RequestId: 2591194d-f8ef-44d7-921f-6fe3d6464ffb

{"__type":"ResourceNotFoundException","Message":"The <requested> stream is not found or not active.","message":"The <requested> stream is not found or not active."}`
	want = strings.Replace(want, "180", fmt.Sprint(len(want)-strings.Index(want, "{")), 1)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestAnUnknownErrorIsShownBare(t *testing.T) {
	w := httptest.NewRecorder()
	wire.WriteError(w, "id", errors.New("password of the database is 1234"))
	if w.Code != http.StatusInternalServerError || strings.Contains(w.Body.String(), "1234") {
		t.Errorf("status %d, body %s", w.Code, w.Body)
	}
	if !strings.Contains(w.Body.String(), `"__type":"InternalFailure"`) {
		t.Errorf("body %s", w.Body)
	}
}

func TestAnErrorWithoutMessageHasAText(t *testing.T) {
	w := httptest.NewRecorder()
	wire.WriteError(w, "id", &millrace.Error{Code: millrace.CodeInUse})
	if !strings.Contains(w.Body.String(), `"message":"ResourceInUseException"`) {
		t.Errorf("body %s", w.Body)
	}
}

func TestSuccessOnTheWire(t *testing.T) {
	for name, tc := range map[string]struct {
		v    any
		want string
	}{
		"nothing is the empty object":         {nil, `{}`},
		"times have three decimals":           {struct{ T wire.Timestamp }{wire.Timestamp{Time: time.UnixMilli(1705489836420)}}, `{"T":1705489836.420}`},
		"HTML characters stand as they are":   {map[string]string{"DataEndpoint": "https://h/?a=1&b=<2>"}, `{"DataEndpoint":"https://h/?a=1&b=<2>"}`},
		"an empty list is a list":             {map[string][]string{"L": {}}, `{"L":[]}`},
		"other languages are not escaped":     {map[string]string{"k": "Küche 台所"}, `{"k":"Küche 台所"}`},
		"a time that is not set can be empty": {struct{ T *wire.Timestamp }{}, `{"T":null}`},
	} {
		w := httptest.NewRecorder()
		if err := wire.WriteJSON(w, "the-id", tc.v); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if w.Body.String() != tc.want || w.Code != http.StatusOK || !slices.Equal(map[string][]string(w.Header())["x-amzn-RequestId"], []string{"the-id"}) {
			t.Errorf("%s: %d %v %s", name, w.Code, w.Header(), w.Body)
		}
	}
}

func TestWhatCannotBeEncodedIsAnInternalFailure(t *testing.T) {
	w := httptest.NewRecorder()
	if err := wire.WriteJSON(w, "id", func() {}); err == nil || w.Code != http.StatusInternalServerError {
		t.Errorf("status %d, err %v", w.Code, err)
	}
}

func TestReadBody(t *testing.T) {
	const limit = wire.MaxBodySize
	for name, tc := range map[string]struct {
		body   io.Reader
		length int64
		want   millrace.Code
		ok     bool
	}{
		"no body is empty and not nil":       {strings.NewReader(""), 0, 0, true},
		"a body of the limit is read":        {strings.NewReader(strings.Repeat("x", limit)), limit, 0, true},
		"a body over the limit is too large": {strings.NewReader(strings.Repeat("x", limit+1)), -1, millrace.CodeTooLarge, false},
		"a declared length is enough":        {strings.NewReader("x"), limit + 1, millrace.CodeTooLarge, false},
		"a body that breaks off is refused":  {iotest.TimeoutReader(iotest.OneByteReader(strings.NewReader("{}"))), 2, millrace.CodeSerialization, false},
		"a body may come byte by byte":       {iotest.OneByteReader(strings.NewReader("{}")), 2, 0, true},
	} {
		r := httptest.NewRequest(http.MethodPost, "/", tc.body)
		r.ContentLength = tc.length
		b, err := wire.ReadBody(r)
		if (err == nil) != tc.ok || err == nil && b == nil || err != nil && millrace.CodeOf(err) != tc.want {
			t.Errorf("%s: %d bytes, err = %v", name, len(b), err)
		}
	}
}

func TestPreflight(t *testing.T) {
	r := httptest.NewRequest(http.MethodOptions, "/describeStream", nil)
	r.Header.Set("Access-Control-Request-Headers", "x-own, authorization")
	w := httptest.NewRecorder()
	wire.WritePreflight(w, r, "id")
	if w.Code != http.StatusOK || w.Header().Get("Access-Control-Allow-Headers") != "x-own, authorization" {
		t.Errorf("%d %v", w.Code, w.Header())
	}
	r.Header.Del("Access-Control-Request-Headers")
	w = httptest.NewRecorder()
	wire.WritePreflight(w, r, "id")
	for header, want := range map[string]string{
		"Access-Control-Allow-Origin":  "*",
		"Access-Control-Allow-Methods": "GET, HEAD, POST, OPTIONS",
		"Access-Control-Max-Age":       "172800",
	} {
		if got := w.Header().Get(header); got != want {
			t.Errorf("%s = %q, want %q", header, got, want)
		}
	}
	if !strings.Contains(w.Header().Get("Access-Control-Allow-Headers"), "x-amz-content-sha256") {
		t.Errorf("allowed headers %v", w.Header())
	}
}

func TestRequestIDsAreRandomUUIDs(t *testing.T) {
	form := regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)
	seen := map[string]bool{}
	for range 1000 {
		id := wire.NewRequestID()
		if !form.MatchString(id) || seen[id] {
			t.Fatalf("request id %q", id)
		}
		seen[id] = true
	}
}

func TestClientsReadEveryFormOfAnError(t *testing.T) {
	for name, tc := range map[string]struct {
		status int
		header string
		body   string
		want   millrace.Code
		text   string
	}{
		"as we send it":                 {404, "ResourceNotFoundException", `{"__type":"ResourceNotFoundException","Message":"m","message":"m"}`, millrace.CodeNotFound, "m"},
		"with an address in the name":   {400, "ResourceInUseException:https://kinesisvideo.amazonaws.com/doc/2017-09-30/", `{"Message":null}`, millrace.CodeInUse, "Bad Request"},
		"with the name in the body":     {403, "", `{"__type":"com.amazon.coral#InvalidSignatureException","message":"m"}`, millrace.CodeInvalidSignature, "m"},
		"with nothing in it":            {503, "", ``, millrace.CodeUnavailable, "Service Unavailable"},
		"with a body that is no JSON":   {502, "", `<html>`, millrace.CodeUnavailable, "Bad Gateway"},
		"with a body that is no object": {404, "", `[1]`, millrace.CodeNotFound, "Not Found"},
		"with a code of another type":   {400, "", `{"code":7,"__type":"VersionMismatchException","message":"m"}`, millrace.CodeVersionMismatch, "m"},
	} {
		w := httptest.NewRecorder()
		if tc.header != "" {
			w.Header().Set("x-amzn-ErrorType", tc.header)
		}
		w.Header().Set("x-amzn-RequestId", "r1")
		w.WriteHeader(tc.status)
		_, _ = io.WriteString(w, tc.body)
		err := wire.DecodeError(w.Result())
		if err.Code != tc.want || err.Message != tc.text {
			t.Errorf("%s: code %d, message %q", name, err.Code, err.Message)
		}
		remote, ok := errors.AsType[*wire.RemoteError](err)
		if !ok || remote.Status != tc.status || remote.RequestID != "r1" {
			t.Errorf("%s: cause %v", name, err.Err)
		}
	}
}

func TestClientsReadWhatServersWrite(t *testing.T) {
	for code := millrace.CodeInternal; code <= millrace.CodeUnsupported; code++ {
		w := httptest.NewRecorder()
		wire.WriteError(w, "id", millrace.Errorf(code, "text of %d", code))
		if got := wire.DecodeError(w.Result()); got.Code != code || got.Message != fmt.Sprintf("text of %d", code) {
			t.Errorf("code %d came back as %d %q", code, got.Code, got.Message)
		}
		if !json.Valid(w.Body.Bytes()) {
			t.Errorf("code %d: body %s", code, w.Body)
		}
	}
}
