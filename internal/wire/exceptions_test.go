package wire_test

import (
	"testing"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/wire"
)

func TestExceptions(t *testing.T) {
	for _, tc := range []struct {
		code   millrace.Code
		name   string
		status int
	}{
		{millrace.CodeInternal, "InternalFailure", 500},
		{millrace.CodeUnavailable, "ServiceUnavailable", 503},
		{millrace.CodeInvalidArgument, "InvalidArgumentException", 400},
		{millrace.CodeInvalidResourceFormat, "InvalidResourceFormatException", 400},
		{millrace.CodeSerialization, "SerializationException", 400},
		{millrace.CodeTooLarge, "InvalidArgumentException", 413},
		{millrace.CodeUnknownOperation, "UnknownOperationException", 404},
		{millrace.CodeNotFound, "ResourceNotFoundException", 404},
		{millrace.CodeNoEdgeConfiguration, "StreamEdgeConfigurationNotFoundException", 404},
		{millrace.CodeInUse, "ResourceInUseException", 400},
		{millrace.CodeVersionMismatch, "VersionMismatchException", 400},
		{millrace.CodeTagLimit, "TagsPerResourceExceededLimitException", 400},
		{millrace.CodeStreamLimit, "AccountStreamLimitExceededException", 400},
		{millrace.CodeRateLimit, "ClientLimitExceededException", 400},
		{millrace.CodeConnectionLimit, "ConnectionLimitExceededException", 400},
		{millrace.CodeNoRetention, "NoDataRetentionException", 400},
		{millrace.CodeInvalidEndpoint, "InvalidEndpointException", 400},
		{millrace.CodeMissingToken, "MissingAuthenticationTokenException", 403},
		{millrace.CodeIncompleteSignature, "IncompleteSignatureException", 403},
		{millrace.CodeInvalidSignature, "InvalidSignatureException", 403},
		{millrace.CodeUnknownKey, "UnrecognizedClientException", 403},
		{millrace.CodeExpiredToken, "ExpiredTokenException", 403},
		{millrace.CodeAccessDenied, "AccessDeniedException", 403},
		{millrace.CodeNotAuthorized, "NotAuthorizedException", 403},
		{millrace.CodeUnsupported, "UnsupportedOperationException", 501},
		{millrace.CodeUnsupportedMedia, "UnsupportedStreamMediaTypeException", 400},
		{millrace.CodeMissingPrivateData, "MissingCodecPrivateDataException", 400},
		{millrace.CodeInvalidPrivateData, "InvalidCodecPrivateDataException", 400},
		{millrace.CodeInvalidFrame, "InvalidMediaFrameException", 400},
		{millrace.CodeThrottled, "ClientLimitExceededException", 429},
		{millrace.CodeFragmentSize, "InternalFailure", 500}, // has no form before the body
		{200, "InternalFailure", 500},                       // is no code
	} {
		name, status := wire.Exception(tc.code)
		if name != tc.name || status != tc.status {
			t.Errorf("code %d is %s %d, want %s %d", tc.code, name, status, tc.name, tc.status)
		}
		if back := wire.CodeOfException(name, status); tc.name != "InternalFailure" && back != tc.code {
			t.Errorf("%s %d is code %d, want %d", name, status, back, tc.code)
		}
	}
}

