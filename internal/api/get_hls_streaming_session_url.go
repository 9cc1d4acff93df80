package api

import (
	"context"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/hls"
	"github.com/millrace/millrace/internal/playback"
	"github.com/millrace/millrace/internal/store"
)

// opHLSSession is the operation by which sessions are made.
const opHLSSession = "GetHLSStreamingSessionURL"

// Bounds and defaults of GetHLSStreamingSessionURL.
const (
	minExpires, maxExpires = 300, 43200 // seconds
	maxPlaylist            = 5000       // fragments
	livePlaylist           = 5
	wholePlaylist          = 1000 // on demand
	longestRange           = 24 * time.Hour
)

type getHLSInput struct {
	streamRef
	PlaybackMode     *string `json:"PlaybackMode"`
	FragmentSelector *struct {
		Type  *string         `json:"FragmentSelectorType"`
		Range *timestampRange `json:"TimestampRange"`
	} `json:"HLSFragmentSelector"`
	ContainerFormat          *string `json:"ContainerFormat"`
	DiscontinuityMode        *string `json:"DiscontinuityMode"`
	DisplayFragmentTimestamp *string `json:"DisplayFragmentTimestamp"`
	Expires                  *int32  `json:"Expires"`
	MaxResults               *int64  `json:"MaxMediaPlaylistFragmentResults"`
}

type getHLSOutput struct {
	URL string `json:"HLSStreamingSessionURL"`
}

// getHLSStreamingSessionURL makes a session: it finds out where that begins and
// whether it can be played, and seals all of it into an address. Nothing is kept.
// What is wrong is looked for in the service's order: the stream, its retention,
// the members, the fragments, and their codecs.
func (h *Handler) getHLSStreamingSessionURL(ctx context.Context, c *call) (any, error) {
	var in getHLSInput
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	var v checks
	t := in.target(&v)
	if err := v.err(); err != nil {
		return nil, err
	}
	s, err := h.findArchived(ctx, c, t, opHLSSession)
	if err != nil {
		return nil, err
	}
	order, expires := in.order(&v), in.expires(&v)
	if err := v.err(); err != nil {
		return nil, err
	}
	if err := h.checkRange(ctx, s, &order); err != nil {
		return nil, err
	}
	order, err = h.config.Playback.HLS.Begin(ctx, h.config.Archive.scope(s), order, h.config.Archive.Since(0))
	if err != nil {
		return nil, err
	}
	token, _, err := h.seal(c, s, playback.KindHLS, order.Seal(), expires)
	if err != nil {
		return nil, err
	}
	return getHLSOutput{h.dataEndpoint(c.request) + hlsPath + hls.MasterName + "?" + queryToken + "=" + token}, nil
}

// expires checks for how long the session is to last.
func (in *getHLSInput) expires(v *checks) time.Duration {
	if in.Expires == nil {
		return minExpires * time.Second
	}
	v.number("expires", *in.Expires, minExpires, maxExpires)
	return time.Duration(*in.Expires) * time.Second
}

// order checks the members that say what is to be played.
func (in *getHLSInput) order(v *checks) playback.Order {
	modes := [...]string{hls.Live: "LIVE", hls.LiveReplay: "LIVE_REPLAY", hls.OnDemand: "ON_DEMAND"}
	containers := [...]string{hls.FragmentedMP4: "FRAGMENTED_MP4", hls.MPEGTS: "MPEG_TS"}
	discontinuities := [...]string{hls.AlwaysDiscontinuous: "ALWAYS", hls.NeverDiscontinuous: "NEVER", hls.OnDiscontinuity: "ON_DISCONTINUITY"}
	o := playback.Order{
		Mode:      hls.Mode(v.pick("playbackMode", in.PlaybackMode, modes[:])),
		Container: hls.Container(v.pick("containerFormat", in.ContainerFormat, containers[:])),
	}
	in.selectFragments(v, &o)
	o.Discontinuities = hls.AlwaysDiscontinuous
	if in.DiscontinuityMode != nil {
		o.Discontinuities = hls.DiscontinuityMode(v.pick("discontinuityMode", in.DiscontinuityMode, discontinuities[:]))
	} else if o.Clock == store.ProducerClock {
		o.Discontinuities = hls.NeverDiscontinuous
	}
	o.Timestamps = v.pick("displayFragmentTimestamp", in.DisplayFragmentTimestamp, []string{"NEVER", "ALWAYS"}) == 1
	o.Limit = livePlaylist
	if o.Mode == hls.OnDemand {
		o.Limit = wholePlaylist
	}
	if in.MaxResults != nil {
		v.long("maxMediaPlaylistFragmentResults", *in.MaxResults, 1, maxPlaylist)
		o.Limit = int(*in.MaxResults)
	}
	return o
}

