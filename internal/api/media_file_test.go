package api_test

import (
	"fmt"
	"io"
	"math/rand/v2"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/api"
	"github.com/millrace/millrace/internal/playback"
)

// filePath is the path of a file from one second to another.
func filePath(file string, from, to float64, more string) string {
	at := func(seconds float64) string {
		return url.QueryEscape(filmed().Add(time.Duration(seconds * float64(time.Second))).Format(time.RFC3339Nano))
	}
	return "/millrace/v1/streams/door/" + file + "?from=" + at(from) + "&to=" + at(to) + more
}

func (x *cinema) get(t *testing.T, path string, header http.Header) reply {
	t.Helper()
	return ask(t, x.handler, "root", "GET", path, "", header)
}

func TestAFileAndItsParts(t *testing.T) {
	x := newCinema(t, nil)
	x.seconds(4)
	for _, file := range []string{"media.mp4", "media.mkv"} {
		t.Run(file, func(t *testing.T) {
			path := filePath(file, 0, 4, "")
			all := x.get(t, path, nil)
			size := len(all.body)
			if all.status != 200 || all.header.Get("Content-Length") != strconv.Itoa(size) || all.header.Get("Accept-Ranges") != "bytes" {
				t.Fatalf("%d, %d bytes, %v", all.status, size, all.header)
			}
			if kind := all.header.Get("Content-Type"); kind != "video/mp4" && kind != "video/x-matroska" {
				t.Errorf("type %s", kind)
			}
			if name := all.header.Get("Content-Disposition"); !strings.HasPrefix(name, `inline; filename="door-20`) {
				t.Errorf("disposition %s", name)
			}
			tag := all.header.Get("Etag")
			for _, tc := range []struct {
				name, header, value string
				status              int
				from, to            int // of the body, the latter exclusive
			}{
				{"the first byte", "Range", "bytes=0-0", 206, 0, 1},
				{"from the middle on", "Range", fmt.Sprintf("bytes=%d-", size/2), 206, size / 2, size},
				{"the last bytes", "Range", "bytes=-77", 206, size - 77, size},
				{"more than there is", "Range", fmt.Sprintf("bytes=%d-%d", size-5, size+5), 206, size - 5, size},
				{"what is no range", "Range", "bytes=x", 416, 0, 0},
				{"behind the end", "Range", fmt.Sprintf("bytes=%d-", size), 416, 0, 0},
				{"another unit", "Range", "seconds=0-1", 416, 0, 0},
				{"as it is had already", "If-None-Match", tag, 304, 0, 0},
				{"as it was, which is not", "If-Match", `"another"`, 412, 0, 0},
			} {
				t.Run(tc.name, func(t *testing.T) {
					got := x.get(t, path, http.Header{tc.header: {tc.value}})
					if got.status != tc.status || tc.status == 206 && got.body != all.body[tc.from:tc.to] {
						t.Errorf("%d, %d bytes, want %d", got.status, len(got.body), tc.status)
					}
					if tc.status == 416 && (got.errorType() != "InvalidArgumentException" || got.header.Get("Content-Range") == "" && strings.HasPrefix(tc.value, "bytes=2")) {
						t.Errorf("%v %s", got.header, got.body)
					}
					if got.header.Get("Access-Control-Allow-Origin") != "*" {
						t.Errorf("header %v", got.header)
					}
				})
			}
			if got := x.get(t, path, http.Header{"Range": {"bytes=1-2"}, "If-Range": {tag}}); got.status != 206 {
				t.Errorf("If-Range of the same file: %d", got.status)
			}
			if got := x.get(t, path, http.Header{"Range": {"bytes=1-2"}, "If-Range": {`"another"`}}); got.status != 200 || got.body != all.body {
				t.Errorf("If-Range of another file: %d", got.status)
			}
			if head := ask(t, x.handler, "root", "HEAD", path, "", nil); head.status != 200 || head.header.Get("Content-Length") != strconv.Itoa(size) || head.body != "" {
				t.Errorf("HEAD: %d %v", head.status, head.header)
			}
		})
	}
}

