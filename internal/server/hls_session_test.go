package server_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/millrace/millrace/internal/config"
	"github.com/millrace/millrace/internal/server"
)

// newSession asks for a session of a stream with members.
func (s *studio) newSession(members map[string]any) refusal {
	s.t.Helper()
	in := map[string]any{"StreamName": "cam"}
	for k, v := range members {
		in[k] = v
	}
	return s.asked("/getHLSStreamingSessionURL", in)
}

// ranged are members with a selector of the server's clock, in seconds of the
// studio's.
func (s *studio) ranged(mode string, from, to float64) map[string]any {
	base := float64(s.base.Unix())
	times := map[string]any{"StartTimestamp": base + from, "EndTimestamp": base + to}
	return map[string]any{"PlaybackMode": mode, "HLSFragmentSelector": map[string]any{"FragmentSelectorType": "SERVER_TIMESTAMP", "TimestampRange": times}}
}

// TestSessionsAreAskedForAsTheTableSays is the table of members, row by row: what
// is missing, what may not be there, and in which order it is found.
func TestSessionsAreAskedForAsTheTableSays(t *testing.T) {
	type in = map[string]any
	selector := func(more in) in { return in{"PlaybackMode": "ON_DEMAND", "HLSFragmentSelector": more} }
	times := in{"StartTimestamp": 1700000000, "EndTimestamp": 1700000060}
	const invalid, missing = "InvalidArgumentException", "ResourceNotFoundException"
	for _, profile := range []config.Profile{config.ProfileDefault, config.ProfileAWS} {
		s := newStudio(t, server.Options{}, func(c *config.Server) {
			d := config.Default(profile)
			c.StrictRanges, c.StrictPlayback = d.StrictRanges, d.StrictPlayback
		})
		s.film(6)
		strictly := func(kind string) string {
			if profile == config.ProfileAWS {
				return kind
			}
			return ""
		}
		for name, tc := range map[string]struct {
			members in
			kind    string // empty: it is made
			text    string
		}{
			"nothing but a stream is LIVE":                          {nil, "", ""},
			"LIVE with a type":                                      {in{"HLSFragmentSelector": in{"FragmentSelectorType": "PRODUCER_TIMESTAMP"}}, "", ""},
			"LIVE with a range":                                     {in{"HLSFragmentSelector": in{"FragmentSelectorType": "PRODUCER_TIMESTAMP", "TimestampRange": times}}, invalid, "TimestampRange"},
			"ON_DEMAND without a selector":                          {in{"PlaybackMode": "ON_DEMAND"}, invalid, "hLSFragmentSelector"},
			"LIVE_REPLAY without a selector":                        {in{"PlaybackMode": "LIVE_REPLAY"}, invalid, "hLSFragmentSelector"},
			"ON_DEMAND without a range":                             {selector(in{"FragmentSelectorType": "PRODUCER_TIMESTAMP"}), invalid, "timestampRange"},
			"ON_DEMAND without a start":                             {selector(in{"FragmentSelectorType": "PRODUCER_TIMESTAMP", "TimestampRange": in{"EndTimestamp": 1700000060}}), invalid, "startTimestamp"},
			"ON_DEMAND without an end":                              {selector(in{"FragmentSelectorType": "PRODUCER_TIMESTAMP", "TimestampRange": in{"StartTimestamp": 1700000000}}), invalid, "endTimestamp"},
			"ON_DEMAND":                                             {selector(in{"FragmentSelectorType": "PRODUCER_TIMESTAMP", "TimestampRange": times}), "", ""},
			"a range without a type is of the server's clock":       {selector(in{"TimestampRange": times}), strictlyOr(profile, invalid, missing), ""},
			"a range that is reversed":                              {selector(in{"FragmentSelectorType": "PRODUCER_TIMESTAMP", "TimestampRange": in{"StartTimestamp": 1700000060, "EndTimestamp": 1700000000}}), invalid, "later than startTimestamp"},
			"a range of one moment":                                 {selector(in{"FragmentSelectorType": "PRODUCER_TIMESTAMP", "TimestampRange": in{"StartTimestamp": 1700000000, "EndTimestamp": 1700000000}}), invalid, "later than startTimestamp"},
			"times in milliseconds":                                 {selector(in{"FragmentSelectorType": "PRODUCER_TIMESTAMP", "TimestampRange": in{"StartTimestamp": 1700000000000, "EndTimestamp": 1700000060000}}), invalid, ""},
			"times as ISO 8601":                                     {selector(in{"FragmentSelectorType": "PRODUCER_TIMESTAMP", "TimestampRange": in{"StartTimestamp": "2023-11-14T22:13:20Z", "EndTimestamp": "2023-11-14T22:14:20Z"}}), "", ""},
			"a range with nothing in it":                            {selector(in{"FragmentSelectorType": "PRODUCER_TIMESTAMP", "TimestampRange": in{"StartTimestamp": 1700001000, "EndTimestamp": 1700001060}}), missing, "No fragments found in the stream for the streaming request."},
			"24 hours":                                              {selector(in{"FragmentSelectorType": "PRODUCER_TIMESTAMP", "TimestampRange": in{"StartTimestamp": 1700000000, "EndTimestamp": 1700086400}}), "", ""},
			"more than 24 hours":                                    {selector(in{"FragmentSelectorType": "PRODUCER_TIMESTAMP", "TimestampRange": in{"StartTimestamp": 1700000000, "EndTimestamp": 1700086401}}), strictly(invalid), ""},
			"an end in the future by the server's clock, ON_DEMAND": {s.ranged("ON_DEMAND", 0, 60), invalid, "is in the future"},
			"an end in the future, LIVE_REPLAY":                     {s.ranged("LIVE_REPLAY", 0, 60), "", ""},
			"a start before the oldest fragment":                    {s.ranged("ON_DEMAND", -10, 5), strictly(invalid), ""},
			"an end out of the retention":                           {s.ranged("ON_DEMAND", -90000, -86500), strictlyOr(profile, invalid, missing), ""},
			"a mode that is none":                                   {in{"PlaybackMode": "REPLAY"}, invalid, "playbackMode"},
			"a container that is none":                              {in{"ContainerFormat": "WEBM"}, invalid, "containerFormat"},
			"a mode of discontinuities that is none":                {in{"DiscontinuityMode": "SOMETIMES"}, invalid, "discontinuityMode"},
			"a display that is none":                                {in{"DisplayFragmentTimestamp": "YES"}, invalid, "displayFragmentTimestamp"},
			"a session that is too short":                           {in{"Expires": 299}, invalid, "expires"},
			"a session that is too long":                            {in{"Expires": 43201}, invalid, "expires"},
			"the shortest":                                          {in{"Expires": 300}, "", ""},
			"the longest":                                           {in{"Expires": 43200}, "", ""},
			"no fragment":                                           {in{"MaxMediaPlaylistFragmentResults": 0}, invalid, "maxMediaPlaylistFragmentResults"},
			"too many fragments":                                    {in{"MaxMediaPlaylistFragmentResults": 5001}, invalid, "maxMediaPlaylistFragmentResults"},
			"most fragments":                                        {in{"MaxMediaPlaylistFragmentResults": 5000}, "", ""},
			"a member that nobody knows":                            {in{"Sideways": true}, "", ""},
			"a stream that is not there comes before all else":      {in{"StreamName": "ghost", "Expires": 1}, missing, "stream"},
		} {
			a := s.newSession(tc.members)
			if a.kind != tc.kind || !strings.Contains(a.text, tc.text) {
				t.Errorf("profile %s: %s: %+v, want %q", profile, name, a, tc.kind)
			}
		}
		s.create("blind", 0)
		if a := s.newSession(map[string]any{"StreamName": "blind", "Expires": 1}); a.status != http.StatusBadRequest || a.kind != "NoDataRetentionException" {
			t.Errorf("a stream that keeps nothing: %+v", a)
		}
		s.create("empty", 24)
		if a := s.newSession(map[string]any{"StreamName": "empty"}); a.status != http.StatusNotFound || a.text != "No fragments found in the stream for the streaming request." {
			t.Errorf("a stream without media: %+v", a)
		}
	}
}

