package auth

import (
	"fmt"
	"regexp"
	"slices"
)

// Bounds of a Scope.
const (
	MaxActions = 64 // patterns of actions
	MaxStreams = 64 // patterns of streams
)

// A Scope says what a key may do: each of its actions on each of its streams.
// Both are patterns in which an asterisk stands for any characters and a
// question mark for one; case counts. What belongs to no single stream, such as
// ListStreams, needs the stream pattern "*", but for ReadMetrics and
// GetSessionToken, which need none. The actions by which keys and devices are managed are
// reached by their full names and by "*" alone.
//
// The zero Scope allows nothing.
type Scope struct {
	Actions []Action `json:"actions,omitempty"` // up to MaxActions
	Streams []string `json:"streams,omitempty"` // up to MaxStreams
}

var (
	actionPattern = regexp.MustCompile(`^[A-Za-z*?]{1,64}$`)
	streamPattern = regexp.MustCompile(`^[a-zA-Z0-9_.*?-]{1,256}$`)
)

// Check says what is wrong with the form of a scope: too many patterns, or one
// that could match no name.
func (s Scope) Check() error {
	if len(s.Actions) > MaxActions || len(s.Streams) > MaxStreams {
		return fmt.Errorf("more than %d actions or %d streams", MaxActions, MaxStreams)
	}
	for _, a := range s.Actions {
		if !actionPattern.MatchString(string(a)) {
			return fmt.Errorf("%.80q is not the name of an action or a pattern of such", a)
		}
	}
	for _, n := range s.Streams {
		if !streamPattern.MatchString(n) {
			return fmt.Errorf("%.300q is not the name of a stream or a pattern of such", n)
		}
	}
	return nil
}

// Reaches reports whether any pattern of the scope's actions covers action.
func (s Scope) Reaches(action Action) bool {
	return slices.ContainsFunc(s.Actions, func(p Action) bool { return p.matches(action) })
}

// covers reports whether whatever narrower allows is allowed by s as well. It
// never says so wrongly.
func (s Scope) covers(narrower Scope) bool {
	for _, a := range narrower.Actions {
		if !slices.ContainsFunc(s.Actions, func(p Action) bool { return p.covers(a) }) {
			return false
		}
	}
	for _, n := range narrower.Streams {
		if !slices.ContainsFunc(s.Streams, func(p string) bool { return coversStreams(p, n) }) {
			return false
		}
	}
	return true
}

// covers is matches between patterns. "*" reaches more than "**" does.
func (a Action) covers(narrower Action) bool {
	switch {
	case narrower == anyResource:
		return a == anyResource
	case narrower.governsKeys():
		return a.matches(narrower)
	}
	return covers(string(a), string(narrower))
}

// coversStreams is covers for patterns of streams, of which "*" reaches what is no
// stream as well.
func coversStreams(pattern, narrower string) bool {
	if narrower == anyResource {
		return pattern == anyResource
	}
	return covers(pattern, narrower)
}

// MayGrant reports whether p has everything that s allows, so that it may give
// it to somebody else.
func (p Principal) MayGrant(s Scope) bool {
	if p.Root {
		return true
	}
	for _, own := range p.Scopes {
		if !own.covers(s) {
			return false
		}
	}
	return len(p.Scopes) > 0
}
