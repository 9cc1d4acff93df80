package millrace

import (
	"errors"
	"fmt"
	"strings"
)

// A Code classifies an error. internal/wire maps each code to the exception,
// acknowledgement or tag by which the protocol tells a client of it.
type Code uint8

// The codes that end a call before its stream starts.
const (
	CodeInternal              Code = iota // the server's own fault; the cause is logged, never shown
	CodeUnavailable                       // overloaded or shutting down
	CodeInvalidArgument                   // a member, header or limit is violated
	CodeInvalidResourceFormat             // an ARN that is none, on the stream tag operations
	CodeSerialization                     // a body that is not the JSON it should be
	CodeTooLarge                          // a body over the limit
	CodeUnknownOperation                  // a path or method that is no operation
	CodeNotFound                          // no such stream, or not active
	CodeInUse                             // the name is taken, or the stream is changing
	CodeVersionMismatch                   // CurrentVersion is stale
	CodeTagLimit                          // more than 50 tags
	CodeStreamLimit                       // too many streams
	CodeRateLimit                         // too many calls
	CodeConnectionLimit                   // too many connections
	CodeNoRetention                       // the operation needs a retention above zero
	CodeInvalidEndpoint                   // the stream is not served here
	CodeMissingToken                      // no signature at all
	CodeIncompleteSignature               // a signature with parts missing
	CodeInvalidSignature                  // a signature that does not match, or is out of time or scope
	CodeUnknownKey                        // an access key or session token that is not known
	CodeExpiredToken                      // a session token past its time
	CodeAccessDenied                      // denied by policy on the control plane
	CodeNotAuthorized                     // denied by policy on the data plane
	CodeUnsupported                       // an operation that Millrace does not offer
	CodeNoEdgeConfiguration               // the stream has no edge configuration
	CodeUnsupportedMedia                  // codecs that the operation does not play
	CodeMissingPrivateData                // a track without the codec private data that it needs
	CodeInvalidPrivateData                // codec private data that cannot be used
	CodeInvalidFrame                      // a frame that cannot be read as its codec's
	CodeThrottled                         // too much of playback at once: the player may come again
)

// The codes that end a PutMedia session (media-plane acknowledgements). A
// client skips the fragment on some of them and sends it again on others.
const (
	CodeStreamRead          Code = iota + 64 // 4000, resend
	CodeFragmentSize                         // 4001, skip
	CodeFragmentDuration                     // 4002, skip
	CodeConnectionAge                        // 4003, resend
	CodeTimecodeOrder                        // 4004, skip
	CodeInvalidMKV                           // 4006, skip
	CodeProducerTimestamp                    // 4007, skip
	CodeStreamNotActive                      // 4008, skip
	CodeMetadataLimit                        // 4009, skip
	CodeTrackNumberMismatch                  // 4010, skip
	CodeFramesMissing                        // 4011, skip
	CodeTooManyTracks                        // 4012, skip
	CodeStreamDeleted                        // 4507, skip
	CodeMediaInternal                        // 5000, resend
	CodeArchival                             // 5001, resend
)

// An Error carries a code and a message that may be shown to a client, and a
// cause that may not.
type Error struct {
	Code    Code
	Message string
	Err     error // cause, for the log; may be nil
}

// Errorf makes an Error without a cause.
func Errorf(code Code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

// Error returns message and cause.
func (e *Error) Error() string {
	if e.Err == nil {
		return e.Message
	}
	return strings.TrimSuffix(e.Message, ".") + ": " + e.Err.Error()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// CodeOf returns the code of the first Error in err's chain, and CodeInternal
// if there is none.
func CodeOf(err error) Code {
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	return CodeInternal
}

// The few kinds of error that low layers return. Test with errors.Is.
var (
	ErrNotFound = errors.New("not found")
	ErrExists   = errors.New("exists already")
	ErrConflict = errors.New("conflict")
	ErrInvalid  = errors.New("invalid")
	ErrCorrupt  = errors.New("corrupt")
	ErrClosed   = errors.New("closed")
)
