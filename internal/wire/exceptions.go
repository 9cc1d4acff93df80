package wire

import (
	"net/http"

	"github.com/millrace/millrace"
)

// exception is one row of the table: how a code leaves by each of the three
// doors. The zero status and the zero ids mean that the code has no form of
// its own there and is told as an internal error.
type exception struct {
	name    string // before the body: the exception's name
	status  int    // and the HTTP status
	ackID   int    // inside PutMedia: ErrorId
	ackName string // and ErrorCode
	tagID   int    // inside GetMedia: AWS_KINESISVIDEO_ERROR_ID
	tagName string // and AWS_KINESISVIDEO_ERROR_CODE
}

// before makes the row of a code that ends a call before its stream starts.
func before(status int, name string) exception { return exception{name: name, status: status} }

// during makes the row of a code that ends a PutMedia session.
func during(id int, name string) exception { return exception{ackID: id, ackName: name} }

// exceptionOf is the table.
func exceptionOf(code millrace.Code) exception {
	switch code {
	case millrace.CodeInternal:
		return exception{"InternalFailure", http.StatusInternalServerError, 5000, "INTERNAL_ERROR", 5000, "INTERNAL_ERROR"}
	case millrace.CodeUnavailable:
		return before(http.StatusServiceUnavailable, "ServiceUnavailable")
	case millrace.CodeInvalidArgument:
		return before(http.StatusBadRequest, "InvalidArgumentException")
	case millrace.CodeInvalidResourceFormat:
		return before(http.StatusBadRequest, "InvalidResourceFormatException")
	case millrace.CodeSerialization:
		return before(http.StatusBadRequest, "SerializationException")
	case millrace.CodeTooLarge:
		return before(http.StatusRequestEntityTooLarge, "InvalidArgumentException")
	case millrace.CodeUnknownOperation:
		return before(http.StatusNotFound, "UnknownOperationException")
	case millrace.CodeUnsupported:
		return before(http.StatusNotImplemented, "UnsupportedOperationException")
	case millrace.CodeNotFound:
		return exception{"ResourceNotFoundException", http.StatusNotFound, 4008, "STREAM_NOT_ACTIVE", 4000, "FRAGMENT_NOT_FOUND"}
	case millrace.CodeNoEdgeConfiguration:
		return before(http.StatusNotFound, "StreamEdgeConfigurationNotFoundException")
	case millrace.CodeInUse:
		return before(http.StatusBadRequest, "ResourceInUseException")
	case millrace.CodeVersionMismatch:
		return before(http.StatusBadRequest, "VersionMismatchException")
	case millrace.CodeTagLimit:
		return before(http.StatusBadRequest, "TagsPerResourceExceededLimitException")
	case millrace.CodeStreamLimit:
		return before(http.StatusBadRequest, "AccountStreamLimitExceededException")
	case millrace.CodeRateLimit:
		return before(http.StatusBadRequest, "ClientLimitExceededException")
	case millrace.CodeConnectionLimit:
		return before(http.StatusBadRequest, "ConnectionLimitExceededException")
	case millrace.CodeNoRetention:
		return before(http.StatusBadRequest, "NoDataRetentionException")
	case millrace.CodeInvalidEndpoint:
		return before(http.StatusBadRequest, "InvalidEndpointException")
	case millrace.CodeMissingToken:
		return before(http.StatusForbidden, "MissingAuthenticationTokenException")
	case millrace.CodeIncompleteSignature:
		return before(http.StatusForbidden, "IncompleteSignatureException")
	case millrace.CodeInvalidSignature:
		return before(http.StatusForbidden, "InvalidSignatureException")
	case millrace.CodeUnknownKey:
		return before(http.StatusForbidden, "UnrecognizedClientException")
	case millrace.CodeExpiredToken:
		return before(http.StatusForbidden, "ExpiredTokenException")
	case millrace.CodeAccessDenied:
		return before(http.StatusForbidden, "AccessDeniedException")
	case millrace.CodeNotAuthorized:
		return before(http.StatusForbidden, "NotAuthorizedException")

	case millrace.CodeUnsupportedMedia:
		return before(http.StatusBadRequest, "UnsupportedStreamMediaTypeException")
	case millrace.CodeMissingPrivateData:
		return before(http.StatusBadRequest, "MissingCodecPrivateDataException")
	case millrace.CodeInvalidPrivateData:
		return before(http.StatusBadRequest, "InvalidCodecPrivateDataException")
	case millrace.CodeInvalidFrame:
		return before(http.StatusBadRequest, "InvalidMediaFrameException")
	case millrace.CodeThrottled:
		return before(http.StatusTooManyRequests, "ClientLimitExceededException")

	case millrace.CodeStreamRead:
		return during(4000, "STREAM_READ_ERROR")
	case millrace.CodeFragmentSize:
		return during(4001, "MAX_FRAGMENT_SIZE_REACHED")
	case millrace.CodeFragmentDuration:
		return during(4002, "MAX_FRAGMENT_DURATION_REACHED")
	case millrace.CodeConnectionAge:
		return during(4003, "MAX_CONNECTION_DURATION_REACHED")
	case millrace.CodeTimecodeOrder:
		return during(4004, "FRAGMENT_TIMECODE_LESSER_THAN_PREVIOUS")
	case millrace.CodeInvalidMKV:
		return during(4006, "INVALID_MKV_DATA")
	case millrace.CodeProducerTimestamp:
		return during(4007, "INVALID_PRODUCER_TIMESTAMP")
	case millrace.CodeStreamNotActive:
		return during(4008, "STREAM_NOT_ACTIVE")
	case millrace.CodeMetadataLimit:
		return during(4009, "FRAGMENT_METADATA_LIMIT_REACHED")
	case millrace.CodeTrackNumberMismatch:
		return during(4010, "TRACK_NUMBER_MISMATCH")
	case millrace.CodeFramesMissing:
		return during(4011, "FRAMES_MISSING_FOR_TRACK")
	case millrace.CodeTooManyTracks:
		return during(4012, "MORE_THAN_ALLOWED_TRACKS_FOUND")
	case millrace.CodeStreamDeleted:
		return during(4507, "STREAM_DELETED")
	case millrace.CodeMediaInternal:
		return during(5000, "INTERNAL_ERROR")
	case millrace.CodeArchival:
		return during(5001, "ARCHIVAL_ERROR")
	}
	return exception{}
}