func TestAckErrors(t *testing.T) {
	for _, tc := range []struct {
		code millrace.Code
		id   int
		name string
	}{
		{millrace.CodeStreamRead, 4000, "STREAM_READ_ERROR"},
		{millrace.CodeFragmentSize, 4001, "MAX_FRAGMENT_SIZE_REACHED"},
		{millrace.CodeFragmentDuration, 4002, "MAX_FRAGMENT_DURATION_REACHED"},
		{millrace.CodeConnectionAge, 4003, "MAX_CONNECTION_DURATION_REACHED"},
		{millrace.CodeTimecodeOrder, 4004, "FRAGMENT_TIMECODE_LESSER_THAN_PREVIOUS"},
		{millrace.CodeInvalidMKV, 4006, "INVALID_MKV_DATA"},
		{millrace.CodeProducerTimestamp, 4007, "INVALID_PRODUCER_TIMESTAMP"},
		{millrace.CodeStreamNotActive, 4008, "STREAM_NOT_ACTIVE"},
		{millrace.CodeMetadataLimit, 4009, "FRAGMENT_METADATA_LIMIT_REACHED"},
		{millrace.CodeTrackNumberMismatch, 4010, "TRACK_NUMBER_MISMATCH"},
		{millrace.CodeFramesMissing, 4011, "FRAMES_MISSING_FOR_TRACK"},
		{millrace.CodeTooManyTracks, 4012, "MORE_THAN_ALLOWED_TRACKS_FOUND"},
		{millrace.CodeStreamDeleted, 4507, "STREAM_DELETED"},
		{millrace.CodeMediaInternal, 5000, "INTERNAL_ERROR"},
		{millrace.CodeArchival, 5001, "ARCHIVAL_ERROR"},
	} {
		id, name := wire.AckError(tc.code)
		if id != tc.id || name != tc.name {
			t.Errorf("code %d is %d %s, want %d %s", tc.code, id, name, tc.id, tc.name)
		}
		if back := wire.CodeOfAck(id); back != tc.code {
			t.Errorf("id %d is code %d, want %d", id, back, tc.code)
		}
	}
	for code, want := range map[millrace.Code]int{
		millrace.CodeInternal: 5000, millrace.CodeUnavailable: 5000, millrace.CodeNotFound: 4008, 200: 5000,
	} {
		if id, _ := wire.AckError(code); id != want {
			t.Errorf("code %d is %d, want %d", code, id, want)
		}
	}
	for id, want := range map[int]millrace.Code{
		4005: millrace.CodeTooManyTracks, 4502: millrace.CodeMediaInternal, 0: millrace.CodeMediaInternal, 9999: millrace.CodeMediaInternal,
	} {
		if code := wire.CodeOfAck(id); code != want {
			t.Errorf("id %d is code %d, want %d", id, code, want)
		}
	}
}

func TestTagErrors(t *testing.T) {
	for code, want := range map[millrace.Code]int{
		millrace.CodeNotFound: 4000, millrace.CodeInternal: 5000, millrace.CodeArchival: 5000, 200: 5000,
	} {
		id, name := wire.TagError(code)
		if id != want || name == "" {
			t.Errorf("code %d is %d %q, want %d", code, id, name, want)
		}
	}
	for id, want := range map[int]millrace.Code{
		4000: millrace.CodeNotFound, 5000: millrace.CodeInternal, 4500: millrace.CodeInternal, 0: millrace.CodeInternal,
	} {
		if code := wire.CodeOfTag(id); code != want {
			t.Errorf("id %d is code %d, want %d", id, code, want)
		}
	}
}

func TestUnknownExceptionsAreClassifiedByTheirStatus(t *testing.T) {
	for _, tc := range []struct {
		name   string
		status int
		want   millrace.Code
	}{
		{"", 404, millrace.CodeNotFound},
		{"ThingNotFoundException", 404, millrace.CodeNotFound},
		{"SignatureDoesNotMatch", 403, millrace.CodeNotAuthorized},
		{"", 401, millrace.CodeNotAuthorized},
		{"NotAuthorizedException", 401, millrace.CodeNotAuthorized}, // the model's status
		{"resourceNOTfoundexception", 404, millrace.CodeNotFound},
		{"ValidationException", 400, millrace.CodeInvalidArgument},
		{"", 413, millrace.CodeTooLarge},
		{"", 429, millrace.CodeRateLimit},
		{"", 500, millrace.CodeInternal},
		{"", 501, millrace.CodeUnsupported},
		{"", 502, millrace.CodeUnavailable},
		{"", 503, millrace.CodeUnavailable},
		{"", 302, millrace.CodeInternal},
	} {
		if got := wire.CodeOfException(tc.name, tc.status); got != tc.want {
			t.Errorf("%q %d is code %d, want %d", tc.name, tc.status, got, tc.want)
		}
	}
}

// GetMediaForFragmentList tells of a fragment that is not there by another id than
// GetMedia, and clients understand both.
func TestListsHaveAnIDOfTheirOwn(t *testing.T) {
	for code, want := range map[millrace.Code]int{millrace.CodeNotFound: 3000, millrace.CodeInternal: 5000, millrace.CodeInvalidMKV: 5000} {
		id, name := wire.ListTagError(code)
		_, same := wire.TagError(code)
		if id != want || name != same {
			t.Errorf("%v is told as %d %s", code, id, name)
		}
	}
	if wire.CodeOfTag(3000) != millrace.CodeNotFound || wire.CodeOfTag(4000) != millrace.CodeNotFound {
		t.Error("clients do not understand that a fragment is not there")
	}
}
