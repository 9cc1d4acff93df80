package auth

import "slices"

// A Role is a set of actions with a name.
type Role string

// The roles. All of them are bounded by streams, as every scope is.
const (
	RoleAdmin    Role = "admin"    // everything
	RoleCamera   Role = "camera"   // to send media, and to make the stream for it
	RoleConsumer Role = "consumer" // to find streams and to read and play them
)

// Roles are all roles, as they are listed to people.
func Roles() []Role { return []Role{RoleAdmin, RoleCamera, RoleConsumer} }

// Actions are what the role may do, in a slice of the caller's own; false means
// that there is no such role.
func (r Role) Actions() ([]Action, bool) {
	switch r {
	case RoleAdmin:
		return []Action{"*"}, true
	case RoleCamera:
		return slices.Clone(cameraActions[:]), true
	case RoleConsumer:
		return slices.Clone(consumerActions[:]), true
	}
	return nil, false
}

// cameraActions are what the producer libraries call, which make their stream
// where there is none. They are those of a device.
var cameraActions = [...]Action{"DescribeStream", "CreateStream", "TagStream", "GetDataEndpoint", "PutMedia"}

// consumerActions read: of a stream its media, in whatever form, its settings and
// its tags.
var consumerActions = [...]Action{
	"DescribeStream", "ListStreams", "GetDataEndpoint", "ListTagsForStream", "ListTagsForResource",
	"GetMedia", "ListFragments", "GetMediaForFragmentList", "GetClip", "GetImages",
	"GetHLSStreamingSessionURL", "GetDASHStreamingSessionURL", "GetAvailability", "GetMediaFile", "GetMediaFileURL",
}
