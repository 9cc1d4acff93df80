package main

import (
	"testing"
	"time"

	"github.com/alecthomas/kong"

	"github.com/millrace/millrace/internal/wire/client"
)

func TestPlayersGoByTheProducersClockAndThePageByTheServers(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 28, 8, 0, 0, 0, time.UTC)
	const auto, whatever = "ON_DISCONTINUITY", ""
	for _, test := range []struct {
		args          []string
		clock, breaks string
	}{
		{[]string{"hls", "door"}, client.ProducerTimestamp, auto},
		{[]string{"hls", "door", "--from", "1h ago"}, client.ProducerTimestamp, auto},
		{[]string{"hls", "door", "--discontinuity", "never"}, client.ProducerTimestamp, "NEVER"},
		{[]string{"hls", "door", "--clock", "server"}, client.ServerTimestamp, whatever},
		{[]string{"player", "door"}, client.ServerTimestamp, whatever},
		{[]string{"player", "door", "--clock", "producer"}, client.ProducerTimestamp, auto},
	} {
		var grammar urlCommand
		parser, err := kong.New(&grammar)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := parser.Parse(test.args); err != nil {
			t.Fatal(err)
		}
		flags := grammar.HLS.sessionFlags
		if test.args[0] == "player" {
			flags = grammar.Player.sessionFlags
		}
		s, err := flags.session("url", time.Hour, now)
		if err != nil {
			t.Fatal(err)
		}
		if got := s.HLSFragmentSelector.FragmentSelectorType; got != test.clock || s.DiscontinuityMode != test.breaks {
			t.Errorf("%q: %s, discontinuity %q, want %s, %q", test.args, got, s.DiscontinuityMode, test.clock, test.breaks)
		}
	}
}

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
