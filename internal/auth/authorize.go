package auth

import (
	"slices"
	"strings"

	"github.com/millrace/millrace"
)

// anyResource is what a list of everything is asked for on.
const anyResource = "*"

// Authorize decides whether p may do action on resource: an ARN, the bare name
// of a stream that does not exist, or "*". A bare name counts as the ARN
// "stream/NAME/0". The root principal may do everything; another what each of
// its scopes allows, so that what nothing allows is refused. A refusal carries
// CodeAccessDenied and names what it was given.
func Authorize(p Principal, action Action, resource string) error {
	if p.Root || p.allows(action, resource) {
		return nil
	}
	return millrace.Errorf(millrace.CodeAccessDenied,
		"User: %s is not authorized to perform: kinesisvideo:%s on resource: %s", p.ARN, action, resource)
}

func (p Principal) allows(action Action, resource string) bool {
	for _, s := range p.Scopes {
		if !s.allows(action, resource) {
			return false
		}
	}
	return len(p.Scopes) > 0
}

// allows reports whether the scope has the action on the resource.
func (s Scope) allows(action Action, resource string) bool {
	if !slices.ContainsFunc(s.Actions, func(pattern Action) bool { return pattern.matches(action) }) {
		return false
	}
	if action.withoutStream() {
		return true
	}
	name, ok := streamOf(resource)
	return slices.ContainsFunc(s.Streams, func(pattern string) bool {
		return pattern == anyResource || ok && matches(pattern, name)
	})
}

// withoutStream is true for actions that touch no stream, so that a key which
// has none can be given them.
func (a Action) withoutStream() bool { return a == ReadMetrics || a == GetSessionToken }

// matches reports whether the pattern covers an action. The actions that govern
// keys and devices are reached by their names and by "*" alone: who writes List* means the
// protocol's.
func (a Action) matches(action Action) bool {
	if action.governsKeys() {
		return a == anyResource || a == action
	}
	return matches(string(a), string(action))
}

func (a Action) governsKeys() bool {
	return slices.Contains([]Action{
		CreateKey, ListKeys, UpdateKey, DeleteKey, CreateDevice, ListDevices, UpdateDevice, DeleteDevice,
	}, a)
}

// streamOf returns the name of the stream that a resource is, if it is one: what
// is something else is matched by "*" alone.
func streamOf(resource string) (string, bool) {
	if resource == anyResource {
		return "", false
	}
	if !strings.HasPrefix(resource, "arn:") {
		return resource, true
	}
	arn, err := millrace.ParseStreamARN(resource)
	return arn.Name.String(), err == nil
}
