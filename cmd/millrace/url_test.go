package main

import (
	"testing"
)

func TestThePageIsWhereTheSessionIs(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, session, want string }{
		{
			"a server by itself", "http://127.0.0.1:8080/hls/v1/getHLSMasterPlaylist.m3u8?SessionToken=AB-_~",
			"http://127.0.0.1:8080/player#/hls/v1/getHLSMasterPlaylist.m3u8?SessionToken=AB-_~&stream=door",
		},
		{
			"one below a path of its host", "https://video.example.net/kvs/hls/v1/x.m3u8?SessionToken=A",
			"https://video.example.net/kvs/player#/kvs/hls/v1/x.m3u8?SessionToken=A&stream=door",
		},
		{"a service that has no page", "https://video.example.net/stream/x.m3u8?SessionToken=A", ""},
		{"no address at all", "http://[", ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got, err := playerURL(test.session, "door")
			if got != test.want || (err == nil) != (test.want != "") {
				t.Errorf("got %q, %v, want %q", got, err, test.want)
			}
		})
	}
}
