package fragment

import (
	"errors"
	"fmt"
	"strings"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/mkv"
)

// fault makes the error with which a session ends because of what its producer
// sent.
func fault(code millrace.Code, format string, args ...any) error {
	return millrace.Errorf(code, format, args...)
}

// ErrMidway means that a body begins with an element from the middle of a
// document: a Cluster, Tags, a block. The C producer sends such a body when it
// reaches a server again that it could not connect to for a while. It means to
// send the fragments anew that were not acknowledged, and does so in its next
// session if this one ends like a connection that broke, while of an ERROR it
// concludes that these fragments are to be skipped.
var ErrMidway = errors.New("it begins in the middle of a document")

// midway is the fault of a body whose first element is id and should have been
// an EBML header.
func midway(id mkv.ElementID) error {
	return &millrace.Error{
		Code: millrace.CodeStreamRead, Message: fmt.Sprintf("the body begins with %s, and not with an EBML header", id), Err: ErrMidway,
	}
}

// ReadFault turns an error of an mkv.Reader into the fault that it means to a
// session: bytes that are not Matroska are CodeInvalidMKV, or CodeFragmentSize
// where a Cluster or one element in it is larger than a fragment may be, or
// CodeMediaInternal from a producer that gives the digests of what it sends. Bytes
// at the start of a body are CodeStreamRead, which a client answers by sending
// again: they may be the rest of a block, from a client as ErrMidway speaks of.
// Errors of the source, such as a connection that breaks, are returned as they
// are.
func (a *Assembler) ReadFault(err error) error {
	var syntax *mkv.SyntaxError
	if !errors.As(err, &syntax) {
		return err
	}
	if a.header == nil && !strings.HasPrefix(syntax.Path, mkv.IDEBML.String()) {
		return &millrace.Error{Code: millrace.CodeStreamRead, Message: "the body does not begin with an EBML header", Err: err}
	}
	if errors.Is(err, mkv.ErrTooLarge) && strings.Contains(syntax.Path, "Cluster") {
		return &millrace.Error{Code: millrace.CodeFragmentSize, Message: "the fragment is too large", Err: err}
	}
	return a.blame(invalidMKV(err))
}

func invalidMKV(cause error) error {
	return &millrace.Error{Code: millrace.CodeInvalidMKV, Message: "the body is not valid Matroska", Err: cause}
}

// damaged is the fault of bytes that are not those that were sent. Clients send
// them again.
func damaged(cause error) error {
	return &millrace.Error{Code: millrace.CodeMediaInternal, Message: "the media were damaged on their way", Err: cause}
}