func TestSeveralRangesOfAFile(t *testing.T) {
	x := newCinema(t, nil)
	x.seconds(4)
	path := filePath("media.mp4", 0, 4, "")
	all := x.get(t, path, nil)
	got := x.get(t, path, http.Header{"Range": {"bytes=0-99,5000-5999,-10"}})
	kind, parameters, err := mime.ParseMediaType(got.header.Get("Content-Type"))
	if got.status != 206 || err != nil || kind != "multipart/byteranges" || got.header.Get("Content-Length") != strconv.Itoa(len(got.body)) {
		t.Fatalf("%d %v", got.status, got.header)
	}
	parts := multipart.NewReader(strings.NewReader(got.body), parameters["boundary"])
	for _, want := range []string{all.body[:100], all.body[5000:6000], all.body[len(all.body)-10:]} {
		part, err := parts.NextPart()
		if err != nil {
			t.Fatal(err)
		}
		if b, err := io.ReadAll(part); err != nil || string(b) != want {
			t.Errorf("a part of %d bytes, want %d: %v", len(b), len(want), err)
		}
	}
	many := "bytes=" + strings.Repeat("0-0,", 31) + "1-1"
	if got := x.get(t, path, http.Header{"Range": {many}}); got.status != 206 {
		t.Errorf("32 ranges: %d", got.status)
	}
	if got := x.get(t, path, http.Header{"Range": {many + ",2-2"}}); got.status != 200 || got.body != all.body {
		t.Errorf("33 ranges: %d", got.status)
	}
}

func TestSeveralConnectionsAgreeOnAFile(t *testing.T) {
	x := newCinema(t, nil)
	x.seconds(8)
	address := listen(t, x.handler)
	for _, file := range []string{"media.mp4", "media.mkv"} {
		path := filePath(file, 0.5, 7.3, "")
		all := x.get(t, path, nil).body
		r := rand.New(rand.NewPCG(1, 2))
		var work sync.WaitGroup
		for range 40 {
			from := r.IntN(len(all))
			to := from + 1 + r.IntN(len(all)-from)
			work.Go(func() {
				req, err := http.NewRequestWithContext(t.Context(), "GET", address+path, nil)
				if err != nil {
					t.Error(err)
					return
				}
				req.Header.Set("Range", fmt.Sprintf("bytes=%d-%d", from, to-1))
				if err := signer("root").Sign(req, emptyHash, clock()); err != nil {
					t.Error(err)
					return
				}
				resp, err := http.DefaultClient.Do(req)
				if err != nil {
					t.Error(err)
					return
				}
				defer resp.Body.Close()
				b, err := io.ReadAll(resp.Body)
				if err != nil || resp.StatusCode != 206 || string(b) != all[from:to] {
					t.Errorf("%s from %d to %d: %d, %d bytes, %v", file, from, to, resp.StatusCode, len(b), err)
				}
			})
		}
		work.Wait()
	}
}

const emptyHash = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