// Exception returns the name and the HTTP status by which an operation tells a
// client of code before its body starts. A code that has no such form is an
// internal failure.
func Exception(code millrace.Code) (name string, status int) {
	row := exceptionOf(code)
	if row.status == 0 {
		row = exceptionOf(millrace.CodeInternal)
	}
	return row.name, row.status
}

// AckError returns ErrorId and ErrorCode of the acknowledgement that ends a
// PutMedia session with code. A code that has no such form is an internal
// error, which makes clients send the fragment again.
func AckError(code millrace.Code) (id int, name string) {
	row := exceptionOf(code)
	if row.ackID == 0 {
		row = exceptionOf(millrace.CodeInternal)
	}
	return row.ackID, row.ackName
}

// TagError returns the values of the ERROR_ID and ERROR_CODE tags that end a
// GetMedia response with code. A code that has no such form is an internal
// error.
func TagError(code millrace.Code) (id int, name string) {
	row := exceptionOf(code)
	if row.tagID == 0 {
		row = exceptionOf(millrace.CodeInternal)
	}
	return row.tagID, row.tagName
}

// idListedNotFound is the id by which GetMediaForFragmentList tells of a fragment
// that is not there. It is another than GetMedia's.
const idListedNotFound = 3000

// ListTagError is TagError for GetMediaForFragmentList.
func ListTagError(code millrace.Code) (id int, name string) {
	id, name = TagError(code)
	if code == millrace.CodeNotFound {
		id = idListedNotFound
	}
	return id, name
}
