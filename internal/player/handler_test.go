package player_test

import (
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"path"
	"regexp"
	"strings"
	"testing"

	"github.com/millrace/millrace/internal/player"
)

// hlsSum is the SHA-256 of dist/hls.min.js in hls.js 1.7.4 of npm.
const hlsSum = "cfc70cc9e9fc63d071919e087670abc760c8fd1bc889b88588026e4d22193bbe"

// get asks for a path with the headers given, in pairs.
func get(t *testing.T, method, target string, headers ...string) *http.Response {
	t.Helper()
	r := httptest.NewRequest(method, target, nil)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	player.New().ServeHTTP(w, r)
	return w.Result()
}

func body(t *testing.T, r io.Reader) string {
	t.Helper()
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestHlsJsIsThePublishedFile(t *testing.T) {
	t.Parallel()
	sum := sha256.Sum256([]byte(body(t, get(t, "GET", "/player/hls-1.7.4.min.js").Body)))
	if got := hex.EncodeToString(sum[:]); got != hlsSum {
		t.Errorf("hls.js has the sum %s, want %s", got, hlsSum)
	}
}

func TestEveryFileThatThePageNamesIsServed(t *testing.T) {
	t.Parallel()
	links := regexp.MustCompile(`(?:src|href)="([^"]+)"|from "\./([^"]+)"`)
	seen := map[string]bool{}
	var visit func(target string)
	visit = func(target string) {
		if seen[target] {
			return
		}
		seen[target] = true
		res := get(t, "GET", target)
		if res.StatusCode != http.StatusOK {
			t.Errorf("%s: %s", target, res.Status)
			return
		}
		if strings.Contains(target, "hls-") {
			return // not ours
		}
		for _, link := range links.FindAllStringSubmatch(body(t, res.Body), -1) {
			switch {
			case strings.HasPrefix(link[1], "data:"):
			case link[1] != "":
				visit(path.Join("/", link[1]))
			default:
				visit(path.Join("/player", link[2]))
			}
		}
	}
	visit(player.Path)
	if len(seen) < 7 {
		t.Errorf("only %v were found", seen)
	}
}

func TestThePageAsksNobodyElseAndHasNoScriptOfItsOwn(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"", "/player.css", "/player.js", "/address.js", "/engine.js", "/failure.js", "/screen.js"} {
		res := get(t, "GET", player.Path+name)
		text := strings.ReplaceAll(body(t, res.Body), "http://www.w3.org/2000/svg", "") // the name of SVG
		for _, bad := range []string{"http://", "https://", "innerHTML", "document.write", "eval(", "<script>", "style=\"", "onclick=\""} {
			if strings.Contains(text, bad) {
				t.Errorf("%s%s has %q", player.Path, name, bad)
			}
		}
		policy := res.Header.Get("Content-Security-Policy")
		for _, want := range []string{"default-src 'none'", "script-src 'self'", "connect-src 'self'", "base-uri 'none'"} {
			if !strings.Contains(policy, want) {
				t.Errorf("the policy of %s is %q", name, policy)
			}
		}
		if strings.Contains(policy, "unsafe") || res.Header.Get("Referrer-Policy") != "no-referrer" || res.Header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("headers of %s: %v", name, res.Header)
		}
	}
}

func TestFilesArePackedForWhoTakesThem(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, accept string
		packed       bool
	}{
		{"a browser", "gzip, deflate, br, zstd", true},
		{"one that weighs", "br;q=1.0, GZIP;q=0.5", true},
		{"one that rules it out", "gzip;q=0, identity", false},
		{"one that rules it out precisely", "gzip; q=0.000", false},
		{"one that says nothing", "", false},
		{"another coding", "x-gzip-like, br", false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			plain := body(t, get(t, "GET", player.Path).Body)
			res := get(t, "GET", player.Path, "Accept-Encoding", test.accept)
			var content io.Reader = res.Body
			if packed := res.Header.Get("Content-Encoding") == "gzip"; packed != test.packed {
				t.Fatalf("packed: %v, want %v", packed, test.packed)
			}
			if test.packed {
				unpacked, err := gzip.NewReader(res.Body)
				if err != nil {
					t.Fatal(err)
				}
				content = unpacked
			}
			if body(t, content) != plain || res.Header.Get("Vary") != "Accept-Encoding" {
				t.Errorf("another content, or Vary is missing: %v", res.Header)
			}
		})
	}
}

func TestAFileThatTheBrowserHasIsNotSentAgain(t *testing.T) {
	t.Parallel()
	for _, accept := range []string{"", "gzip"} {
		first := get(t, "GET", player.Path, "Accept-Encoding", accept)
		tag := first.Header.Get("ETag")
		if again := get(t, "GET", player.Path, "Accept-Encoding", accept, "If-None-Match", tag); again.StatusCode != http.StatusNotModified {
			t.Errorf("%q, with its tag %s: %s", accept, tag, again.Status)
		}
		if other := get(t, "GET", player.Path, "Accept-Encoding", accept, "If-None-Match", `"another"`); other.StatusCode != http.StatusOK {
			t.Errorf("%q, with another tag: %s", accept, other.Status)
		}
	}
	if plain, packed := get(t, "GET", player.Path), get(t, "GET", player.Path, "Accept-Encoding", "gzip"); plain.Header.Get("ETag") == packed.Header.Get("ETag") {
		t.Error("two forms of the page have one tag")
	}
	if c := get(t, "GET", "/player/hls-1.7.4.min.js").Header.Get("Cache-Control"); !strings.Contains(c, "immutable") {
		t.Errorf("hls.js may be kept: %q", c)
	}
}

func TestOnlyThePageIsServed(t *testing.T) {
	t.Parallel()
	h := player.New()
	tests := []struct {
		method, target string
		want           bool
	}{
		{"GET", "/player", true},
		{"HEAD", "/player", true},
		{"GET", "/player?engine=native", true},
		{"POST", "/player", false},
		{"OPTIONS", "/player", false},
		{"GET", "/player/", false},
		{"GET", "/player/page", false},
		{"GET", "/player/../player", false},
		{"GET", "/", false},
		{"GET", "/getMedia", false},
	}
	for _, test := range tests {
		r := httptest.NewRequest(test.method, test.target, nil)
		if got := h.Serves(r); got != test.want {
			t.Errorf("%s %s: served is %v", test.method, test.target, got)
		}
		if res := get(t, test.method, test.target); (res.StatusCode == http.StatusOK) != test.want {
			t.Errorf("%s %s: %s", test.method, test.target, res.Status)
		}
	}
	if res := get(t, "HEAD", "/player"); body(t, res.Body) != "" || res.ContentLength == 0 {
		t.Errorf("HEAD has a body, or no length: %v", res.Header)
	}
}
