package producer_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/millrace/millrace/media"
	"github.com/millrace/millrace/producer"
)

var errOffline = errors.New("offline")

type offline struct{}

func (offline) RoundTrip(*http.Request) (*http.Response, error) { return nil, errOffline }

// offlineClient is a client that reaches nothing.
func offlineClient() *producer.Client {
	return &producer.Client{
		Endpoint:   "http://nowhere.test",
		Region:     "test",
		HTTPClient: &http.Client{Transport: offline{}},
		Dial:       func(context.Context, string, string) (net.Conn, error) { return nil, errOffline },
	}
}

// opened opens a stream that reaches nothing.
func opened(t *testing.T, config producer.StreamConfig) *producer.Stream {
	t.Helper()
	s, err := offlineClient().Open(t.Context(), "gate", config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Abort)
	return s
}

func TestRulesAndTracksThatCannotBeKeptAreErrorsOfOpen(t *testing.T) {
	for name, tc := range map[string]struct {
		fragment producer.FragmentRules
		time     producer.TimeRules
		tracks   []media.Track
		err      error
	}{
		"nothing said":                 {},
		"a fragment that is too long":  {fragment: producer.FragmentRules{MaxDuration: 31 * time.Second}, err: producer.ErrBadRules},
		"a fragment below nothing":     {fragment: producer.FragmentRules{MaxDuration: -1}, err: producer.ErrBadRules},
		"a shortest above the longest": {fragment: producer.FragmentRules{MinDuration: time.Minute}, err: producer.ErrBadRules},
		"a fragment that is too large": {fragment: producer.FragmentRules{MaxBytes: producer.MaxFragmentSize + 1}, err: producer.ErrBadRules},
		"a fragment without room":      {fragment: producer.FragmentRules{MaxBytes: 100}, err: producer.ErrBadRules},
		"ticks that are too fine":      {time: producer.TimeRules{Tick: time.Microsecond}, err: producer.ErrBadRules},
		"ticks that are too coarse":    {time: producer.TimeRules{Tick: time.Second}, err: producer.ErrBadRules},
		"a track without a number":     {tracks: slices.Repeat([]media.Track{{Type: media.Metadata, CodecID: "X"}}, 1), err: producer.ErrBadTrack},
		"two tracks of one number":     {tracks: slices.Repeat(tracks(), 2), err: producer.ErrBadTrack},
		"four tracks": {tracks: []media.Track{
			{Number: 1, Type: media.Metadata, CodecID: "X"},
			{Number: 2, Type: media.Metadata, CodecID: "X"},
			{Number: 3, Type: media.Metadata, CodecID: "X"},
			{Number: 4, Type: media.Metadata, CodecID: "X"},
		}, err: producer.ErrBadTrack},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := offlineClient().Open(t.Context(), "gate", producer.StreamConfig{
				Fragment: tc.fragment, Time: tc.time, Tracks: tc.tracks,
			})
			if !errors.Is(err, tc.err) {
				t.Errorf("error %v, want %v", err, tc.err)
			}
			if err == nil {
				s.Abort()
			}
		})
	}
}
