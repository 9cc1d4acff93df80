package client

import (
	"strings"
	"sync"
	"time"

	"github.com/millrace/millrace/internal/wire"
)

// How far two clocks may be apart.
const (
	trustedStep = 2 * time.Minute // before the time that a server took is believed more than the machine's clock
	surelyOff   = time.Minute     // for a refusal that names the time
	maybeOff    = 4 * time.Minute // for a refusal that does not
)

// A moment is one instant by two clocks of this machine.
type moment struct {
	wall time.Time     // what it thinks the time is; steps
	up   time.Duration // since the start; never steps, and may stand still in suspend
}

// A signingTime tells by which time to sign, which need not be this machine's:
// servers refuse what was signed minutes ago or in the future. It goes by the
// wall clock as long as that agrees with what the server took last. A step of
// the wall clock, or a refusal with the server's own time, makes it go on from
// what the server said. Times of media are never changed by it.
type signingTime struct {
	mu    sync.Mutex // guards what follows
	taken time.Time  // a time that the server took, or named; zero: none is known
	at    time.Duration
}

// at returns the time to sign with at a moment.
func (s *signingTime) now(m moment) time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.taken.IsZero() {
		return m.wall
	}
	expected := s.taken.Add(m.up - s.at)
	if expected.Sub(m.wall).Abs() <= trustedStep {
		return m.wall
	}
	return expected
}

// accepted notes that the server took a signature by the time signed, just now.
func (s *signingTime) accepted(signed time.Time, m moment) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.taken, s.at = signed, m.up
}

// refused learns from a refusal of what was signed with a time, and reports
// whether that was the reason, so that it is worth to sign once more. A server
// that refuses the time that it names itself has a liar in front of it: then
// nothing is believed any more.
func (s *signingTime) refused(remote *wire.RemoteError, signed time.Time, m moment) bool {
	if remote.Date.IsZero() {
		return false
	}
	off, named := remote.Date.Sub(signed).Abs(), namesTime(remote)
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case named && off > surelyOff, off > maybeOff:
		s.taken, s.at = remote.Date, m.up
		return true
	case named:
		s.taken = time.Time{}
	}
	return false
}

// namesTime reports whether a refusal says that the clocks do not agree, in the
// words of our server, of AWS, or of its other services.
func namesTime(remote *wire.RemoteError) bool {
	switch remote.Name {
	case "RequestTimeTooSkewed", "RequestExpired", "RequestInTheFuture":
		return true
	}
	return strings.Contains(remote.Message, "Signature expired") || strings.Contains(remote.Message, "Signature not yet current")
}
