package server_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/media"
	"github.com/millrace/millrace/mkv"
	"github.com/millrace/millrace/producer"
)

// A shoot is a stream that frames are written to, and what it took.
type shoot struct {
	t      *testing.T
	stream *producer.Stream
	taken  map[media.TrackNumber][]string
	mu     sync.Mutex
	faults []producer.Ack
}

// shooting opens a stream of a server.
func shooting(t *testing.T, r *rig, config producer.StreamConfig) *shoot {
	t.Helper()
	s := &shoot{t: t, taken: map[media.TrackNumber][]string{}}
	config.Create = &producer.Spec{Retention: time.Hour}
	config.Events.Ack = func(a producer.Ack) {
		if a.Type == millrace.AckError {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.faults = append(s.faults, a)
		}
	}
	client := &producer.Client{
		Endpoint: r.url, Region: "us-west-2",
		Credentials: millrace.StaticCredentials(millrace.Credentials{AccessKeyID: r.cfg.AccessKeyID, SecretAccessKey: secret}),
	}
	var err error
	if s.stream, err = client.Open(t.Context(), "cam", config); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.stream.Abort)
	return s
}

func (s *shoot) write(track media.TrackNumber, at time.Duration, key bool, size int) {
	s.t.Helper()
	text := fmt.Sprintf("%d/%d", track, len(s.taken[track]))
	data := append([]byte(text+"/"), make([]byte, size)...)
	if err := s.stream.Write(s.t.Context(), media.Frame{Track: track, PTS: filmed + at, Key: key, Data: data}); err != nil {
		s.t.Fatalf("write %s at %v: %v", text, at, err)
	}
	s.taken[track] = append(s.taken[track], text)
}

// filmed is the time of the frames.
const filmed = 1_800_000_000 * time.Second

// wrap closes the stream, and fails the test unless the server refused nothing
// and gives back every frame of every track once and in order.
func (s *shoot) wrap(r *rig) []document {
	s.t.Helper()
	if err := s.stream.Close(s.t.Context()); err != nil {
		s.t.Fatalf("close: %v", err)
	}
	if stats := s.stream.Stats(); stats.Rejected+stats.Dropped != 0 || len(s.faults) > 0 {
		s.t.Errorf("refused: %+v of %+v", s.faults, stats)
	}
	docs := r.get("cam", earliest()).all()
	got := map[media.TrackNumber][]string{}
	for _, d := range docs {
		reader := mkv.NewReader(bytes.NewReader(d.cluster), mkv.ReaderOptions{})
		for e, err := reader.Next(); err == nil; e, err = reader.Next() {
			if e.ID != mkv.IDSimpleBlock {
				continue
			}
			b, err := mkv.ParseBlock(e.Data())
			if err != nil {
				s.t.Fatal(err)
			}
			number := media.TrackNumber(b.Track)
			text := string(b.Payload[:bytes.LastIndexByte(b.Payload, '/')])
			got[number] = append(got[number], text)
		}
	}
	for number, want := range s.taken {
		if !slices.Equal(got[number], want) {
			s.t.Errorf("track %d: read %q, want %q", number, got[number], want)
		}
	}
	return docs
}

func pictures() media.Track {
	return media.Track{Number: 1, UID: 1, Type: media.Video, CodecID: "V_TEST"}
}

func sound() media.Track {
	return media.Track{Number: 2, UID: 2, Type: media.Audio, CodecID: "A_TEST"}
}

