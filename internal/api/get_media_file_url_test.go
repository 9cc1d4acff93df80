package api_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/api"
	"github.com/millrace/millrace/internal/auth"
	"github.com/millrace/millrace/internal/playback"
	"github.com/millrace/millrace/internal/store/mem"
)

// sealed is a cinema that gives out addresses of files. Who made them may, while
// bearer says so.
func sealed(t *testing.T, now *time.Time, bearer func() (auth.Principal, error)) *cinema {
	t.Helper()
	return newCinema(t, func(c *api.Config, _ *playback.FilesConfig) {
		tokens, err := playback.NewTokens(t.Context(), mem.NewControl())
		if err != nil {
			t.Fatal(err)
		}
		c.Playback = &api.Playback{Tokens: tokens, Bearer: func(context.Context, auth.Parent) (auth.Principal, error) { return bearer() }}
		c.Now = func() time.Time { return *now }
	})
}

func asRoot() (auth.Principal, error) { return auth.Principal{KeyID: "root", Root: true}, nil }

// fileURL asks for the address of a file, and returns it without its server.
func (x *cinema) fileURL(t *testing.T, more string) string {
	t.Helper()
	got := post(t, x.handler, "/millrace/v1/getMediaFileURL", fmt.Sprintf(`{"StreamName":"door","From":%d,"To":%d%s}`,
		filmed().Unix(), filmed().Add(2*time.Second).Unix(), more))
	if got.status != 200 {
		t.Fatalf("%d %s", got.status, got.body)
	}
	u, err := url.Parse(got.field(t, "MediaFileURL"))
	if err != nil || u.Host == "" {
		t.Fatalf("%s: %v", got.body, err)
	}
	return u.RequestURI()
}

func TestAnAddressOfAFileNeedsNoKey(t *testing.T) {
	now := clock()
	x := sealed(t, &now, asRoot)
	x.seconds(3)
	for more, path := range map[string]string{
		``:                                     filePath("media.mp4", 0, 2, ""),
		`,"Cut":"fragment","Clock":"producer"`: filePath("media.mp4", 0, 2, "&cut=fragment"),
		`,"Format":"mkv"`:                      filePath("media.mkv", 0, 2, ""),
		`,"Clock":"server"`:                    filePath("media.mp4", 0, 2, "&clock=server"),
	} {
		address := x.fileURL(t, more)
		want := x.get(t, path, nil)
		if got := ask(t, x.handler, "", "GET", address, "", nil); got.status != 200 || got.body != want.body {
			t.Errorf("%s: %d, %d bytes, want %d", more, got.status, len(got.body), len(want.body))
		}
		if got := ask(t, x.handler, "", "GET", address+"&from=1&to=9999999999", "", nil); got.body != want.body {
			t.Errorf("%s: the query made it another range: %d", more, got.status)
		}
	}
}

func TestAnAddressOfAFileOpensNothingElse(t *testing.T) {
	now := clock()
	may := asRoot
	x := sealed(t, &now, func() (auth.Principal, error) { return may() })
	x.seconds(3)
	create(t, x.handler, "gate")
	address := x.fileURL(t, `,"Expires":60`)
	refused := func(name, address string, status int) {
		t.Helper()
		got := ask(t, x.handler, "", "GET", address, "", nil)
		if got.status != status || status == 403 && got.errorType() != "NotAuthorizedException" || got.header.Get("Access-Control-Allow-Origin") != "*" {
			t.Errorf("%s: %d %s", name, got.status, got.body)
		}
	}
	refused("as it is", address, 200)
	refused("another format", strings.Replace(address, "media.mp4", "media.mkv", 1), 403)
	refused("another stream", strings.Replace(address, "/door/", "/gate/", 1), 403)
	refused("truncated", address[:len(address)-3], 403)
	refused("forged", address[:len(address)-3]+"AAA", 403)

	may = func() (auth.Principal, error) { return auth.Principal{}, millrace.ErrNotFound }
	refused("its maker's key is gone", address, 403)
	may = func() (auth.Principal, error) { return auth.Principal{KeyID: "guest"}, nil }
	refused("its maker may no longer", address, 403)
	may = asRoot

	now = now.Add(61 * time.Second)
	refused("after its time", address, 403)
	now = clock()

	v := version(t, x.handler, "door")
	arn := post(t, x.handler, "/describeStream", `{"StreamName":"door"}`).field(t, "StreamInfo", "StreamARN")
	if r := post(t, x.handler, "/deleteStream", `{"StreamARN":"`+arn+`","CurrentVersion":"`+v+`"}`); r.status != 200 {
		t.Fatal(r.body)
	}
	refused("of a stream that was deleted", address, 404)
}

