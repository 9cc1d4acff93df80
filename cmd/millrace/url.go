package main

import (
	"context"
	"fmt"
	"io"
	"net/url"
	"strings"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/wire"
	"github.com/millrace/millrace/internal/wire/client"
)

type urlCommand struct {
	HLS    urlHLS    `cmd:"" name:"hls" help:"Make a link to a stream for players: an HLS playlist."`
	File   urlFile   `cmd:"" help:"Make a link to a range of a stream as one file, MP4 or Matroska."`
	Player urlPlayer `cmd:"" help:"Make a link to a page that shows a stream in a browser."`
}

// The modes of a session, as they are said here.
const (
	modeLive   = "live"
	modeReplay = "replay"
	modeStored = "on-demand"
)

// The bounds of a session.
const (
	mostFragments = 5000 // in a playlist
	shortestLink  = 5 * time.Minute
	longestLink   = 12 * time.Hour
)

// sessionFlags are the flags by which a session is chosen. Whose clock they go by
// unless told is the variable "clock", which each command sets.
type sessionFlags struct {
	Stream        streamName `arg:"" help:"Name of the stream."`
	From          moment     `help:"Where to begin: RFC 3339, a local time such as '2026-11-22 12:00', '10m ago' or earliest; without it, live." placeholder:"T"`
	To            moment     `help:"Where to end; without it, now." placeholder:"T"`
	Clock         string     `help:"Whose time --from and --to mean, and the playlist: server or producer (${clock})." enum:"server,producer" default:"${clock}"`
	Mode          string     `help:"live, replay (from --from as if it were live) or on-demand; live without --from, else on-demand." enum:",live,replay,on-demand" default:"" placeholder:"MODE"`
	Container     string     `help:"mp4 or ts (mp4)." enum:"mp4,ts" default:"mp4"`
	Discontinuity string     `help:"Where a playlist says that time breaks off: always, never or auto (auto by the producer's clock, always by the server's)." enum:",always,never,auto" default:"" placeholder:"WHERE"`
	Times         bool       `help:"Say in the playlist when each fragment was made."`
	Max           int64      `help:"At most so many fragments in a playlist, 1 to 5000." placeholder:"N"`
	access
}

// urlHLS goes by the producer's clock: by the server's every fragment is a
// discontinuity, since arrival is never even, and VLC 3 ends at the first.
type urlHLS struct {
	sessionFlags `set:"clock=producer"`
	Expires      time.Duration `help:"How long the link is good, 5m to 12h (1h)." default:"1h" placeholder:"D"`
}

// Help is what the long help says.
func (urlHLS) Help() string {
	return "Whoever has the link sees the stream, without a key, until it ends: as it is sent, or the fragments that begin between --from and --to. " +
		"ffplay, mpv, VLC, Safari and everything with hls.js play it. " +
		"VLC 3 ends where time breaks off, such as where a camera was away; --discontinuity never takes it over that. " +
		"--clock server is for a camera whose clock cannot be trusted; time then breaks off at every fragment."
}

// Run makes a link.
func (u urlHLS) Run(ctx context.Context, c *console) error {
	s, err := u.session("url hls", u.Expires, time.Now())
	if err != nil {
		return err
	}
	return u.link(ctx, c, s, func(address string) (string, error) { return address, nil })
}

// urlPlayer goes by the server's clock, which no camera can set: the page begins
// anew at discontinuities without a stall.
type urlPlayer struct {
	sessionFlags `set:"clock=server"`
	Expires      time.Duration `help:"How long the link is good, 5m to 12h (12h)." default:"12h" placeholder:"D"`
}

// Help is what the long help says.
func (urlPlayer) Help() string {
	return "The page is the server's own; nothing else is needed. Whoever has the link sees the stream, without a key, until it ends."
}

// Run makes a link.
func (u urlPlayer) Run(ctx context.Context, c *console) error {
	s, err := u.session("url player", u.Expires, time.Now())
	if err != nil {
		return err
	}
	return u.link(ctx, c, forPlayer(s), func(address string) (string, error) { return playerURL(address, s.StreamName) })
}

// link makes a session and prints what show makes of its address.
func (f sessionFlags) link(ctx context.Context, c *console, s client.HLSSession, show func(string) (string, error)) error {
	conn, err := f.control(c)
	if err != nil {
		return err
	}
	ends := time.Now().Add(time.Duration(s.Expires) * time.Second)
	address, err := conn.HLSSession(ctx, s)
	if err != nil {
		return fmt.Errorf("make a link to stream %s: %w", f.Stream, f.explain(s, err))
	}
	if address, err = show(address); err != nil {
		return err
	}
	c.say("The link ends %s.", ends.Format(time.RFC3339))
	result := struct {
		URL     string    `json:"url"`
		Mode    string    `json:"mode"`
		Expires time.Time `json:"expires"`
	}{address, s.PlaybackMode, ends.UTC().Truncate(time.Second)}
	return c.print(result, func(w io.Writer) { fmt.Fprintln(w, address) })
}

