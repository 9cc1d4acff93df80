package api

import (
	"context"
	"net/http"
	"strconv"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/limit"
	"github.com/millrace/millrace/internal/playback"
	"github.com/millrace/millrace/internal/store"
	"github.com/millrace/millrace/internal/wire"
)

// opClip is the operation's name.
const opClip = "GetClip"

type getClipInput struct {
	streamRef
	Selector *fragmentSelector `json:"ClipFragmentSelector"`
}

// getClip answers with whole fragments as one MP4 file. Everything that can be
// wrong with them but damage is found out before the answer begins.
func (h *Handler) getClip(w http.ResponseWriter, c *call) error {
	var in getClipInput
	if err := c.decode(&in); err != nil {
		return err
	}
	var v checks
	t, r := in.target(&v), in.clip(&v)
	if err := v.err(); err != nil {
		return err
	}
	ctx := c.request.Context()
	s, err := h.findArchived(ctx, c, t, opClip)
	if err != nil {
		return err
	}
	r.Scope = h.config.Archive.scope(s)
	if err := h.checkClip(ctx, s, &r); err != nil {
		return err
	}
	r.Afford = func(fragments int) error { return h.config.Archive.spend(opClip, s, limit.GetClip(fragments)) }
	leave, err := h.config.Files.Enter()
	if err != nil {
		return err
	}
	defer leave()
	clip, err := h.config.Files.Clip(ctx, r)
	if err != nil {
		return err
	}
	return h.writeClip(w, c, s, clip)
}

// checkClip refuses a range that none may have, and as checkRange one that begins
// before what the stream has, if such are to be refused.
func (h *Handler) checkClip(ctx context.Context, s millrace.Stream, r *playback.ClipRequest) error {
	a := h.config.Archive
	if err := r.CheckClip(r.Scope.Since, a.Since(0), a.StrictRanges); err != nil {
		return err
	}
	if !a.StrictRanges || r.Clock != store.ServerClock {
		return nil
	}
	return a.checkHead(ctx, s, r.From)
}

func (h *Handler) writeClip(w http.ResponseWriter, c *call, s millrace.Stream, clip *playback.File) error {
	wire.SetRequestID(w.Header(), c.id)
	wire.SetCrossOrigin(w.Header())
	w.Header().Set("Content-Type", clip.ContentType())
	w.Header().Set("Content-Length", strconv.FormatInt(clip.Size(), 10))
	a := h.newFileAnswer(w, c, s)
	release, err := a.open(clip)
	if err != nil {
		a.forget()
		return err
	}
	defer release()
	if _, err := a.cursor.WriteTo(c.request.Context(), a, 0, clip.Size()); err != nil {
		if !a.sent {
			a.forget()
		}
		return playback.ExplainFile(err)
	}
	return nil
}

// clip checks the members that say what is wanted.
func (in *getClipInput) clip(v *checks) (r playback.ClipRequest) {
	if in.Selector == nil {
		v.missing("clipFragmentSelector")
		return r
	}
	if in.Selector.Type == nil {
		v.missing("clipFragmentSelector.fragmentSelectorType")
	} else {
		r.Clock = v.clock("clipFragmentSelector.fragmentSelectorType", *in.Selector.Type)
	}
	if in.Selector.Range == nil {
		v.missing("clipFragmentSelector.timestampRange")
		return r
	}
	r.From = v.timestamp("clipFragmentSelector.timestampRange.startTimestamp", in.Selector.Range.Start)
	r.To = v.timestamp("clipFragmentSelector.timestampRange.endTimestamp", in.Selector.Range.End)
	return r
}
