package server_test

import (
	"net/http"
	"strings"
	"testing"
)

// TestThePlayerIsOpenToEverybody: it is a page, and nobody's media.
func TestThePlayerIsOpenToEverybody(t *testing.T) {
	r := start(t, nil, nil)
	for _, name := range []string{"/player", "/player/player.js", "/player/hls-1.7.4.min.js"} {
		res, err := r.client.Get(r.url + name)
		if err != nil {
			t.Fatal(err)
		}
		if res.Body.Close(); res.StatusCode != http.StatusOK || !strings.Contains(res.Header.Get("Content-Security-Policy"), "default-src 'none'") {
			t.Errorf("%s: %s %v", name, res.Status, res.Header)
		}
		res, err = r.client.Post(r.url+name, "application/json", strings.NewReader("{}"))
		if err != nil {
			t.Fatal(err)
		}
		if res.Body.Close(); res.StatusCode != http.StatusNotFound {
			t.Errorf("POST %s: %s", name, res.Status)
		}
	}
}