func strictlyOr(p config.Profile, strict, generous string) string {
	if p == config.ProfileAWS {
		return strict
	}
	return generous
}

// TestSessionsHaveTheServicesDefaults shows them in what is played.
func TestSessionsHaveTheServicesDefaults(t *testing.T) {
	s := newStudio(t, server.Options{}, nil)
	s.film(8)
	clock := func(c string) map[string]any {
		return map[string]any{"HLSFragmentSelector": map[string]any{"FragmentSelectorType": c}}
	}
	_, p := s.mediaOf(s.session("cam", nil))
	if len(p.segments) != 5 || !p.segments[1].discontinuity || p.segments[0].time != "" || p.inits == nil {
		t.Errorf("LIVE:\n%s", p.text)
	}
	if _, p = s.mediaOf(s.session("cam", clock("PRODUCER_TIMESTAMP"))); p.segments[1].discontinuity {
		t.Errorf("LIVE by the producer's clock:\n%s", p.text)
	}
	if _, p = s.mediaOf(s.session("cam", s.ranged("LIVE_REPLAY", 0, 7))); len(p.segments) != 5 {
		t.Errorf("LIVE_REPLAY lists %d", len(p.segments))
	}
	if _, p = s.mediaOf(s.session("cam", s.ranged("ON_DEMAND", 0, 7))); len(p.segments) != 8 || !p.ended {
		t.Errorf("ON_DEMAND lists %d", len(p.segments))
	}
	address, _ := s.mediaOf(s.session("cam", nil))
	s.at(8 + 299.9)
	s.load(address)
	s.at(8 + 300)
	s.over("a session after its 300 seconds", address)
}

// TestTheAddressIsTheDataEndpoints: what GetDataEndpoint answers begins it.
func TestTheAddressIsTheDataEndpoints(t *testing.T) {
	s := newStudio(t, server.Options{}, func(c *config.Server) { c.PublicURL = "https://video.example/kvs" })
	s.film(2)
	if got := s.session("cam", nil); !strings.HasPrefix(got, "https://video.example/kvs/hls/v1/getHLSMasterPlaylist.m3u8?SessionToken=") {
		t.Errorf("the address is %s", got)
	}
}
