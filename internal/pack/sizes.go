package pack

import "github.com/millrace/millrace"

// What a footer takes at most, in bytes.
const (
	MinFooter      = 512 // with nothing in it, and the trailer
	MaxEntry       = 80  // for each fragment, its stream included
	MaxHeaderEntry = 40  // for each record of header elements
	LimitSize      = limitSize
)

// HeaderRecordSize is how many bytes a record of header elements takes.
func HeaderRecordSize(h *millrace.Header) int64 {
	return Aligned(RecordHeaderSize + int64(len(h.Bytes)))
}
