package playback

import (
	"context"
	"fmt"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/store"
)

// A ClipRequest says which fragments become a clip: those that start in a range.
type ClipRequest struct {
	Scope store.Scope
	Clock store.Clock
	From  time.Time // the first moment
	To    time.Time // the last moment

	// Afford is asked before anything is read whether so many fragments may be;
	// its error is Clip's. Nil: any number may.
	Afford func(fragments int) error
}

// Clip returns the clip of a range: whole fragments in an MP4 file, as many as the
// limits of FilesConfig let in. An error is what the client is told, as that of
// Open; that something is wrong with the media is found out here.
func (x *Files) Clip(ctx context.Context, c ClipRequest) (*File, error) {
	r := FileRequest{Scope: c.Scope, Clock: c.Clock, From: c.From, To: c.To, Format: FileMP4, Cut: CutFragment}
	sel := Selection{Clock: c.Clock, From: c.From, To: c.To, Limit: x.config.Clip.Fragments}
	entries, err := x.selected(ctx, &r, sel)
	if err != nil {
		return nil, err
	}
	if c.Afford != nil {
		if err := c.Afford(len(entries)); err != nil {
			return nil, err
		}
	}
	return x.file(ctx, &r, entries, x.config.Clip)
}

// MaxClip is the longest range that a clip may be asked of.
const MaxClip = 24 * time.Hour

// CheckClip says what is wrong with the range of a clip. since is where the stream
// begins: strict refuses a range that begins before, as the service does. now is
// the server's time, in which a range by its clock must be over.
func (c *ClipRequest) CheckClip(since, now time.Time, strict bool) error {
	switch {
	case !c.From.Before(c.To):
		return invalidRange("End timestamp %d must be later than start timestamp %d.", c.To.UnixMilli(), c.From.UnixMilli())
	case c.To.Sub(c.From) > MaxClip:
		return invalidRange("The range from %d to %d is longer than 24 hours.", c.From.UnixMilli(), c.To.UnixMilli())
	case c.Clock == store.ServerClock && c.To.After(now):
		return invalidRange("End timestamp %d must not be in the future.", c.To.UnixMilli())
	case strict && c.To.Before(since):
		return invalidRange("End timestamp %d is outside of the stream retention period.", c.To.UnixMilli())
	case strict && c.Clock == store.ServerClock && c.From.Before(since):
		return invalidRange("Start timestamp %d is outside of the stream retention period.", c.From.UnixMilli())
	}
	return nil
}

func invalidRange(format string, args ...any) error {
	return &millrace.Error{Code: millrace.CodeInvalidArgument, Message: fmt.Sprintf(format, args...)}
}