func TestWhatIsWrongWithARequestForAnAddress(t *testing.T) {
	now := clock()
	x := sealed(t, &now, asRoot)
	for _, tc := range []struct{ name, change, text string }{
		{"no beginning", `"From":null`, "'from'"},
		{"no end", `"To":null`, "'to'"},
		{"a reversed range", `"From":9,"To":8`, "later than from"},
		{"milliseconds", `"From":1705489836421`, "From"},
		{"an unknown format", `"Format":"avi"`, "[mp4, mkv]"},
		{"an unknown cut", `"Cut":"rough"`, "[exact, fragment]"},
		{"an exact cut of Matroska", `"Format":"mkv","Cut":"exact"`, "Matroska"},
		{"an unknown clock", `"Clock":"SERVER"`, "[producer, server]"},
		{"too short a life", `"Expires":59`, "60"},
		{"too long a life", `"Expires":604801`, "604800"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			body := map[string]any{"StreamName": "door", "From": 1, "To": 2}
			if err := json.Unmarshal([]byte("{"+tc.change+"}"), &body); err != nil {
				t.Fatal(err)
			}
			b, err := json.Marshal(body)
			if err != nil {
				t.Fatal(err)
			}
			got := post(t, x.handler, "/millrace/v1/getMediaFileURL", string(b))
			if got.status != 400 || !strings.Contains(strings.ToLower(got.body), strings.ToLower(tc.text)) {
				t.Errorf("%d %s", got.status, got.body)
			}
		})
	}
	if got := ask(t, x.handler, "guest", "POST", "/millrace/v1/getMediaFileURL", `{"StreamName":"door","From":1,"To":2}`, nil); got.status != 401 && got.status != 403 || got.errorType() != "NotAuthorizedException" {
		t.Errorf("one that may not: %d %s", got.status, got.body)
	}
}

// FuzzFileQuery: whatever the query, nothing panics, and what is accepted is a range.
func FuzzFileQuery(f *testing.F) {
	for _, seed := range []string{
		"from=1&to=2", "from=2026-01-01T00:00:00Z&to=2026-01-01T00:00:00%2B02:00&cut=exact", "from=1e400&to=-1", "from=1&from=2", "%zz", "cut=fragment&clock=server&from=&to=",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		r, err := api.ParseFileQuery(raw)
		if err != nil {
			return
		}
		if !r.From.Before(r.To) || r.From.Nanosecond()%1_000_000 != 0 {
			t.Errorf("%q is from %v to %v", raw, r.From, r.To)
		}
		if back, err := playback.OpenFileRequest(r.Seal()); err != nil || !back.From.Equal(r.From) || !back.To.Equal(r.To) || back.Cut != r.Cut || back.Clock != r.Clock {
			t.Errorf("%+v came back as %+v: %v", r, back, err)
		}
	})
}

// TestAnAddressIsForOneStreamOfAName: one that was made anew is another.
func TestAnAddressIsForOneStreamOfAName(t *testing.T) {
	now := clock()
	x := sealed(t, &now, asRoot)
	x.seconds(3)
	address := x.fileURL(t, "")
	if err := x.control.BeginDelete(t.Context(), x.stream.Key, ""); err != nil {
		t.Fatal(err)
	}
	if err := x.control.FinishDelete(t.Context(), x.stream.Key); err != nil {
		t.Fatal(err)
	}
	create(t, x.handler, "door")
	if got := ask(t, x.handler, "", "GET", address, "", nil); got.status != 404 || strings.Contains(got.body, "No fragments") {
		t.Errorf("%d %s", got.status, got.body)
	}
}
