package wire

import "net/http"

// Names of response headers in the casing that goes on the wire. Some clients
// compare them case-sensitively, so they are put into the header map directly.
const (
	HeaderRequestID = "x-amzn-RequestId"
	HeaderErrorType = "x-amzn-ErrorType"

	headerRequestIDAlias = "x-amz-RequestId" // documented beside the observed name
	headerErrorTypeAlias = "x-amz-ErrorType"
)

// Names of the request headers of PutMedia, canonical for http.Header. The
// last one is Millrace's own: with it a producer announces its identity, and
// the server that will keep each of its fragments once answers with the same.
const (
	HeaderStreamName    = "X-Amzn-Stream-Name"
	HeaderStreamARN     = "X-Amzn-Stream-Arn"
	HeaderTimecodeType  = "X-Amzn-Fragment-Timecode-Type"
	HeaderProducerStart = "X-Amzn-Producer-Start-Timestamp"
	HeaderAckRequired   = "X-Amzn-Fragment-Acknowledgment-Required"
	HeaderProducer      = "X-Millrace-Producer"
)

const (
	headerAuthorization = "Authorization"
	headerAmzDate       = "X-Amz-Date"
	headerSecurityToken = "X-Amz-Security-Token"
	headerContentSHA256 = "X-Amz-Content-Sha256"
)

// Media types of responses.
const (
	ContentTypeJSON  = "application/json" // control calls, errors and acknowledgements
	ContentTypeMedia = "video/webm"       // GetMedia
)

// SetRequestID puts the request's id into a response header, in the exact
// casing and under both names.
func SetRequestID(h http.Header, id string) {
	h[HeaderRequestID] = []string{id}
	h[headerRequestIDAlias] = []string{id}
}

// SetCrossOrigin allows pages of any origin to read a response.
func SetCrossOrigin(h http.Header) {
	h.Set("Access-Control-Allow-Origin", "*")
	h.Set("Access-Control-Expose-Headers", "x-amzn-RequestId, x-amzn-ErrorType, x-amzn-ErrorMessage, x-amz-RequestId, x-amz-ErrorType, "+
		"Content-Length, Content-Range, Accept-Ranges, ETag, Date")
}
