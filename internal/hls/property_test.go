package hls_test

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/hls"
	"github.com/millrace/millrace/internal/timeline"
)

// A listing is a media playlist as a player reads it.
type listing struct {
	target int64
	items  []item
}

type item struct {
	sequence, discontinuity uint64
	uri, initialization     string
	tags                    string // DISCONTINUITY and EXTINF left out
	duration                int64  // ms
}

func read(t *rapid.T, playlist string) listing {
	number := func(s string) uint64 {
		v, err := strconv.ParseUint(s, 10, 64)
		if err != nil {
			t.Fatalf("%v in\n%s", err, playlist)
		}
		return v
	}
	var l listing
	var sequence, discontinuity uint64
	var now item
	for line := range strings.Lines(playlist) {
		line = strings.TrimSuffix(line, "\n")
		tag, v, _ := strings.Cut(line, ":")
		switch tag {
		case "#EXT-X-TARGETDURATION":
			l.target = int64(number(v))
		case "#EXT-X-MEDIA-SEQUENCE":
			sequence = number(v)
		case "#EXT-X-DISCONTINUITY-SEQUENCE":
			discontinuity = number(v)
		case "#EXT-X-DISCONTINUITY":
			discontinuity++
			now.tags += "D"
		case "#EXT-X-MAP":
			now.initialization = v
		case "#EXT-X-PROGRAM-DATE-TIME":
			now.tags += "P" + v
		case "#EXTINF":
			whole, part, _ := strings.Cut(strings.TrimSuffix(v, ","), ".")
			now.duration = int64(number(whole)*1000 + number((part + "000")[:3]))
		default:
			if !strings.HasPrefix(line, "#") {
				now.uri, now.sequence, now.discontinuity = line, sequence, discontinuity
				l.items = append(l.items, now)
				sequence++
				now.tags = ""
			}
		}
	}
	return l
}

// forTrack replaces what names track 2 in addresses by what names track 1.
func forTrack1(s string) string { return strings.ReplaceAll(s, "TrackNumber=2", "TrackNumber=1") }

// TestRefreshesAgree refreshes sessions of all kinds a hundred times while
// fragments come regularly, late, early, after pauses, with other codec private
// data, in part or damaged.
func TestRefreshesAgree(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		set := rapid.SampledFrom(kinds(rapid.IntRange(1, 7).Draw(t, "limit"))).Draw(t, "settings")
		set.ProducerClock = rapid.Bool().Draw(t, "producer's clock")
		set.MarkForms = rapid.Bool().Draw(t, "forms are marked")
		if rapid.Bool().Draw(t, "changes are bounded") {
			set.Changes = rapid.IntRange(1, 10).Draw(t, "changes")
		}
		w := hls.NewWindow(set)
		source := &source{t: t, start: epoch, now: epoch}
		seen := map[uint64]item{}
		var before listing
		for range 100 {
			source.advance()
			for want := w.Extend(source.now, nil, false); want > 0; {
				facts, whole := source.take(want)
				want = w.Extend(source.now, facts, whole)
			}
			video := read(t, string(w.AppendMedia(nil, hls.Rendition{Token: "T", Timestamps: true})))
			sound := read(t, string(w.AppendMedia(nil, hls.Rendition{Token: "T", Timestamps: true, Track: 1})))
			compareTracks(t, video, sound)
			compareListings(t, before, video)
			for _, it := range video.items {
				if old, ok := seen[it.sequence]; ok && old != it {
					t.Fatalf("entry was %+v and is %+v", old, it)
				}
				seen[it.sequence] = it
			}
			if len(video.items) > set.Limit {
				t.Fatalf("%d entries", len(video.items))
			}
			before = video
		}
		checkMedia(t, w, source)
		checkAgain(t, w, set, source)
	})
}

// checkAgain: told the same again from its beginning, a session that times every
// fragment by itself becomes what it was.
func checkAgain(t *rapid.T, w *hls.Window, set hls.Settings, s *source) {
	if set.Mode != hls.Live {
		return
	}
	again := hls.NewWindow(set)
	again.Extend(s.now, s.given, true)
	for track := range hls.MaxTracks {
		r := hls.Rendition{Token: "T", Timestamps: true, Track: track}
		if was, is := string(w.AppendMedia(nil, r)), string(again.AppendMedia(nil, r)); was != is {
			t.Fatalf("the list was\n%s\nand, made again, is\n%s", was, is)
		}
	}
}

// compareTracks: both lists have the same entries, numbers and tags.
func compareTracks(t *rapid.T, video, sound listing) {
	if len(video.items) != len(sound.items) || video.target != sound.target {
		t.Fatalf("%d entries of at most %d s, and %d of %d s of sound", len(video.items), video.target, len(sound.items), sound.target)
	}
	for i, v := range video.items {
		s := sound.items[i]
		s.uri, s.initialization, s.duration = forTrack1(s.uri), forTrack1(s.initialization), v.duration
		if v != s {
			t.Fatalf("entry %+v has the sound %+v", v, s)
		}
		for _, d := range []int64{v.duration, sound.items[i].duration} {
			if (d+500)/1000 > video.target {
				t.Fatalf("%d ms in a list of at most %d s", d, video.target)
			}
		}
	}
}

