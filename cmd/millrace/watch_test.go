package main

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace/consumer"
	"github.com/millrace/millrace/media"
	"github.com/millrace/millrace/mkv"
)

// watchedAt is when the tests of watching begin.
func watchedAt() time.Time { return time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC) }

// film tells a monitor of so many seconds of pictures, 25 a second of 1000 bytes,
// each here a moment after it was made. It returns when the last one was here.
func film(m *monitor, seconds int) (now time.Time) {
	h := &consumer.Header{Tracks: []mkv.Track{{Number: 7, Type: mkv.TrackAudio, CodecID: "A_AAC"}, {Number: 3, Type: mkv.TrackVideo, CodecID: "V_MPEG4/ISO/AVC"}}}
	for n := range 25 * seconds {
		at := watchedAt().Add(time.Duration(n) * 40 * time.Millisecond)
		now = at.Add(12 * time.Millisecond)
		if n%50 == 0 {
			m.finish([]consumer.Tag{{Name: "place", Value: "gate"}})
			m.begin(h, at)
		}
		m.frame(consumer.Frame{Frame: media.Frame{Track: 3, Key: n%50 == 0, Data: make([]byte, 1000)}, Time: at}, now)
		m.frame(consumer.Frame{Frame: media.Frame{Track: 7, Key: true, Data: make([]byte, 250)}, Time: at}, now)
	}
	return now
}

func TestAStreamIsMeasured(t *testing.T) {
	m := newMonitor("gate")
	now := film(m, 10)
	r := m.row(now)
	if r.State != watchLive || r.FramesPerSecond != 25 || r.BitsPerSecond != 25*8*1250 || r.GroupSeconds != 2 || r.GroupFrames != 50 ||
		r.FragmentSeconds != 2 || r.Lag != 12 || r.Tags["place"] != "gate" || strings.Join(r.Codecs, " ") != "aac avc" {
		t.Errorf("%+v", r)
	}
	m.gap(1500 * time.Millisecond)
	m.replay()
	if r := m.row(now.Add(12 * time.Second)); r.State != watchSilent || r.FramesPerSecond != 0 || r.Silent != 12 || r.Gaps != 1 || r.Missing != 1.5 || r.Replays != 1 {
		t.Errorf("silent: %+v", r)
	}
	if got := m.row(now.Add(12 * time.Second)).String(); !strings.HasPrefix(got, "gate  silent 12s  0.0 fps  0 bit/s  group 2.00 s/50  fragment 2.00 s  lag 12 ms  aac+avc  1 gap  0 lost  1 replay  place=gate") {
		t.Error(got)
	}
}

func TestTheStatesOfAStream(t *testing.T) {
	m := newMonitor("gate")
	now := watchedAt()
	for _, step := range []struct {
		do   func()
		want watchState
	}{
		{func() {}, watchConnecting},
		{m.connected, watchWaiting},
		{func() { m.disconnected(errors.New("reset")) }, watchLost},
		{func() { now = film(m, 1) }, watchLive},
		{func() { now = now.Add(time.Minute) }, watchSilent},
		{func() { m.disconnected(errors.New("reset")) }, watchLost},
		{func() { m.end(errors.New("deleted")) }, watchEnded},
	} {
		step.do()
		if r := m.row(now); r.State != step.want {
			t.Errorf("%s, want %s", r.State, step.want)
		}
	}
	if r := m.row(now); r.Lost != 2 || r.Error != "deleted" || m.err() == nil {
		t.Errorf("%+v", r)
	}
}

// TestRatesAreOfWholeSeconds: what a reader gets at once when it comes, and the
// second that goes on, say nothing.
func TestRatesAreOfWholeSeconds(t *testing.T) {
	var f traffic
	if frames, bits := f.rates(watchedAt()); frames != 0 || bits != 0 || f.course(watchedAt()) != nil {
		t.Error("there is traffic before any came")
	}
	f.add(watchedAt(), 500, 1_000_000)
	for n := range 3000 { // ten a second for five minutes
		f.add(watchedAt().Add(time.Duration(n)*100*time.Millisecond), 1, 100)
	}
	now := watchedAt().Add(300 * time.Second)
	if frames, bits := f.rates(now); frames != 10 || bits != 8000 {
		t.Errorf("%v frames, %v bits", frames, bits)
	}
	if course := f.course(now); len(course) != shownSeconds || course[0] != 1000 {
		t.Errorf("course %v", course)
	}
	f.add(now.Add(-time.Hour), 1, 1) // a clock that was set back
	if frames, _ := f.rates(now.Add(time.Hour)); frames != 0 || len(f.course(now.Add(time.Hour))) != shownSeconds {
		t.Errorf("%v frames an hour later", frames)
	}
}

func TestADrawingFitsItsTerminal(t *testing.T) {
	m := newMonitor("gate")
	now := film(m, 10)
	row := m.row(now)
	row.labels = []string{shorten("a\x1b[2Jb", maxTagText) + "=1"}
	rows := make([]watchRow, 20)
	for i := range rows {
		rows[i] = row
		rows[i].Stream = fmt.Sprintf("gate-%d", i)
	}
	for _, height := range []int{1, 2, 3, 10, 22, 50} {
		got := drawing(now, rows, height, false)
		lines := strings.Split(got, "\r\n")
		want := min(height, len(rows)+2)
		if len(lines) != want || !strings.HasPrefix(got, screenHome) || !strings.HasSuffix(got, screenRest) {
			t.Errorf("height %d: %d lines\n%q", height, len(lines), got)
		}
		if more := strings.Contains(got, " more"); more != (height > 2 && height < 22) {
			t.Errorf("height %d: says that there are more: %v", height, more)
		}
		if strings.Contains(got, "\x1b[2J") || strings.Contains(got, "\x1b[3") {
			t.Errorf("height %d: %q", height, got)
		}
	}
	coloured := drawing(now, rows, 50, true)
	if !strings.Contains(coloured, "\x1b[32mlive") || !strings.Contains(coloured, "25.0   250 kbit/s") {
		t.Errorf("%q", coloured)
	}
}

func TestSparklines(t *testing.T) {
	for want, values := range map[string][]int{
		"":      nil,
		"..":    {0, 0},
		"▁█":    {1, 100},
		"█.█▄":  {70, 0, 70, 39},
		"▁▂▃▄█": {9, 15, 22, 33, 70},
	} {
		if got := sparkline(values); got != want {
			t.Errorf("%v is %s, want %s", values, got, want)
		}
	}
}

// TestNotMoreThanSoManyStreamsAreWatched: each has a connection.
func TestNotMoreThanSoManyStreamsAreWatched(t *testing.T) {
	var names []string
	for n := range maxWatched + 1 {
		names = append(names, fmt.Sprintf("cab-%d", n))
	}
	var said strings.Builder
	environ := []string{"AWS_ENDPOINT_URL=http://127.0.0.1:1", "AWS_ACCESS_KEY_ID=a", "AWS_SECRET_ACCESS_KEY=b", "HOME=" + t.TempDir()}
	code := run(t.Context(), append([]string{"watch"}, names...), console{in: strings.NewReader(""), out: &said, err: &said, environ: environ})
	if code != exitUsage || !strings.Contains(said.String(), "more than 50 streams: name those to watch") {
		t.Errorf("exit code %d: %s", code, &said)
	}
}
