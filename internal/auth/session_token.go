package auth

import (
	"time"

	"github.com/millrace/millrace"
)

// A SessionRequest is what a principal wants a session of its own for.
type SessionRequest struct {
	Name     string        // second part of the name in its ARN; empty: the session's id
	Lifetime time.Duration // from MinSession to MaxSession; less if the principal's own end comes first
	Actions  []Action      // nil: those of the principal
	Streams  []string      // nil: those of the principal
}

// StartSession makes a session of by's own: with the same parent, with no more
// than by has, and with no later end. It has what its parent has at each
// request, and of that no more than was asked for here. More than by has is
// CodeAccessDenied; a scope that does not fit into a token is ErrTooLong.
func (k *KeyRing) StartSession(by Principal, r SessionRequest) (Session, error) {
	now := k.config.Now()
	g := Grant{Parent: by.parent, Role: by.role, Name: r.Name, Scope: by.own()}
	g.Expires = earlier(by.expires, now.Add(r.Lifetime))
	if r.Actions != nil || r.Streams != nil {
		s := by.bounds()
		if r.Actions != nil {
			s.Actions = r.Actions
		}
		if r.Streams != nil {
			s.Streams = r.Streams
		}
		if !by.MayGrant(s) {
			return Session{}, millrace.Errorf(millrace.CodeAccessDenied,
				"User: %s is not authorized to perform: kinesisvideo:%s on resource: %s because the session would have a scope that is not within the caller's",
				by.ARN, GetSessionToken, by.ARN)
		}
		g.Scope = &s
	}
	return k.config.Sessions.Issue(g)
}

// own is the scope that a session has beside its parent's; nil if p is no
// session, or has none.
func (p Principal) own() *Scope {
	if p.inherited == len(p.Scopes) {
		return nil
	}
	s := p.Scopes[len(p.Scopes)-1]
	return &s
}

// bounds is the narrowest scope that p has.
func (p Principal) bounds() Scope {
	if p.Root {
		return Scope{Actions: []Action{"*"}, Streams: []string{"*"}}
	}
	if len(p.Scopes) == 0 {
		return Scope{}
	}
	return p.Scopes[len(p.Scopes)-1]
}