// compareListings: entries leave at the front and come at the back.
func compareListings(t *rapid.T, before, after listing) {
	if after.target < before.target {
		t.Fatalf("the target duration fell from %d to %d", before.target, after.target)
	}
	if len(before.items) == 0 {
		return
	}
	if len(after.items) == 0 || after.items[0].sequence < before.items[0].sequence {
		t.Fatalf("the list went back from %+v to %+v", before.items, after.items)
	}
	last := before.items[len(before.items)-1]
	if now := after.items[len(after.items)-1]; now.sequence < last.sequence {
		t.Fatalf("the list ends at %d, and ended at %d", now.sequence, last.sequence)
	}
}

// checkMedia: segments last as long as the list says, begin where its entries
// say, and meet where they are joined.
func checkMedia(t *rapid.T, w *hls.Window, s *source) {
	entries := w.Listed()
	for i := range entries {
		e := &entries[i]
		for k := range e.Tracks {
			track := e.Tracks[k].Track
			if track == nil || e.Tracks[k].Span.Samples == 0 {
				continue
			}
			run := track.Run(s.fragments[e.Number], e.Hint(k))
			if run.Duration() != e.Duration(k) {
				t.Fatalf("the segment lasts %d ticks, the entry %d", run.Duration(), e.Duration(k))
			}
			if e.MediaTime(k) < 0 {
				t.Fatalf("media time %d", e.MediaTime(k))
			}
			if e.Hint(k).HasNext && i+1 < len(entries) && e.MediaTime(k) > 0 && entries[i+1].MediaTime(k) != e.MediaTime(k)+run.Duration() {
				t.Fatalf("the segment ends at %d, the next begins at %d", e.MediaTime(k)+run.Duration(), entries[i+1].MediaTime(k))
			}
		}
	}
}

// A source makes fragments as producers do.
type source struct {
	t         *rapid.T
	start     time.Time // of the next fragment, by the producer's clock
	now       time.Time
	made      int
	waiting   []hls.Facts
	given     []hls.Facts // that were taken
	video     *timeline.Track
	audio     *timeline.Track
	fragments map[millrace.FragmentNumber]*millrace.Fragment
}

func (s *source) advance() {
	if s.video == nil {
		s.video, s.audio = picture(0), aac(0x11, 0x90)
		if rapid.Bool().Draw(s.t, "sound is at 44,100 Hz") {
			s.audio = aac(0x12, 0x10)
		}
		s.fragments = map[millrace.FragmentNumber]*millrace.Fragment{}
		for range rapid.IntRange(1, 9).Draw(s.t, "fragments before the session") {
			s.make()
		}
	}
	s.now = s.now.Add(time.Duration(rapid.IntRange(0, 5000).Draw(s.t, "ms until the refresh")) * time.Millisecond)
	for range rapid.IntRange(0, 3).Draw(s.t, "fragments") {
		s.make()
	}
}

func (s *source) make() {
	switch rapid.IntRange(0, 9).Draw(s.t, "event") {
	case 0:
		s.video = picture(byte(rapid.IntRange(0, 2).Draw(s.t, "codec private data")))
	case 1:
		s.start = s.start.Add(time.Duration(rapid.IntRange(-9000, 60_000).Draw(s.t, "ms of pause")) * time.Millisecond)
	case 2:
		s.start = s.start.Add(time.Duration(rapid.IntRange(-60, 60).Draw(s.t, "ms of jitter")) * time.Millisecond)
	}
	s.made++
	n := number(s.made)
	if s.made > 3 && rapid.IntRange(0, 9).Draw(s.t, "is late") == 0 {
		n = number(s.made - 3).Next()
	}
	f := &millrace.Fragment{Number: n, TimecodeScale: 1e6, ProducerTime: s.start}
	interval := rapid.SampledFrom([]int{33, 40, 100}).Draw(s.t, "ms between frames")
	frames := rapid.IntRange(1, 40).Draw(s.t, "frames")
	for i := range frames {
		f.Samples = append(f.Samples, millrace.Sample{Track: 1, Time: int32(i * interval), Size: 1000})
	}
	if rapid.IntRange(0, 9).Draw(s.t, "has sound") > 0 {
		offset := rapid.IntRange(-40, 40).Draw(s.t, "ms until the sound")
		rate := int(s.audio.Timescale)
		for i := 0; i*1_024_000 < frames*interval*rate; i++ {
			f.Samples = append(f.Samples, millrace.Sample{Track: 2, Time: int32(offset + i*1_024_000/rate), Size: 100})
		}
	}
	lasts := time.Duration(frames*interval) * time.Millisecond
	facts := hls.Facts{
		Number: n, Start: s.start, Whole: s.now, Damaged: rapid.IntRange(0, 19).Draw(s.t, "is damaged") == 0,
		Tracks: [hls.MaxTracks]hls.Timed{
			{Track: s.video, Span: s.video.Span(f, timeline.Hint{})},
			{Track: s.audio, Span: s.audio.Span(f, timeline.Hint{})},
		},
	}
	s.start = s.start.Add(lasts)
	s.fragments[n] = f
	s.waiting = append(s.waiting, facts)
}

// take gives what is there, up to n; sometimes some of it again, as one does who
// refreshes at the same time.
func (s *source) take(n int) ([]hls.Facts, bool) {
	n = min(n, len(s.waiting))
	facts := s.waiting[:n]
	if rapid.Bool().Draw(s.t, "is asked twice") && n > 0 {
		facts = append(facts[:n:n], facts[0])
	}
	s.waiting = s.waiting[n:]
	s.given = append(s.given, facts...)
	return facts, len(s.waiting) == 0
}
