package consumertest

import (
	"strconv"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/wire"
	"github.com/millrace/millrace/mkv"
)

// ErrorDocument is the document by which getMedia says what went wrong with a
// fragment: it has no media.
func ErrorDocument(n millrace.FragmentNumber, code millrace.Code) []byte {
	id, name := wire.TagError(code)
	return append(bareHead(), serviceTags([]mkv.SimpleTag{
		{Name: wire.TagFragmentNumber, String: n.String()},
		{Name: wire.TagErrorID, String: strconv.Itoa(id)},
		{Name: wire.TagErrorCode, String: name},
	})...)
}

// listedError is the same for getMediaForFragmentList, in all the words there are.
func listedError(n millrace.FragmentNumber, code millrace.Code) []byte {
	id, name := wire.ListTagError(code)
	return append(bareHead(), serviceTags([]mkv.SimpleTag{
		{Name: wire.TagFragmentNumber, String: n.String()},
		{Name: wire.TagErrorID, String: strconv.Itoa(id)},
		{Name: wire.TagErrorCode, String: name},
		{Name: wire.TagExceptionCode, String: strconv.Itoa(id)},
		{Name: wire.TagExceptionMessage, String: "The fragment is not there."},
	})...)
}

// bareHead begins a document that has nothing of a producer's.
func bareHead() []byte {
	b := mkv.AppendEBML(nil, mkv.EBML{DocType: mkv.DocTypeMatroska})
	return mkv.AppendUnknownSize(mkv.AppendID(b, mkv.IDSegment), 8)
}

func millis(d time.Duration) string { return strconv.FormatInt(max(d.Milliseconds(), 0), 10) }
