package auth

import (
	"github.com/millrace/millrace"
)

// A Principal is who a request comes from.
type Principal struct {
	ARN   string // as messages and audit records name it
	KeyID string // access key id that signed the request
	Root  bool   // may do everything
}

// An Action is the name of an operation, without the service's prefix: PutMedia.
type Action string

// Authorize decides whether p may do action on resource: an ARN, the bare name
// of a resource that does not exist, or "*". The root principal may do
// everything, nobody else anything. A refusal carries CodeAccessDenied.
func Authorize(p Principal, action Action, resource string) error {
	if p.Root {
		return nil
	}
	return millrace.Errorf(millrace.CodeAccessDenied,
		"User: %s is not authorized to perform: kinesisvideo:%s on resource: %s", p.ARN, action, resource)
}
