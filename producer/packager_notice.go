package producer

import "errors"

// What a [Notice] of the packager may be about.
var (
	// ErrCodecChanged means that a track goes on with other parameters: a new
	// header, and a new call.
	ErrCodecChanged = errors.New("codec parameters changed")
	// ErrLongGOP means that no key frame came within FragmentRules.MaxDuration or
	// MaxBytes: the fragment was split, and the next one begins without a key frame.
	// Set the encoder to a key frame every two seconds.
	ErrLongGOP = errors.New("no key frame within a fragment's bounds: set the encoder to one every two seconds")
	// ErrSilent means that a track has no frames: fragments go out without it until
	// it has.
	ErrSilent = errors.New("track has no frames")
	// ErrRegress means that time went back so far that a new call was begun.
	ErrRegress = errors.New("time went back")
)

// An oddity is a set of things that there has been a notice of.
type oddity uint8

const (
	oddGOP oddity = 1 << iota
)

// once tells something the first time that it happens.
func (p *packager) once(what oddity, err error) {
	if p.odd&what == 0 {
		p.odd |= what
		p.notice(err)
	}
}
