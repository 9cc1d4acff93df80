package wire

import (
	"net/http"
	"strings"

	"github.com/millrace/millrace"
)

// maxCode bounds the search through the table; codes are bytes.
const maxCode = 255

// findCode returns the first code whose row matches.
func findCode(match func(exception) bool) (millrace.Code, bool) {
	for c := range maxCode {
		if match(exceptionOf(millrace.Code(c))) {
			return millrace.Code(c), true
		}
	}
	return millrace.CodeInternal, false
}

// CodeOfException is the inverse of Exception, for clients. The name is
// compared without regard to case. A name that is not in the table is
// classified by its status.
func CodeOfException(name string, status int) millrace.Code {
	if c, ok := codeOfCousin(name); ok {
		return c
	}
	c, ok := findCode(func(e exception) bool {
		return e.status != 0 && strings.EqualFold(e.name, name) && (e.status == status || status == 0)
	})
	if ok {
		return c
	}
	if c, ok = findCode(func(e exception) bool { return e.status != 0 && strings.EqualFold(e.name, name) }); ok {
		return c
	}
	return codeOfStatus(status)
}

// codeOfCousin knows names that Millrace does not use, and that other services
// and gateways of AWS have for the same.
func codeOfCousin(name string) (millrace.Code, bool) {
	switch name {
	case "ThrottlingException", "Throttling", "ThrottledException", "RequestThrottled", "TooManyRequestsException", "RequestLimitExceeded", "SlowDown":
		return millrace.CodeRateLimit, true
	case "RequestTimeTooSkewed", "RequestExpired", "RequestInTheFuture":
		return millrace.CodeInvalidSignature, true
	case "InvalidClientTokenId", "InvalidAccessKeyId":
		return millrace.CodeUnknownKey, true
	case "ExpiredToken":
		return millrace.CodeExpiredToken, true
	}
	return millrace.CodeInternal, false
}

// codeOfStatus classifies an answer that has no name we know.
func codeOfStatus(status int) millrace.Code {
	switch status {
	case http.StatusUnauthorized, http.StatusForbidden:
		return millrace.CodeNotAuthorized
	case http.StatusNotFound:
		return millrace.CodeNotFound
	case http.StatusRequestEntityTooLarge:
		return millrace.CodeTooLarge
	case http.StatusTooManyRequests:
		return millrace.CodeRateLimit
	case http.StatusNotImplemented:
		return millrace.CodeUnsupported
	case http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout, http.StatusRequestTimeout:
		return millrace.CodeUnavailable
	}
	if status >= 400 && status < 500 {
		return millrace.CodeInvalidArgument
	}
	return millrace.CodeInternal
}

// CodeOfAck is the inverse of AckError, for clients. Of codes that share an id
// it returns the one that belongs to PutMedia sessions. An id that is not in
// the table is an internal error, so that its fragment is sent again.
func CodeOfAck(id int) millrace.Code {
	if id == 4005 { // the older id of too many tracks
		return millrace.CodeTooManyTracks
	}
	if c, ok := findCode(func(e exception) bool { return e.status == 0 && e.ackID == id && id != 0 }); ok {
		return c
	}
	return millrace.CodeMediaInternal
}

// CodeOfTag is the inverse of TagError and ListTagError, for clients. An id that is not in the
// table is an internal error.
func CodeOfTag(id int) millrace.Code {
	if id == idListedNotFound {
		return millrace.CodeNotFound
	}
	c, _ := findCode(func(e exception) bool { return e.tagID == id && id != 0 })
	return c
}
