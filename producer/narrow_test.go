package producer_test

import (
	"context"
	"net/http"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/media"
	"github.com/millrace/millrace/producer"
	"github.com/millrace/millrace/producer/producertest"
)

// A server that refuses fragments in which a declared track has no frame gets them
// under a header without it, from memory and from the disk.
func TestATrackWithoutFramesCostsNoFragment(t *testing.T) {
	t.Setenv("HOME", t.TempDir())
	for name, spool := range map[string]string{"from memory": "", "from the disk": t.TempDir()} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { sendWithSilentTrack(t, spool) })
		})
	}
}

func sendWithSilentTrack(t *testing.T, spool string) {
	config := producertest.AWS()
	config.Pipes = true
	s := producertest.Start(t, config)
	client := &producer.Client{
		Endpoint:    s.Endpoint(),
		Credentials: millrace.StaticCredentials(millrace.Credentials{AccessKeyID: "AKIDTEST", SecretAccessKey: "secret"}),
		HTTPClient:  &http.Client{Transport: &http.Transport{DialContext: s.Dial, DisableKeepAlives: true}},
		Dial:        s.Dial,
		Spool:       spool,
	}
	up, err := client.Open(t.Context(), "gate", producer.StreamConfig{
		Tracks: []media.Track{
			{Number: 1, UID: 1, Type: media.Video, CodecID: "V_TEST"},
			{Number: 2, UID: 2, Type: media.Audio, CodecID: "A_TEST", SampleRate: 8000, Channels: 1},
		},
		Fragment: producer.FragmentRules{Silent: producer.SilentKeep},
		Buffer:   producer.BufferRules{Spool: spool != ""},
		Events:   producer.Events{Dropped: func(d producer.Dropped) { t.Errorf("dropped %+v", d) }},
	})
	if err != nil {
		t.Fatal(err)
	}
	for n, track := range []media.TrackNumber{1, 2, 1, 2, 1, 1, 2} { // the third fragment has no sound
		at := []int{0, 0, 1, 1, 2, 3, 3}[n]
		f := media.Frame{
			Track: track, PTS: time.Duration(clock.Add(time.Duration(at) * time.Second).UnixNano()), Key: true, Data: []byte{byte(n)},
		}
		if err := up.Write(t.Context(), f); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
	defer cancel()
	if err := client.Close(ctx); err != nil {
		t.Error(err)
	}
	var kept []byte
	for _, f := range s.Persisted("gate") {
		for _, frame := range f.Frames {
			kept = append(kept, frame.Data...)
		}
	}
	if want := []byte{0, 1, 2, 3, 4, 5, 6}; !slices.Equal(kept, want) {
		t.Errorf("kept are %v, want %v", kept, want)
	}
	if n := len(s.Calls()); n != 3 {
		t.Errorf("%d calls; one that is refused, one for the fragment alone, one for the rest", n)
	}
}