// TestAServerTakesWhatAProducerMakes writes frames of which servers have refused
// the fragments that others made.
func TestAServerTakesWhatAProducerMakes(t *testing.T) {
	for name, tc := range map[string]struct {
		config producer.StreamConfig
		film   func(s *shoot)
	}{
		"pictures whose sound stops and comes back": {
			producer.StreamConfig{
				Tracks:   []media.Track{pictures(), sound()},
				Mode:     producer.Offline,
				Fragment: producer.FragmentRules{MaxDuration: 4 * time.Second},
			},
			func(s *shoot) {
				for n := range 400 {
					at := time.Duration(n) * 50 * time.Millisecond
					s.write(1, at, n%20 == 0, 100)
					if n < 100 || n > 300 {
						s.write(2, at+10*time.Millisecond, false, 10)
					}
				}
			},
		},
		"a key frame every minute": {
			producer.StreamConfig{Tracks: []media.Track{pictures()}},
			func(s *shoot) {
				for n := range 1300 {
					s.write(1, time.Duration(n)*100*time.Millisecond, n%600 == 0, 50)
				}
			},
		},
		"a group of pictures of 60 MB": {
			producer.StreamConfig{Tracks: []media.Track{pictures()}, Buffer: producer.BufferRules{MaxBytes: 128 << 20}},
			func(s *shoot) {
				for n := range 60 {
					s.write(1, time.Duration(n)*100*time.Millisecond, n == 0, 1<<20)
				}
			},
		},
		"time that goes back": {
			producer.StreamConfig{Tracks: []media.Track{pictures()}},
			func(s *shoot) {
				for n := range 20 {
					s.write(1, time.Duration(n)*time.Second, n%2 == 0, 50)
				}
				for n := range 20 {
					s.write(1, -time.Minute+time.Duration(n)*time.Second, n%2 == 0, 50)
				}
			},
		},
		"samples ten thousand times a second": {
			producer.StreamConfig{
				Tracks: []media.Track{{Number: 1, UID: 1, Type: media.Metadata, CodecID: "X_RADAR"}},
				Time:   producer.TimeRules{Tick: 100 * time.Microsecond},
			},
			func(s *shoot) {
				for n := range 50_000 {
					s.write(1, time.Duration(n)*100*time.Microsecond, true, 8)
				}
			},
		},
		"tracks that come in any order": {
			producer.StreamConfig{Tracks: []media.Track{pictures(), sound()}, Mode: producer.Offline},
			func(s *shoot) {
				r := rand.New(rand.NewPCG(7, 7))
				var at [3]time.Duration
				for range 2000 {
					track := 1 + r.IntN(2)
					if at[track] > at[3-track]+800*time.Millisecond {
						track = 3 - track
					}
					n := len(s.taken[media.TrackNumber(track)])
					s.write(media.TrackNumber(track), at[track], track == 1 && n%25 == 0, 20)
					at[track] += 20 * time.Millisecond
				}
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := start(t, nil, briefReaders)
			s := shooting(t, r, tc.config)
			tc.film(s)
			s.wrap(r)
		})
	}
}

func TestTagsOfAProducerArriveWithTheFragmentsThatAreMeant(t *testing.T) {
	r := start(t, nil, briefReaders)
	s := shooting(t, r, producer.StreamConfig{Tracks: []media.Track{pictures()}})
	tag := func(name, value string, scope producer.TagScope) {
		t.Helper()
		if err := s.stream.SetTag(name, value, scope); err != nil {
			t.Fatal(err)
		}
	}
	tag("site", "north", producer.EveryFragment)
	s.write(1, 0, true, 10)
	tag("door", "open", producer.OpenFragment)
	tag("alarm", "yes", producer.NextFragment)
	s.write(1, time.Second, true, 10)
	if err := s.stream.EndFragment(t.Context()); err != nil {
		t.Fatal(err)
	}
	tag("site", "", producer.EveryFragment)
	s.write(1, 2*time.Second, true, 10)
	s.write(1, 3*time.Second, true, 10)
	docs := s.wrap(r)
	want := []string{"door=open site=north", "alarm=yes site=north", "", ""}
	var got []string
	for _, d := range docs {
		var own []string
		for _, pair := range slices.Concat(d.leading, d.trailed) {
			own = append(own, pair[0]+"="+pair[1])
		}
		slices.Sort(own)
		got = append(got, fmt.Sprint(own))
	}
	for i := range want {
		if i >= len(got) || got[i] != "["+want[i]+"]" {
			t.Errorf("tags %q, want %q", got, want)
			break
		}
	}
}
