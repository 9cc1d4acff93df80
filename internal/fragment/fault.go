package fragment

import (
	"errors"
	"strings"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/mkv"
)

// fault makes the error with which a session ends because of what its producer
// sent.
func fault(code millrace.Code, format string, args ...any) error {
	return millrace.Errorf(code, format, args...)
}

// ReadFault turns an error of an mkv.Reader into the fault that it means to a
// session: bytes that are not Matroska are CodeInvalidMKV, or CodeFragmentSize
// where a Cluster or one element in it is larger than a fragment may be. Errors
// of the source, such as a connection that breaks, are returned as they are.
func ReadFault(err error) error {
	var syntax *mkv.SyntaxError
	if !errors.As(err, &syntax) {
		return err
	}
	if errors.Is(err, mkv.ErrTooLarge) && strings.Contains(syntax.Path, "Cluster") {
		return &millrace.Error{Code: millrace.CodeFragmentSize, Message: "the fragment is too large", Err: err}
	}
	return invalidMKV(err)
}

func invalidMKV(cause error) error {
	return &millrace.Error{Code: millrace.CodeInvalidMKV, Message: "the body is not valid Matroska", Err: cause}
}