func TestWhatIsWrongWithTheRangeOfAFile(t *testing.T) {
	x := newCinema(t, func(_ *api.Config, f *playback.FilesConfig) { f.MaxFragments = 3 })
	x.seconds(4)
	head := headOf(t, trackOf{avc, avcPrivate}, trackOf{"A_AAC", aacPrivate})
	other := headOf(t, trackOf{avc, otherAVC}, trackOf{"A_AAC", aacPrivate})
	x.film(head, 2, 100*time.Second)
	x.film(other, 2, 101*time.Second)
	x.film(headOf(t, trackOf{"V_MJPEG", ""}), 1, 200*time.Second)
	x.film(head, 2, 300*time.Second, func(f *millrace.Fragment) { f.Samples[4].Flags &^= millrace.SampleCleanNAL })
	const base = "/millrace/v1/streams/door/media.mp4"
	for _, tc := range []struct {
		name, path string
		status     int
		kind, text string
	}{
		{"no times", base, 400, "InvalidArgumentException", "'from'"},
		{"no end", base + "?from=1", 400, "InvalidArgumentException", "'to'"},
		{"milliseconds", base + "?from=1705489836421&to=1705489837421", 400, "InvalidArgumentException", "not milliseconds"},
		{"what is no time", base + "?from=yesterday&to=1", 400, "InvalidArgumentException", "RFC 3339"},
		{"a reversed range", filePath("media.mp4", 2, 1, ""), 400, "InvalidArgumentException", "later than from"},
		{"an empty range", filePath("media.mp4", 1, 1, ""), 400, "InvalidArgumentException", "later than from"},
		{"an unknown cut", filePath("media.mp4", 1, 2, "&cut=rough"), 400, "InvalidArgumentException", "[exact, fragment]"},
		{"an unknown clock", filePath("media.mp4", 1, 2, "&clock=wall"), 400, "InvalidArgumentException", "[producer, server]"},
		{"an exact cut of Matroska", filePath("media.mkv", 1, 2, "&cut=exact"), 400, "InvalidArgumentException", "Matroska"},
		{"nothing there", filePath("media.mp4", 50, 60, ""), 404, "ResourceNotFoundException", "No fragments found"},
		{"the future", filePath("media.mp4", 9000, 9001, ""), 404, "ResourceNotFoundException", "No fragments found"},
		{"too many fragments", filePath("media.mp4", 0, 4, ""), 400, "InvalidArgumentException", "more than 3 fragments"},
		{"a change of codec private data in Matroska", filePath("media.mkv", 100, 102, ""), 400, "UnsupportedStreamMediaTypeException", filmed().Add(101 * time.Second).Format("15:04:05")},
		{"a codec that MP4 does not have", filePath("media.mp4", 200, 201, ""), 400, "UnsupportedStreamMediaTypeException", "V_MJPEG"},
		{"a frame that is none", filePath("media.mp4", 300, 301, ""), 400, "InvalidMediaFrameException", "track 1"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := x.get(t, tc.path, nil)
			if got.status != tc.status || got.errorType() != tc.kind || !strings.Contains(got.body, tc.text) {
				t.Errorf("%d %s %s, want %d %s %s", got.status, got.errorType(), got.body, tc.status, tc.kind, tc.text)
			}
			if got.header.Get("Content-Disposition") != "" && got.status != 200 {
				t.Errorf("header %v", got.header)
			}
		})
	}
	for _, path := range []string{filePath("media.mp4", 100, 102, ""), filePath("media.mkv", 200, 201, ""), filePath("media.mkv", 300, 301, "")} {
		if got := x.get(t, path, nil); got.status != 200 {
			t.Errorf("%s: %d %s", path, got.status, got.body)
		}
	}
}

func TestTimesOfAFileInAnyForm(t *testing.T) {
	x := newCinema(t, nil)
	x.seconds(2)
	want := x.get(t, filePath("media.mp4", 0, 2, ""), nil).body
	from, to := filmed(), filmed().Add(2*time.Second)
	for _, query := range []string{
		fmt.Sprintf("from=%d&to=%d", from.Unix(), to.Unix()),
		fmt.Sprintf("from=%d.000&to=%de0", from.Unix(), to.Unix()),
		"from=" + from.In(time.FixedZone("", 7200)).Format(time.RFC3339) + "&to=" + url.QueryEscape(to.Format(time.RFC3339)),
	} {
		if got := x.get(t, "/millrace/v1/streams/door/media.mp4?"+query+"&cut=fragment", nil); got.status != 200 || len(got.body) != len(want) {
			t.Errorf("%s: %d, %d bytes, want %d", query, got.status, len(got.body), len(want))
		}
	}
}
