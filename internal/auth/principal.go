package auth

import "time"

// A Principal is who a request comes from.
type Principal struct {
	ARN   string // as messages and audit records name it
	KeyID string // access key id that signed the request
	Root  bool   // may do everything

	// Scopes bound what a principal may do that is not root: every one of them
	// must allow it. One of a session has that of its key and its own. None at
	// all allow nothing.
	Scopes []Scope

	// What its sessions get.
	parent    Parent
	role      string
	inherited int       // how many of Scopes are the parent's
	expires   time.Time // its own end; zero: none
}

// An Action is the name of an operation, without the service's prefix: PutMedia.
// In a Scope it may be a pattern: Get*.
type Action string

// The actions that are not operations of the protocol.
const (
	ReadMetrics     Action = "ReadMetrics"     // GET /metrics
	CreateKey       Action = "CreateKey"       // and the scope of the new key must be within one's own
	ListKeys        Action = "ListKeys"        // of everybody
	UpdateKey       Action = "UpdateKey"       // of which one has the scope
	DeleteKey       Action = "DeleteKey"       // likewise
	GetSessionToken Action = "GetSessionToken" // for oneself
	CreateDevice    Action = "CreateDevice"    // and the streams of the new device must be within one's own scope
	ListDevices     Action = "ListDevices"     // of everybody
	UpdateDevice    Action = "UpdateDevice"    // whose streams one has
	DeleteDevice    Action = "DeleteDevice"    // likewise
)