// pick checks an enumeration and returns its value's place, that of the first
// if there is none.
func (c *checks) pick(member string, value *string, allowed []string) int {
	if value == nil {
		return 0
	}
	for i, a := range allowed {
		if *value == a {
			return i
		}
	}
	c.oneOf(member, *value, allowed...)
	return 0
}

// selectFragments checks the selector. A LIVE session has no range, the others
// have one; where nobody says which clock it is of, it is the server's.
func (in *getHLSInput) selectFragments(v *checks, o *playback.Order) {
	const member = "hLSFragmentSelector"
	sel := in.FragmentSelector
	if sel != nil && sel.Type != nil {
		o.Clock = v.clock(member+".fragmentSelectorType", *sel.Type)
	}
	switch {
	case o.Mode == hls.Live:
		if sel != nil && sel.Range != nil {
			v.found = append(v.found, "A TimestampRange must not be given for the PlaybackMode LIVE")
		}
		return
	case sel == nil:
		v.missing(member)
		return
	case sel.Range == nil:
		v.missing(member + ".timestampRange")
		return
	}
	o.From = v.timestamp(member+".timestampRange.startTimestamp", sel.Range.Start)
	if sel.Range.End == nil && o.Mode == hls.LiveReplay {
		return
	}
	o.To = v.timestamp(member+".timestampRange.endTimestamp", sel.Range.End)
	if sel.Range.Start != nil && sel.Range.End != nil && !o.To.After(o.From) {
		v.fail(member+".timestampRange.endTimestamp", o.To.Format(time.RFC3339Nano), "Member must be later than startTimestamp")
	}
}

// checkRange refuses a range that reaches into the future by the server's clock
// or, if such are to be refused, out of what the stream has.
func (h *Handler) checkRange(ctx context.Context, s millrace.Stream, o *playback.Order) error {
	a := h.config.Archive
	if o.Mode == hls.Live {
		return nil
	}
	now := a.Since(0)
	if o.Mode == hls.OnDemand && o.Clock == store.ServerClock && o.To.After(now) {
		return millrace.Errorf(millrace.CodeInvalidArgument, "End timestamp %d is in the future.", o.To.UnixMilli())
	}
	if !a.StrictRanges {
		return nil
	}
	if !o.To.IsZero() && o.To.Sub(o.From) > longestRange {
		return millrace.Errorf(millrace.CodeInvalidArgument, "The range from %d to %d is longer than 24 hours.", o.From.UnixMilli(), o.To.UnixMilli())
	}
	if o.Clock != store.ServerClock {
		return nil
	}
	if !o.To.IsZero() {
		if err := a.checkEnd(s, store.Listing{To: o.To.Add(time.Millisecond)}); err != nil {
			return err
		}
	}
	return a.checkHead(ctx, s, o.From)
}

// checkHead refuses a range by the server's clock that begins before the oldest
// fragment that is kept.
func (a *Archive) checkHead(ctx context.Context, s millrace.Stream, from time.Time) error {
	oldest, err := a.Index.List(ctx, a.scope(s), store.Listing{Limit: 1})
	if err != nil {
		return err
	}
	if len(oldest) > 0 && from.Before(oldest[0].ServerTime()) {
		return millrace.Errorf(millrace.CodeInvalidArgument, "Start timestamp %d is before the oldest fragment of the stream.", from.UnixMilli())
	}
	return nil
}
