package auth

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// Bounds of sessions.
const (
	MinSession = 15 * time.Minute
	MaxSession = 12 * time.Hour

	// MaxToken is the longest token, in bytes. Clients have room for 2047.
	MaxToken = 1900
)

// ErrTooLong says that a grant does not fit into a token.
var ErrTooLong = errors.New("the scope of a session is too long for a token")

// A Session is a key that ends by itself.
type Session struct {
	ID      string // access key id, ASIA...
	Secret  string
	Token   string // must come with every request; up to MaxToken bytes
	Expires time.Time
}

// String returns the access key id and nothing else.
func (s Session) String() string { return s.ID }

// GoString keeps secret and token out of %#v.
func (s Session) GoString() string { return "auth.Session(" + s.ID + ")" }

// MarshalJSON refuses: who shows a session names the members.
func (s Session) MarshalJSON() ([]byte, error) { return nil, errSecret }

var errSecret = errors.New("credentials are not encoded as a whole")

// A Parent is what a session was made for, and with which it ends: an access
// key or a device. Exactly one of the two is set.
type Parent struct {
	Key    string `json:"k,omitempty"` // access key id
	Device string `json:"d,omitempty"` // name

	// Print tells secrets of one id apart: the root key may get another from its
	// environment. It is empty for keys that keep theirs.
	Print string `json:"p,omitempty"`
}

// A Grant is what a session is made of.
type Grant struct {
	Parent  Parent
	Role    string    // first part of the name in the principal's ARN: a key's name, a role alias
	Name    string    // second part
	Scope   *Scope    // what it may do at most; nil: whatever its parent may
	Expires time.Time // whole seconds
}

// arn is how a session's principal is named.
func (g Grant) arn(account string) string {
	return "arn:aws:sts::" + account + ":assumed-role/" + g.Role + "/" + g.Name
}

// check says what is wrong with a grant.
func (g Grant) check() error {
	if (g.Parent.Key == "") == (g.Parent.Device == "") {
		return errors.New("a session has one parent")
	}
	if g.Parent.Device != "" && g.Scope == nil {
		return errors.New("a device's session has a scope of its own")
	}
	if strings.ContainsAny(g.Role+g.Name, "/\n") {
		return fmt.Errorf("%.80q is no name for a session", g.Role+"/"+g.Name)
	}
	return nil
}
