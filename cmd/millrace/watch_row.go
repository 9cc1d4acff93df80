package main

import (
	"fmt"
	"strings"
	"time"
)

// What is shown of tags.
const (
	maxShownTags = 8
	maxTagText   = 40 // characters of a name or value
)

// A watchState is how a stream does.
type watchState string

const (
	watchConnecting watchState = "connecting"
	watchWaiting    watchState = "waiting" // for the first frame
	watchLive       watchState = "live"
	watchSilent     watchState = "silent"
	watchLost       watchState = "reconnecting"
	watchEnded      watchState = "ended"
)

// A watchRow is a stream at one moment. What is not known is 0.
type watchRow struct {
	Stream          string            `json:"stream"`
	State           watchState        `json:"state"`
	FramesPerSecond float64           `json:"framesPerSecond"`
	BitsPerSecond   float64           `json:"bitsPerSecond"`
	GroupSeconds    float64           `json:"groupSeconds"`
	GroupFrames     int               `json:"groupFrames"`
	FragmentSeconds float64           `json:"fragmentSeconds"`
	Lag             float64           `json:"lagMilliseconds"`
	Silent          float64           `json:"silentSeconds"` // since the last frame
	Fragments       int               `json:"fragments"`
	Gaps            int               `json:"gaps"`
	Missing         float64           `json:"gapSeconds"`
	Lost            int               `json:"connectionsLost"`
	Replays         int               `json:"replays"`
	Codecs          []string          `json:"codecs"`
	Tags            map[string]string `json:"tags,omitempty"`
	Error           string            `json:"error,omitempty"`

	course []int // bytes of the last seconds
	labels []string
}

// row is the stream at a moment.
func (m *monitor) row(now time.Time) watchRow {
	m.mu.Lock()
	defer m.mu.Unlock()
	r := watchRow{
		Stream: m.name.String(), State: m.state(now), Codecs: append([]string{}, m.codecs...),
		GroupSeconds: m.group.length.Seconds(), GroupFrames: m.group.count, FragmentSeconds: m.fragment.length.Seconds(),
		Lag: millis(m.lag), Fragments: m.fragments, Gaps: m.gaps, Missing: m.missing.Seconds(), Lost: m.lost, Replays: m.replays,
		course: m.traffic.course(now),
	}
	r.FramesPerSecond, r.BitsPerSecond = m.traffic.rates(now)
	if !m.lastFrame.IsZero() {
		r.Silent = max(now.Sub(m.lastFrame), 0).Round(time.Millisecond).Seconds()
	}
	for _, t := range m.tags {
		if r.Tags == nil {
			r.Tags = map[string]string{}
		}
		name, value := shorten(t.Name, maxTagText), shorten(t.Value, maxTagText)
		r.Tags[name] = value
		r.labels = append(r.labels, name+"="+value)
	}
	switch {
	case m.ended != nil:
		r.Error = m.ended.Error()
	case r.State == watchLost && m.trouble != nil:
		r.Error = m.trouble.Error()
	}
	return r
}

// state is called with the lock held.
func (m *monitor) state(now time.Time) watchState {
	switch {
	case m.done:
		return watchEnded
	case !m.online && m.lost > 0:
		return watchLost
	case !m.online:
		return watchConnecting
	case m.lastFrame.IsZero():
		return watchWaiting
	case now.Sub(m.lastFrame) > silentAfter:
		return watchSilent
	}
	return watchLive
}

// shorten cuts a text of somebody else's, and makes it fit to be shown.
func shorten(s string, most int) string {
	runes := []rune(visible(s[:min(len(s), 4*most)]))
	if len(runes) > most {
		return string(runes[:most-1]) + "…"
	}
	return string(runes)
}

// String writes a row as a line of its own.
func (r watchRow) String() string {
	return strings.Join(append([]string{r.Stream}, r.facts()...), "  ")
}

// facts are what is known of a stream, in words.
func (r watchRow) facts() []string {
	facts := []string{r.stateText()}
	if r.Fragments > 0 || r.FramesPerSecond > 0 {
		facts = append(facts, fmt.Sprintf("%.1f fps", r.FramesPerSecond), bitText(r.BitsPerSecond), "group "+r.groupText(),
			fmt.Sprintf("fragment %.2f s", r.FragmentSeconds), "lag "+r.lagText(), strings.Join(r.Codecs, "+"))
	}
	facts = append(facts, numberOf(r.Gaps, "gap"), fmt.Sprintf("%d lost", r.Lost))
	if r.Replays > 0 {
		facts = append(facts, numberOf(r.Replays, "replay"))
	}
	if len(r.labels) > 0 {
		facts = append(facts, strings.Join(r.labels, " "))
	}
	if r.Error != "" {
		facts = append(facts, visible(r.Error))
	}
	return facts
}

func (r watchRow) stateText() string {
	if r.State == watchSilent {
		return fmt.Sprintf("%s %.0fs", r.State, r.Silent)
	}
	return string(r.State)
}

func (r watchRow) groupText() string {
	if r.GroupFrames == 0 {
		return "-"
	}
	return fmt.Sprintf("%.2f s/%d", r.GroupSeconds, r.GroupFrames)
}

func (r watchRow) lagText() string {
	if r.Lag >= 10_000 || r.Lag <= -10_000 {
		return fmt.Sprintf("%.1f s", r.Lag/1000)
	}
	return fmt.Sprintf("%.0f ms", r.Lag)
}

// bitText is a rate for people.
func bitText(bits float64) string {
	switch {
	case bits >= 1e6:
		return fmt.Sprintf("%.1f Mbit/s", bits/1e6)
	case bits >= 1e3:
		return fmt.Sprintf("%.0f kbit/s", bits/1e3)
	}
	return fmt.Sprintf("%.0f bit/s", bits)
}

// numberOf is so many of something.
func numberOf(n int, word string) string {
	if n == 1 {
		return "1 " + word
	}
	return fmt.Sprintf("%d %ss", n, word)
}
