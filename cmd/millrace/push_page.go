package main

import (
	"context"

	"github.com/millrace/millrace/internal/wire"
	"github.com/millrace/millrace/internal/wire/client"
)

// invite says where the push can be watched, once something of it has been kept.
// A key that may only send makes no link, and nothing is said of it. Of several
// copies none is shown.
func (j *pushing) invite(ctx context.Context, conn *client.Client) *watching {
	return startWatching(ctx, func(ctx context.Context) (string, error) { return pageOf(ctx, conn, j.session()) }, func(address string, err error) {
		if err == nil && j.command.Copies == 0 {
			j.console.say("watch it in a browser: %s", address)
		}
	})
}

// recording says whether the push is over before anybody can look: a file that is
// sent as fast as it goes.
func (j *pushing) recording() bool {
	return !j.command.Realtime && !j.command.Loop && j.source.clip != nil
}

// session is the one that shows what is pushed: as it is sent, or a recording from
// its beginning to its end.
func (j *pushing) session() client.HLSSession {
	s := client.HLSSession{StreamName: j.command.Stream.name(), PlaybackMode: playbackModes()[modeLive]}
	if !j.recording() {
		return s
	}
	from := j.origin(0, j.began)
	s.PlaybackMode = playbackModes()[modeStored]
	s.HLSFragmentSelector = &client.HLSSelector{FragmentSelectorType: client.ProducerTimestamp, TimestampRange: &client.TimestampRange{
		StartTimestamp: wire.Timestamp{Time: from}, EndTimestamp: &wire.Timestamp{Time: from.Add(j.source.clip.Duration())},
	}}
	return s
}
