package api

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/auth"
	"github.com/millrace/millrace/internal/wire"
)

// keyOperations are Millrace's own operations on access keys.
func (h *Handler) keyOperations() []operation {
	return []operation{
		{name: string(auth.CreateKey), path: ownPrefix + "/createKey", kind: changes, run: h.createKey},
		{name: string(auth.ListKeys), path: ownPrefix + "/listKeys", run: h.listKeys},
		{name: string(auth.UpdateKey), path: ownPrefix + "/updateKey", kind: changes, run: h.updateKey},
		{name: string(auth.DeleteKey), path: ownPrefix + "/deleteKey", kind: changes, run: h.deleteKey},
		{name: string(auth.GetSessionToken), path: ownPrefix + "/getSessionToken", kind: changes, run: h.getSessionToken},
	}
}

// The spellings of a key's status.
const (
	keyEnabled  = "ENABLED"
	keyDisabled = "DISABLED"
)

// maxKeysPerPage is the most that a page of ListKeys holds, and what it holds
// unless the caller wants less.
const maxKeysPerPage = 1000

// A keyInfo is how a key is shown.
type keyInfo struct {
	ID      string          `json:"AccessKeyId"`
	Name    string          `json:"Name"`
	Status  string          `json:"Status"`
	Actions []auth.Action   `json:"Actions"`
	Streams []string        `json:"Streams"`
	Created wire.Timestamp  `json:"CreationTime"`
	Creator string          `json:"CreatedBy"`
	Expires *wire.Timestamp `json:"ExpirationTime,omitempty"`
}

func newKeyInfo(k auth.AccessKey) keyInfo {
	info := keyInfo{
		ID: k.ID, Name: k.Name, Status: keyEnabled, Creator: k.Creator, Created: wire.Timestamp{Time: k.Created},
		Actions: append([]auth.Action{}, k.Scope.Actions...), Streams: append([]string{}, k.Scope.Streams...),
	}
	if k.Disabled {
		info.Status = keyDisabled
	}
	if !k.Expires.IsZero() {
		info.Expires = &wire.Timestamp{Time: k.Expires}
	}
	return info
}

// A scopeInput is the members that say what a key may do. A role and actions
// add up.
type scopeInput struct {
	Role    string        `json:"Role"`
	Actions []auth.Action `json:"Actions"`
	Streams []string      `json:"Streams"`
}

// given is true if any of the members is there.
func (in scopeInput) given() bool { return in.Role != "" || in.Actions != nil || in.Streams != nil }

// scope checks the members. Actions may have the prefix that policies give them;
// one that could match nothing is a mistake.
func (h *Handler) scope(c *checks, in scopeInput) auth.Scope {
	s := auth.Scope{Streams: in.Streams}
	if in.Actions != nil {
		s.Actions = []auth.Action{} // none at all is another thing than not to say it
	}
	if in.Role != "" {
		s.Actions, _ = auth.Role(in.Role).Actions()
		c.oneOf("role", in.Role, roleNames()...)
	}
	for _, a := range in.Actions {
		a = auth.Action(strings.TrimPrefix(string(a), "kinesisvideo:"))
		if one := (auth.Scope{Actions: []auth.Action{a}}); one.Check() == nil && !h.knows(one) {
			c.fail("actions", string(a), "Member must be the name of an action or match one")
		}
		if !slices.Contains(s.Actions, a) {
			s.Actions = append(s.Actions, a)
		}
	}
	if err := s.Check(); err != nil {
		c.found = append(c.found, fmt.Sprintf("The scope is not one: %v", err))
	}
	return s
}

func roleNames() []string {
	var names []string
	for _, r := range auth.Roles() {
		names = append(names, string(r))
	}
	return names
}

// knows reports whether the scope has any action that there is.
func (h *Handler) knows(s auth.Scope) bool {
	if s.Reaches(auth.ReadMetrics) {
		return true
	}
	for _, op := range h.routes {
		if s.Reaches(auth.Action(op.name)) {
			return true
		}
	}
	return false
}

type createKeyInput struct {
	scopeInput
	Name    string `json:"Name"`
	Seconds *int64 `json:"ExpiresInSeconds"`
}

type createKeyOutput struct {
	keyInfo
	Secret string `json:"SecretAccessKey"` // this once
}

// maxKeySeconds is the longest that a key with an end lasts: ten years.
const maxKeySeconds = 10 * 365 * 24 * 60 * 60

// createKey makes a key. Its secret is in the answer and nowhere else that can
// be read.
func (h *Handler) createKey(ctx context.Context, c *call) (any, error) {
	var in createKeyInput
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	var found checks
	key := auth.AccessKey{Name: in.Name, Scope: h.scope(&found, in.scopeInput)}
	found.text("name", in.Name, 1, 64, keyNamePattern)
	if len(key.Scope.Actions) == 0 && len(found.found) == 0 {
		found.found = append(found.found, "Either Role or Actions must be given")
	}
	if in.Seconds != nil {
		found.seconds("expiresInSeconds", *in.Seconds, 1, maxKeySeconds)
		key.Expires = h.config.Now().Add(time.Duration(*in.Seconds) * time.Second)
	}
	if err := found.err(); err != nil {
		return nil, err
	}
	if err := auth.Authorize(c.principal, auth.CreateKey, "*"); err != nil {
		return nil, err
	}
	if err := h.admit(c, ""); err != nil {
		return nil, err
	}
	key, secret, err := h.config.Keys.Create(ctx, c.principal, key)
	c.subject = key.ID
	if err != nil {
		return nil, explainKey(err)
	}
	return createKeyOutput{newKeyInfo(key), secret}, nil
}

// seconds checks a number of seconds.
func (c *checks) seconds(member string, value, least, most int64) {
	if value < least || value > most {
		c.fail(member, fmt.Sprint(value), "Member must have value between %d and %d", least, most)
	}
}

// explainKey is explain for what is said of keys.
func explainKey(err error) error {
	switch {
	case errors.Is(err, millrace.ErrNotFound):
		return &millrace.Error{Code: millrace.CodeNotFound, Message: "The requested key is not found.", Err: err}
	case errors.Is(err, auth.ErrTooLong):
		return &millrace.Error{Code: millrace.CodeInvalidArgument, Message: "The scope is too long for a session token: name fewer actions and streams, or use wildcards.", Err: err}
	case errors.Is(err, auth.ErrExpiry):
		return &millrace.Error{Code: millrace.CodeInvalidArgument, Message: "The key would have expired before it is made.", Err: err}
	}
	return err
}