// explain gives refusals the next step that fits links.
func (f sessionFlags) explain(s client.HLSSession, err error) error {
	if s.PlaybackMode == playbackModes()[modeLive] {
		err = advise(err, millrace.CodeNotFound, "Is there such a stream (millrace stream list), and does somebody send? What was sent before: --from '1h ago'")
	} else {
		err = advise(err, millrace.CodeNotFound, "Is there such a stream (millrace stream list), and was something sent in that time?")
	}
	return advise(err, millrace.CodeNoRetention, fmt.Sprintf("Only what is kept can be played: millrace stream update %s --retention 24h", f.Stream))
}

func playbackModes() map[string]string {
	return map[string]string{modeLive: "LIVE", modeReplay: "LIVE_REPLAY", modeStored: "ON_DEMAND"}
}

// session spells the flags as the operation wants them.
func (f sessionFlags) session(command string, expires time.Duration, now time.Time) (client.HLSSession, error) {
	s := client.HLSSession{
		StreamName: f.Stream.name(), Expires: int64(expires / time.Second), MaxMediaPlaylistFragmentResults: f.Max,
		DiscontinuityMode: map[string]string{"always": "ALWAYS", "never": "NEVER", "auto": "ON_DISCONTINUITY"}[f.Discontinuity],
		ContainerFormat:   map[string]string{"mp4": "FRAGMENTED_MP4", "ts": "MPEG_TS"}[f.Container],
	}
	if f.Discontinuity == "" && f.Clock == "producer" {
		s.DiscontinuityMode = "ON_DISCONTINUITY" // not the operation's NEVER: untold of a gap, hls.js stands still at it
	}
	if f.Times {
		s.DisplayFragmentTimestamp = "ALWAYS"
	}
	mode := f.Mode
	switch {
	case mode == "" && f.From.set:
		mode = modeStored
	case mode == "":
		mode = modeLive
	}
	s.PlaybackMode = playbackModes()[mode]
	s.HLSFragmentSelector = &client.HLSSelector{FragmentSelectorType: client.ServerTimestamp}
	if f.Clock == "producer" {
		s.HLSFragmentSelector.FragmentSelectorType = client.ProducerTimestamp
	}
	switch {
	case mode == modeLive && (f.From.set || f.To.set):
		return s, usagef(command, "what is live has neither --from nor --to")
	case mode != modeLive && !f.From.set:
		return s, usagef(command, "--mode %s wants --from", mode)
	case f.Max < 0 || f.Max > mostFragments:
		return s, usagef(command, "--max is 1 to %d", mostFragments)
	case expires < shortestLink || expires > longestLink:
		return s, usagef(command, "--expires is %v to %v", shortestLink, longestLink)
	case f.To.earliest:
		return s, usagef(command, "nothing is before the earliest: --to says where to end")
	}
	if mode == modeLive {
		return s, nil
	}
	if mode == modeStored && f.Max == 0 {
		s.MaxMediaPlaylistFragmentResults = mostFragments // the server's own choice would leave out the rest without a word
	}
	r := &client.TimestampRange{StartTimestamp: wire.Timestamp{Time: f.From.at(now)}}
	if f.From.earliest {
		r.StartTimestamp.Time = time.Unix(1, 0)
	}
	if f.To.set || mode == modeStored {
		r.EndTimestamp = &wire.Timestamp{Time: f.To.at(now)}
		if !r.StartTimestamp.Before(r.EndTimestamp.Time) {
			return s, usagef(command, "--from %s is not before --to %s", spell(r.StartTimestamp), spell(*r.EndTimestamp))
		}
	}
	s.HLSFragmentSelector.TimestampRange = r
	return s, nil
}

// playerFragments is how many fragments a live playlist for the page has: enough
// for a player to stay three of the longest behind the newest where their lengths
// differ.
const playerFragments = 10

// forPlayer makes of a session one that the page shows best.
func forPlayer(s client.HLSSession) client.HLSSession {
	s.DisplayFragmentTimestamp = "ALWAYS" // which the page's clock is made of
	if s.MaxMediaPlaylistFragmentResults == 0 {
		s.MaxMediaPlaylistFragmentResults = playerFragments
	}
	return s
}

// playerURL is the page that plays a session: its address is that of the server
// that made the session, with the session behind the "#", where no log sees it.
func playerURL(session string, stream millrace.StreamName) (string, error) {
	u, err := url.Parse(session)
	if err != nil {
		return "", fmt.Errorf("read the session's address: %w", err)
	}
	mount, _, ok := strings.Cut(u.EscapedPath(), "/hls/v1/")
	if !ok {
		return "", fmt.Errorf("the session is at %s, which the server's page does not play; make a link with millrace url hls", u.Host)
	}
	return fmt.Sprintf("%s://%s%s/player#%s&stream=%s", u.Scheme, u.Host, mount, u.RequestURI(), url.QueryEscape(stream.String())), nil
}
