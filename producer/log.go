package producer

import (
	"log/slog"
	"time"

	"github.com/millrace/millrace/internal/wire/client"
)

// logEvery is how often a stream logs what lasts.
const logEvery = time.Minute

// maxNotices is how many notices are logged in that time.
const maxNotices = 10

// A stream's log says what an operator would act on, and that it is over. A
// trouble that lasts is logged once a minute. The stream's mutex guards it.
type streamLog struct {
	to    *slog.Logger // nil: nobody
	since time.Time    // when the trouble began; zero: there is none
	last  time.Time    // when it was logged

	lost    Dropped   // and not logged yet
	told    time.Time // when a loss was logged
	noticed time.Time // when the minute of notices began
	notices int       // in it
}

func (l *streamLog) state(to State, err error) {
	if l.to == nil {
		return
	}
	now := time.Now()
	switch {
	case to == Waiting && err != nil:
		if l.since.IsZero() {
			l.since = now
		} else if now.Sub(l.last) < logEvery {
			return
		}
		l.last = now
		l.to.Warn("stream waits", "for", now.Sub(l.since).Round(time.Second), "error", err)
	case (to == Sending || to == Idle) && !l.since.IsZero():
		l.to.Info("stream goes on", "after", now.Sub(l.since).Round(time.Second))
		l.since = time.Time{}
	}
}

// dropped logs what was lost; what is lost within a minute is logged together.
func (l *streamLog) dropped(d Dropped) {
	if l.to == nil {
		return
	}
	l.lost.join(d)
	l.lost.Reason = d.Reason
	if now := time.Now(); now.Sub(l.told) >= logEvery {
		l.told = now
		l.flush()
	}
}

// flush logs what was lost and is not logged yet.
func (l *streamLog) flush() {
	if d := l.lost; l.to != nil && d.Fragments+d.Frames > 0 {
		l.to.Warn("media dropped", "reason", d.Reason, "fragments", d.Fragments, "frames", d.Frames, "bytes", d.Bytes,
			"from", d.From, "to", d.To)
	}
	l.lost = Dropped{}
}

// notice logs what is worth knowing, a few times a minute.
func (l *streamLog) notice(err error) {
	if l.to == nil {
		return
	}
	now := time.Now()
	if now.Sub(l.noticed) >= logEvery {
		l.noticed, l.notices = now, 0
	}
	if l.notices++; l.notices <= maxNotices {
		l.to.Warn("notice", "error", err)
	}
}

// logTrouble returns what logs that keys and endpoints cannot be renewed.
func logTrouble(to *slog.Logger) func(client.Trouble) {
	if to == nil {
		return nil
	}
	return func(t client.Trouble) {
		what := "keys"
		if t.Stream != "" {
			what = "endpoint of " + string(t.Stream)
		}
		if t.Err == nil {
			to.Info("renewed again", "what", what)
			return
		}
		to.Warn("not renewed", "what", what, "good until", t.Until, "error", t.Err)
	}
}
